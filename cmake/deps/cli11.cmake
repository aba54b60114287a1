find_package(CLI11 REQUIRED)
add_library(dep::cli11 INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::cli11 INTERFACE CLI11::CLI11)
