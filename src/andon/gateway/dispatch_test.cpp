// Keys in turn, fallbacks by fault, and waiting for a place, through a whole gateway.
#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"
#include "andon/route/waiting_room.hpp"

namespace andon::gateway::testing {
namespace {

using fate = route::waiting_room::fate;

void two_keys(plan& p, route::health_table&) {
  p.models[0]->credentials = {{"authorization", "Bearer sk-first"}, {"authorization", "Bearer sk-good"}};
  p.models[0]->keys = std::make_shared<route::key_ring>(2);
}

TEST(dispatch, another_key_takes_over_from_one_that_is_refused_or_limited) {
  for (const auto& [script, status] : {std::pair{"keys: [ sk-good ]", 401},
                                       std::pair{"rules: [ { match: { header: { authorization: 'Bearer sk-first' } }, error: rate_limit } ]", 429}}) {
    running_gateway g({.targets = {{.script = script}}, .attempts = 1, .amend = two_keys});
    const auto got = g.chat();
    ASSERT_EQ(got.status, 200) << got.body;
    const auto r = g.record_of(got.request_id);
    ASSERT_EQ(r.attempts.size(), 2U);
    EXPECT_EQ(r.attempts[0].key, 1);
    EXPECT_EQ(r.attempts[0].http_status, status);
    EXPECT_EQ(r.attempts[1].key, 2);
    EXPECT_EQ(g.health(0).error_rate(g.now()), 0.0) << "the target is not to blame";
    const auto next = g.record_of(g.chat().request_id);
    ASSERT_EQ(next.attempts.size(), 1U);
    EXPECT_EQ(next.attempts[0].key, 2);
    EXPECT_EQ(g.health(0).in_flight(), 0);
    EXPECT_EQ(g.open_tickets(), 0);
  }
}

/// A route `spare` with the second target, to which calls go that are too long or filtered.
void spare(plan& p, route::health_table& health) {
  route::route_settings rules;
  rules.name = route_name{"spare"};
  rules.targets.push_back({.model = p.models[1]->name});
  auto made = std::make_unique<served_route>();
  made->name = rules.name;
  made->models = {p.models[1].get()};
  made->choice = route::route::compile(rules, health).value();
  p.routes[0]->fallbacks = {made.get(), made.get(), nullptr};
  p.routes.push_back(std::move(made));
}

TEST(dispatch, a_fault_that_has_a_fallback_goes_to_the_other_routes_target) {
  struct row { const char* error; int status; const char* by; };
  for (const auto& [error, status, by] : {row{"context_length", 200, "m1"}, row{"content_filter", 200, "m1"}, row{"rate_limit", 429, ""}}) {
    running_gateway g({.targets = {{.script = std::string("rules: [ { error: ") + error + " } ]"}, {}}, .attempts = 1,
                       .adjust = [](route::route_settings& r) { r.targets[1].weight = 0; }, .amend = spare});
    const auto got = g.chat();
    EXPECT_EQ(got.status, status) << error << got.body;
    EXPECT_EQ(got.served_by, by) << error;
    EXPECT_EQ(g.record_of(got.request_id).attempts.size(), status == 200 ? 2U : 1U) << error;
    EXPECT_EQ(g.open_tickets(), 0);
  }
}

TEST(dispatch, a_stream_of_a_fallback_goes_on_from_the_fallbacks_targets) {
  const auto spare = [](plan& p, route::health_table& health) {
    route::route_settings rules;
    rules.name = route_name{"spare"};
    rules.deadlines = {2s, 2s, 200ms, 5s};
    auto made = std::make_unique<served_route>();
    made->name = rules.name;
    for (std::size_t i : {1, 2}) {
      rules.targets.push_back({.model = p.models[i]->name});
      made->models.push_back(p.models[i].get());
    }
    made->choice = route::route::compile(rules, health).value();
    p.routes[0]->fallbacks = {made.get(), nullptr, nullptr};
    p.routes.push_back(std::move(made));
  };
  running_gateway g({.targets = {{.script = "rules: [ { error: context_length } ]"}, {.script = "defaults: { between: 2ms }\nrules: [ { fault: stall, after: 5 } ]"}, {}},
                     .attempts = 1, .adjust = [](route::route_settings& r) { r.targets[1].weight = r.targets[2].weight = 0; }, .amend = spare});
  const auto got = g.send({.body = R"({"model":"r","stream":true,"messages":[{"role":"user","content":"Say something nice"}]})"});
  EXPECT_TRUE(got.body.ends_with("[DONE]\n\n")) << got.body;
  const auto r = g.record_of(got.request_id);
  ASSERT_EQ(r.attempts.size(), 3U);
  EXPECT_EQ(r.attempts[1].outcome, errc::idle_timeout);
  EXPECT_EQ(r.attempts[2].model.str(), "m2");
  EXPECT_EQ(g.open_tickets(), 0);
}

route::waiting_room& room_of(route::health_table& health) { return *health.room_of(route_name{"r"}); }

TEST(dispatch, calls_wait_for_a_place_and_all_are_served) {
  route::health_table* table = nullptr;
  running_gateway g({.targets = {{.script = "defaults: { delay: 5ms }"}}, .adjust = [](route::route_settings& r) { r.targets[0].max_parallel = 1; },
                     .amend = [&](plan&, route::health_table& health) { table = &health; }});
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 6; ++i) clients.emplace_back([&] { good += g.chat().status == 200; });
  }
  EXPECT_EQ(good, 6);
  EXPECT_GT(room_of(*table).count(fate::granted), 0U);
  EXPECT_EQ(room_of(*table).waiting(), 0U);
  EXPECT_EQ(g.health(0).in_flight(), 0);
  EXPECT_EQ(g.open_tickets(), 0);
}

TEST(dispatch, a_full_queue_refuses_and_a_wait_ends_with_its_deadline_or_its_client) {
  route::health_table* table = nullptr;
  running_gateway g({.targets = {{}}, .adjust = [](route::route_settings& r) {
                       r.targets[0].max_parallel = 1;
                       r.queue = {.size = 1, .max_wait = 200ms};
                     },
                     .amend = [&](plan&, route::health_table& health) { table = &health; }});
  auto& room = room_of(*table);
  const auto held = g.health(0).enter().value();  // somebody else's call
  const auto late = g.chat();
  EXPECT_EQ(late.status, 503);
  EXPECT_FALSE(late.retry_after.empty());
  answer waiting;
  std::jthread other([&] { waiting = g.chat(); });
  ASSERT_TRUE(g.becomes([&] { return room.waiting() == 1; }));
  const auto full = g.chat();
  EXPECT_EQ(full.status, 503);
  EXPECT_FALSE(full.retry_after.empty());
  EXPECT_GE(room.refused(), 1U);
  other.join();
  EXPECT_EQ(waiting.status, 503);
  const int link = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(g.port());
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(link, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  const std::string body = R"({"model":"r","messages":[{"role":"user","content":"hi"}]})";
  const std::string call = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + g.key() + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  ASSERT_EQ(::send(link, call.data(), call.size(), MSG_NOSIGNAL), static_cast<ssize_t>(call.size()));
  ASSERT_TRUE(g.becomes([&] { return room.waiting() == 1; }));
  ::close(link);
  EXPECT_TRUE(g.becomes([&] { return room.waiting() == 0 && g.open_tickets() == 0; }));
  g.health(0).leave(held, g.now());
  EXPECT_EQ(g.chat().status, 200);
  EXPECT_EQ(g.health(0).in_flight(), 0);
}

TEST(dispatch, what_a_provider_refuses_of_one_call_closes_it_to_no_other) {
  for (const int status : {403, 404}) {
    running_gateway g({.targets = {{.script = "rules: [ { match: { path: /v1/embeddings }, status: " + std::to_string(status) + " } ]"}}, .attempts = 1});
    for (int i = 0; i < 8; ++i) (void)g.send({.path = "/v1/embeddings", .body = R"({"model":"r","input":"x"})"});
    const auto got = g.chat();
    EXPECT_EQ(got.status, 200) << status << got.body;
  }
}

TEST(dispatch, a_context_error_within_a_200_has_its_fallback_too) {
  const std::string told = R"({\"error\":{\"message\":\"too long\",\"code\":\"context_length_exceeded\"}})";
  running_gateway g({.targets = {{.script = "rules: [ { sse: \"data: " + told + R"(\n\n)" + "\" } ]"}, {}}, .attempts = 1,
                     .adjust = [](route::route_settings& r) { r.targets[1].weight = 0; r.failover.enabled = false; }, .amend = spare});
  const auto got = g.send({.body = R"({"model":"r","stream":true,"messages":[{"role":"user","content":"Say"}]})"});
  EXPECT_EQ(got.status, 200) << got.body;
  EXPECT_EQ(got.served_by, "m1");
}

}  // namespace
}  // namespace andon::gateway::testing
