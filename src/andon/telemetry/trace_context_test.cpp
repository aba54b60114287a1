#include "andon/telemetry/trace_context.hpp"

#include <gtest/gtest.h>

#include <string>

namespace andon::telemetry {
namespace {

constexpr std::string_view good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(traceparent, is_read_and_made) {
  const auto read = parse_traceparent(good);
  ASSERT_TRUE(read);
  EXPECT_EQ(hex(read->trace), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(hex(read->parent), "00f067aa0ba902b7");
  EXPECT_TRUE(read->sampled);
  const auto made = make_traceparent(read->trace, read->parent, true);
  EXPECT_EQ(std::string_view(made.data(), made.size()), good);
  EXPECT_EQ(make_traceparent(read->trace, read->parent, false).back(), '0');
}

TEST(traceparent, takes_what_the_standard_takes_and_nothing_else) {
  const std::string base{good};
  struct row { std::string text; bool taken; };
  for (const auto& [text, taken] : {
           row{base, true}, row{" " + base + "\t", true}, row{base + "-what-the-future", false}, row{"cc" + base.substr(2) + "-what-the-future", true},
           row{"cc" + base.substr(2) + ".what", false}, row{"ff" + base.substr(2), false}, row{"", false}, row{base.substr(0, 54), false},
           row{"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false}, row{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
           row{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false}, row{"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false},
           row{"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", false}, row{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x", false}})
    EXPECT_EQ(parse_traceparent(text).has_value(), taken) << text;
  EXPECT_FALSE(parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02")->sampled);
}

TEST(tracestate, well_formed_lists_pass_and_others_do_not) {
  const std::string long_value(250, 'v');
  std::string many;
  for (int i = 0; i < 33; ++i) many += (i ? ",k" : "k") + std::to_string(i) + "=v";
  struct row { std::string text, kept; };
  for (const auto& [text, kept] : {
           row{"", ""}, row{"a=1,b=2", "a=1,b=2"}, row{" a=1 , b=2 ", "a=1 , b=2"}, row{"vendor@sys=x", "vendor@sys=x"}, row{"a=1,,b=2", "a=1,,b=2"},
           row{"a=1,a=2", ""}, row{"A=1", ""}, row{"a", ""}, row{"a=", ""}, row{"a=b=c", ""}, row{"a=\x01", ""}, row{"a@b@c=1", ""}, row{many, ""},
           row{"a=" + long_value + ",b=" + long_value + ",c=" + long_value, "a=" + long_value + ",b=" + long_value}})
    EXPECT_EQ(usable_tracestate(text), kept) << text;
}

TEST(sampler, follows_the_parent_and_else_the_ratio) {
  random_source random{3};
  const sampler tenth{0.1}, never{0}, always{1};
  int kept = 0;
  for (int i = 0; i < 20'000; ++i) {
    const trace_id id = make_trace_id(random);
    kept += tenth.decide({}, id);
    ASSERT_FALSE(never.decide({}, id));
    ASSERT_TRUE(always.decide({}, id));
    ASSERT_TRUE(never.decide(trace_context{.trace = id, .sampled = true}, id));
    ASSERT_FALSE(always.decide(trace_context{.trace = id, .sampled = false}, id));
  }
  EXPECT_NEAR(kept, 2'000, 150);
}

}  // namespace
}  // namespace andon::telemetry
