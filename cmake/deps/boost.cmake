# Asio and Beast with separate compilation: their implementation is compiled once, in net/boost_impl.cpp.
# A call has more coroutine frames at a time than the two that Asio keeps for the next one.
find_package(Boost 1.81 EXACT REQUIRED COMPONENTS url json)
add_library(dep::boost INTERFACE IMPORTED GLOBAL)
target_link_libraries(dep::boost INTERFACE Boost::headers Boost::url Boost::json Threads::Threads)
target_compile_definitions(dep::boost INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE BOOST_ASIO_DISABLE_BOOST_DATE_TIME
  BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=8)
