# Headers of libraries that most sources include, compiled once for each set of flags. No header of the project is among
# them, so that a change never compiles everything again. Every source still includes what it uses: -DANDON_PRELUDE=OFF
# builds without (the preset tsan does).
option(ANDON_PRELUDE "compile common library headers once" ON)

set(prelude_headers_core <algorithm> <array> <atomic> <bit> <charconv> <chrono> <cmath> <cstdint> <cstring> <deque> <expected> <filesystem>
    <functional> <map> <memory> <mutex> <optional> <span> <string> <string_view> <system_error> <thread> <tuple> <unordered_map>
    <utility> <variant> <vector> <fmt/format.h>)
set(prelude_headers_net ${prelude_headers_core} <boost/asio/awaitable.hpp> <boost/asio/io_context.hpp> <boost/asio/steady_timer.hpp> <boost/json.hpp>)
foreach(kind core net)
  set(prelude_headers_test_${kind} ${prelude_headers_${kind}} <gtest/gtest.h> <gmock/gmock.h>)
endforeach()

# andon_prelude(TARGET KIND [OPTION…]): gives the target the headers of a kind, core or net, or test_ and one of these; the options are
# added to the target's flags, since a header compiled in advance is only good for the same flags.
function(andon_prelude target kind)
  target_compile_options(${target} PRIVATE ${ARGN})
  if(NOT ANDON_PRELUDE)
    return()
  endif()
  set(name andon_prelude_${kind})
  if(NOT TARGET ${name})
    file(WRITE ${CMAKE_BINARY_DIR}/prelude_${kind}.cpp "// compiled for its headers\n")
    add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/prelude_${kind}.cpp)
    target_compile_options(${name} PRIVATE ${ARGN})
    foreach(dep fmt spdlog boost gtest)
      if(NOT TARGET dep::${dep})
        include(deps/${dep})
      endif()
      target_link_libraries(${name} PRIVATE dep::${dep})
    endforeach()
    target_precompile_headers(${name} PRIVATE ${prelude_headers_${kind}})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${name})
endfunction()
