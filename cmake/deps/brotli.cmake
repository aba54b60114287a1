pkg_check_modules(brotli REQUIRED IMPORTED_TARGET GLOBAL libbrotlidec)
add_library(dep::brotli INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::brotli INTERFACE PkgConfig::brotli)
