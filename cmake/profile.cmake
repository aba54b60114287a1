# The release is compiled with what training calls taught of it (docs/decisions/17-guided-by-a-profile.md): which functions
# and branches are hot. cmake/profile/calls.proftext holds that as text; `./dev profile` writes it anew. A function that has
# changed since is compiled without, and the compiler says `hash mismatch`. cmake/profile/order.txt has what runs from the
# start to the first calls: the linker puts it together, so that the rest of the program stays on the disk.
#   use: as it is (release);  make: a program that writes down what it does (profile);  off: nothing of it (debug, tsan, fuzz)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(usual use)
else()
  set(usual off)
endif()
set(ANDON_PROFILE ${usual} CACHE STRING "use, make or off")
message(STATUS "ANDON_PROFILE: ${ANDON_PROFILE}")

# Functions without linkage are told apart by their source's name, not its path: the text is good for any clone.
set(profile_names "SHELL:-mllvm -static-func-full-module-prefix=false")

if(ANDON_PROFILE STREQUAL "make")
  add_compile_options(-fprofile-generate ${profile_names})
  add_link_options(-fprofile-generate)
elseif(ANDON_PROFILE STREQUAL "use")
  set(profile_text ${CMAKE_SOURCE_DIR}/cmake/profile/calls.proftext)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${profile_text})
  file(SHA1 ${profile_text} profile_digest)
  string(SUBSTRING ${profile_digest} 0 12 profile_digest)
  set(profile ${CMAKE_BINARY_DIR}/calls-${profile_digest}.profdata)  # another profile is another flag: everything is compiled anew
  find_program(ANDON_PROFDATA llvm-profdata-19 REQUIRED)
  if(NOT EXISTS ${profile})
    execute_process(COMMAND ${ANDON_PROFDATA} merge -o ${profile}.part ${profile_text} COMMAND_ERROR_IS_FATAL ANY)
    file(RENAME ${profile}.part ${profile})
  endif()
  add_compile_options(-fprofile-use=${profile} ${profile_names} -ffunction-sections)
elseif(NOT ANDON_PROFILE STREQUAL "off")
  message(FATAL_ERROR "ANDON_PROFILE is '${ANDON_PROFILE}'; it must be use, make or off")
endif()

# The program's functions in the order of cmake/profile/order.txt.
function(andon_order_functions target)
  if(ANDON_PROFILE STREQUAL "use")
    set(order ${CMAKE_SOURCE_DIR}/cmake/profile/order.txt)
    target_link_options(${target} PRIVATE -Wl,--symbol-ordering-file=${order},--no-warn-symbol-ordering,--gc-sections,-z,keep-text-section-prefix)
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${order})
  endif()
endfunction()
