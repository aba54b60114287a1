find_package(fmt REQUIRED)
add_library(dep::fmt INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::fmt INTERFACE fmt::fmt)
