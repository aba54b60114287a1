pkg_check_modules(openssl REQUIRED IMPORTED_TARGET GLOBAL openssl)
add_library(dep::openssl INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::openssl INTERFACE PkgConfig::openssl)
