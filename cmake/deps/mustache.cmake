# Templates: one header, not written for this project's warnings.
find_path(ANDON_MUSTACHE kainjow/mustache.hpp REQUIRED)
add_library(dep::mustache INTERFACE IMPORTED GLOBAL)
target_include_directories(dep::mustache SYSTEM INTERFACE ${ANDON_MUSTACHE})
