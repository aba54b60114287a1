# Compiler flags of every target, and the sanitizers of the debug and tsan presets.
set(ANDON_SANITIZE "" CACHE STRING "comma-separated sanitizers: address,undefined or thread")
option(ANDON_FUZZ "build the libFuzzer targets" OFF)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                    -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -Werror=return-type
                    -fno-omit-frame-pointer "SHELL:-Xclang -fno-pch-timestamp")
add_link_options(-fuse-ld=lld-19)

if(ANDON_SANITIZE)
  add_compile_options(-fsanitize=${ANDON_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ANDON_SANITIZE})
endif()
if(ANDON_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(ANDON_CCACHE ccache)
if(ANDON_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_SLOPPINESS=pch_defines,time_macros ${ANDON_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# How the tests' own sources are compiled: what they test is compiled as it ships.
set(ANDON_TEST_OPTIONS "-O1" CACHE STRING "flags of the tests' own sources")
