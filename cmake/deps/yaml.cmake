find_package(yaml-cpp REQUIRED)
add_library(dep::yaml INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::yaml INTERFACE yaml-cpp)
