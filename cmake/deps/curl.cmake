pkg_check_modules(curl REQUIRED IMPORTED_TARGET GLOBAL libcurl)
add_library(dep::curl INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::curl INTERFACE PkgConfig::curl)
