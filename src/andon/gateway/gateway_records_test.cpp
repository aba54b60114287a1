// Records that find no space, or meet a fault, when their calls end.
#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;

const std::string filler = R"({"model":"r","messages":[{"role":"user","content":")" + std::string(6000, 'x') + "\"}]}";

TEST(gateway_records, no_reply_is_given_whole_that_must_be_durable_and_has_no_place) {
  bad_disk disk;
  running_gateway g({.segment_bytes = 64u << 10, .files = &disk, .wait_durable = true});
  EXPECT_EQ(g.chat().status, 200);
  disk.full = true;
  std::vector<answer> given;
  for (int i = 0; i < 600 && (given.empty() || given.back().status == 200); ++i) given.push_back(g.send({.body = filler}));
  EXPECT_EQ(given.back().status, 503);
  disk.full = false;
  for (int i = 0; i < 10'000 && g.send({.body = filler}).status != 200; ++i) {}
  for (const auto& one : given) EXPECT_EQ(g.record_of(one.request_id).http_status, one.status);
}

/// So many calls that the full disk refused.
std::vector<answer> refused_on(running_gateway& g, bad_disk& disk, std::size_t many) {
  EXPECT_EQ(g.chat().status, 200);
  disk.full = true;
  std::vector<answer> refused;
  for (std::size_t i = 0; i < 450 + many && refused.size() < many; ++i) {
    auto got = g.send({.body = filler});
    EXPECT_TRUE(got.status == 200 || got.status == 503) << got.status << got.body;
    if (got.status == 503) refused.push_back(std::move(got));
  }
  EXPECT_EQ(refused.size(), many);
  EXPECT_THAT(refused.at(0).body, HasSubstr("ledger_unavailable"));
  return refused;
}

TEST(gateway_records, calls_refused_on_a_full_disk_get_their_records_when_there_is_space) {
  bad_disk disk;
  running_gateway g({.segment_bytes = 64u << 10, .files = &disk});
  const auto refused = refused_on(g, disk, 150);
  disk.full = false;
  for (int i = 0; i < 10'000 && g.send({.body = filler}).status != 200; ++i) {}
  for (int i = 0; i < 12; ++i) EXPECT_EQ(g.chat().status, 200);
  for (const auto& one : refused) {
    const auto r = g.record_of(one.request_id);
    EXPECT_EQ(r.outcome, errc::ledger_unavailable);
    EXPECT_EQ(r.http_status, 503);
    EXPECT_EQ(r.project.str(), "p");
    EXPECT_EQ(r.request_bytes, filler.size());
  }
  EXPECT_EQ(g.metric("andon_unrecorded_total"), 0);
  EXPECT_TRUE(g.records().status().balanced());
}

TEST(gateway_records, records_that_wait_for_space_are_written_without_another_call) {
  bad_disk disk;
  running_gateway g({.segment_bytes = 64u << 10, .files = &disk});
  const auto refused = refused_on(g, disk, 20);
  disk.full = false;
  for (const auto& one : refused) EXPECT_EQ(g.record_of(one.request_id).http_status, 503);
  EXPECT_EQ(g.metric("andon_unrecorded_total"), 0);
}

TEST(gateway_records, a_record_that_is_lost_to_a_fault_is_counted_and_holds_nothing) {
  bad_disk disk;
  running_gateway g({.segment_bytes = 64u << 10, .files = &disk});
  EXPECT_EQ(g.chat().status, 200);
  disk.throws = true;
  const auto got = g.chat("r", R"(,"user":")" + std::string(200'000, 'x') + "\"");  // larger than a segment: needs one of its own
  EXPECT_EQ(got.status, 200) << "the caller has the reply that it will pay for";
  EXPECT_TRUE(g.becomes([&] { return g.metric("andon_unrecorded_total") == 1; }));
  EXPECT_EQ(g.metric("andon_in_flight"), 0);
  EXPECT_EQ(g.open_tickets(), 0);
  disk.throws = false;
  EXPECT_EQ(g.record_of(g.chat().request_id).http_status, 200);
}

}  // namespace
}  // namespace andon::gateway::testing
