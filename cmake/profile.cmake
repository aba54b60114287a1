# The release is compiled with what training calls taught of it (docs/decisions/17-guided-by-a-profile.md): which functions
# and branches are hot. cmake/profile/calls.proftext holds that as text; `./dev profile` writes it anew. A function that has
# changed since is compiled without.
#   use: as it is (release);  make: a program that writes down what it does (profile);  off: nothing of it (debug, tsan, fuzz)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(usual use)
else()
  set(usual off)
endif()
set(ANDON_PROFILE ${usual} CACHE STRING "use, make or off")

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
    execute_process(COMMAND ${ANDON_PROFDATA} merge -o ${profile} ${profile_text} COMMAND_ERROR_IS_FATAL ANY)
  endif()
  add_compile_options(-fprofile-use=${profile} ${profile_names} -Wno-profile-instr-unprofiled -Wno-profile-instr-out-of-date)
endif()
