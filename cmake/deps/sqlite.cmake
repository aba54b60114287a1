pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET GLOBAL sqlite3)
add_library(dep::sqlite INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::sqlite INTERFACE PkgConfig::sqlite)
