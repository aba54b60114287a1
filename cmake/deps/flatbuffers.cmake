find_library(ANDON_FLATBUFFERS flatbuffers REQUIRED)
find_program(ANDON_FLATC flatc REQUIRED)
add_library(dep::flatbuffers INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::flatbuffers INTERFACE ${ANDON_FLATBUFFERS})
