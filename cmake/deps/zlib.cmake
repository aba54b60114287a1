pkg_check_modules(zlib REQUIRED IMPORTED_TARGET GLOBAL zlib)
add_library(dep::zlib INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::zlib INTERFACE PkgConfig::zlib)
