# Nearest neighbours: headers only, and not written for this project's warnings.
find_path(ANDON_HNSWLIB hnswlib/hnswlib.h REQUIRED)
add_library(dep::hnswlib INTERFACE IMPORTED GLOBAL)
target_include_directories(dep::hnswlib SYSTEM INTERFACE ${ANDON_HNSWLIB})
