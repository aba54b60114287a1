find_package(spdlog REQUIRED)
add_library(dep::spdlog INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::spdlog INTERFACE spdlog::spdlog)
