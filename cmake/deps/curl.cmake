# Its header alone: the program loads the library when there is somebody to tell.
pkg_check_modules(curl REQUIRED libcurl)
add_library(dep::curl INTERFACE IMPORTED GLOBAL)
target_include_directories(dep::curl SYSTEM INTERFACE ${curl_INCLUDE_DIRS})
target_link_libraries(dep::curl INTERFACE ${CMAKE_DL_LIBS})
