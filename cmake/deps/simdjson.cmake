find_package(simdjson REQUIRED)
add_library(dep::simdjson INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::simdjson INTERFACE simdjson::simdjson)
