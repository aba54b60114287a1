#include "andon/gateway/given_time.hpp"

#include <gtest/gtest.h>

namespace andon::gateway {
namespace {

using namespace std::chrono_literals;

constexpr mono_time arrived{1h};

TEST(given_time, says_whose_time_was_over) {
  const given_time none, total{.total = deadline::after(arrived, 5s)}, caller{.by_caller = 2s, .arrived = arrived}, both{.total = deadline::after(arrived, 5s), .by_caller = 2s, .arrived = arrived};
  struct row { const char* name; given_time given; errc was; nanoseconds after; errc is; };
  for (const auto& [name, given, was, after, is] : {
           row{"nobody gave a time", none, errc::connect_timeout, 9s, errc::connect_timeout},
           row{"the call's, while connecting", total, errc::connect_timeout, 6s, errc::total_timeout},
           row{"the connection's own", total, errc::connect_timeout, 4s, errc::connect_timeout},
           row{"the reply's own", total, errc::idle_timeout, 6s, errc::idle_timeout},
           row{"no timeout", both, errc::dns_failed, 6s, errc::dns_failed},
           row{"the caller's, while connecting", caller, errc::connect_timeout, 3s, errc::client_timeout},
           row{"the caller's, before the first token", caller, errc::first_token_timeout, 3s, errc::client_timeout},
           row{"the caller's, in the reply", caller, errc::idle_timeout, 3s, errc::client_timeout},
           row{"the caller's, all in all", caller, errc::total_timeout, 3s, errc::client_timeout},
           row{"before the caller's", caller, errc::idle_timeout, 1s, errc::idle_timeout},
           row{"the caller's is over too", both, errc::connect_timeout, 6s, errc::client_timeout}})
    EXPECT_EQ(in_time({was, "x"}, given, arrived + after).code, is) << name;
}

TEST(given_time, tells_the_caller_what_it_asked_for) {
  EXPECT_EQ(in_time({errc::total_timeout, "x"}, {.by_caller = 1500ms, .arrived = arrived}, arrived + 2s).message,
            "The call was not answered within the 1500 ms that it asked for (x-andon-timeout).");
  EXPECT_EQ(in_time({errc::idle_timeout, "x"}, {.by_caller = 1500ms, .arrived = arrived}, arrived + 1s).message, "x");
}

}  // namespace
}  // namespace andon::gateway
