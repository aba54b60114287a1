# Its pkg-config file asks for -pthread, which headers compiled in advance are not compiled with: only its library is taken.
find_library(ANDON_RE2 re2 REQUIRED)
find_path(ANDON_RE2_HEADERS re2/re2.h REQUIRED)
add_library(dep::re2 INTERFACE IMPORTED GLOBAL)
target_include_directories(dep::re2 SYSTEM INTERFACE ${ANDON_RE2_HEADERS})
target_link_libraries(dep::re2 INTERFACE ${ANDON_RE2})
