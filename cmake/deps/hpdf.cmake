# PDF documents: libharu, which has no package file of its own.
find_path(ANDON_HPDF_INCLUDE hpdf.h REQUIRED)
find_library(ANDON_HPDF hpdf REQUIRED)
add_library(dep::hpdf INTERFACE IMPORTED GLOBAL)
target_include_directories(dep::hpdf SYSTEM INTERFACE ${ANDON_HPDF_INCLUDE})
target_link_libraries(dep::hpdf INTERFACE ${ANDON_HPDF})
