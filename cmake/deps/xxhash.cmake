pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET GLOBAL libxxhash)
add_library(dep::xxhash INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::xxhash INTERFACE PkgConfig::xxhash)
