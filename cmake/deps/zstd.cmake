pkg_check_modules(zstd REQUIRED IMPORTED_TARGET GLOBAL libzstd)
add_library(dep::zstd INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::zstd INTERFACE PkgConfig::zstd)
