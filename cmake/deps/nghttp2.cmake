pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET GLOBAL libnghttp2)
add_library(dep::nghttp2 INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::nghttp2 INTERFACE PkgConfig::nghttp2)
