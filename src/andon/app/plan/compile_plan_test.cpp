#include <gtest/gtest.h>

#include "andon/app/plan/compile_testing.hpp"

namespace andon::app {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::compilation;
using testing_support::smallest;
using lines = std::vector<std::string>;

TEST(compile_plan, a_provider_becomes_address_headers_and_paths) {
  const compilation got(R"(
providers:
  groq:  { key: "${KEY}", headers: { x-org: acme } }
  azure: { url: "https://me.openai.azure.com/openai", key: "${KEY}", api_version: "2025-01-01", ca_file: own.pem, verify: false }
  mine:  { url: "http://10.0.0.1:8080/v1" }
models:
  a: { provider: groq, name: llama-3.1-8b-instant }
  b: { provider: azure, name: gpt-4o, max_output: 77 }
  c: { provider: mine }
routes: { r: { targets: [ a, b, c ] } }
default_max_output: 123
)");
  ASSERT_TRUE(got.made) << got.found.text();
  EXPECT_EQ(got.plan().version, 7u);
  EXPECT_EQ(got.plan().limits.default_max_output, 123);
  const auto* route = got.plan().find("r");
  ASSERT_NE(route, nullptr);
  const auto &a = *route->models.at(0), &b = *route->models.at(1), &c = *route->models.at(2);
  EXPECT_EQ(a.upstream_model, "llama-3.1-8b-instant");
  EXPECT_EQ(a.flavour->name, "groq");
  EXPECT_TRUE(a.to.tls);
  ASSERT_EQ(a.headers.size(), 2u);
  EXPECT_EQ(a.headers[0].value, "Bearer sk-from-the-environment");
  EXPECT_EQ(a.headers[1].name, "x-org");
  EXPECT_EQ(a.price_provider, "groq");
  EXPECT_EQ(b.headers.at(0).name, "api-key");
  EXPECT_NE(b.paths[0].find("gpt-4o"), std::string::npos);
  EXPECT_NE(b.paths[0].find("api-version=2025-01-01"), std::string::npos);
  EXPECT_EQ(b.to.ca_file, "own.pem");
  EXPECT_FALSE(b.to.verify);
  EXPECT_EQ(b.limits.max_output, 77);
  EXPECT_EQ(c.flavour->name, "custom");
  EXPECT_EQ(c.upstream_model, "c") << "an entry's own name is the provider's, when none is given";
  EXPECT_EQ(c.address, "10.0.0.1:8080");
  EXPECT_EQ(c.paths[0], "/v1/chat/completions");
  EXPECT_TRUE(c.headers.empty());
  EXPECT_EQ(route->max_output, 0) << "unknown for one target is unknown for the route";
}

TEST(compile_plan, the_simulated_provider_listens_where_its_host_says_and_is_free) {
  const compilation got("providers: { s: { kind: sim }, t: { dialect: sim } }\nmodels: { a: { provider: s }, b: { provider: t, price: { input: 1 } } }\nroutes: { r: { targets: [ a, b ] } }\n");
  ASSERT_TRUE(got.made) << got.found.text();
  const auto& models = got.plan().find("r")->models;
  EXPECT_EQ(models[0]->address, "127.0.0.1:9");
  EXPECT_TRUE(models[0]->runs_free);
  EXPECT_FALSE(models[1]->runs_free) << "its price was given";
}

TEST(compile_plan, a_configured_price_replaces_the_shipped_one) {
  const compilation got(R"(
providers: { openai: { key: "${KEY}" } }
models:
  cheap:   { provider: openai, name: gpt-4o, price: { input: 0.5, output: 2 } }
  shipped: { provider: openai, name: gpt-4o-mini }
  gift:    { provider: openai, name: gpt-4.1, price: { free: true } }
routes: { r: { targets: [ cheap, shipped, gift ] } }
)");
  ASSERT_TRUE(got.made) << got.found.text();
  const auto& models = got.plan().find("r")->models;
  const auto at = got.plan().made;
  const auto input = [&](const gateway::served_model& one) { return got.plan().prices.find(one.price_provider, one.upstream_model, at)->cards.at(0).rate(llm::token_class::input); };
  EXPECT_EQ(input(*models[0]), 500'000'000);
  EXPECT_EQ(input(*models[1]), 150'000'000);
  EXPECT_TRUE(models[2]->runs_free);
}

TEST(compile_plan, keys_checks_fallbacks_and_bounds_arrive) {
  const compilation got(R"(
providers: { p: { url: "http://127.0.0.1:1/v1", keys: [ "${KEY}", env:KEY ], health_check: { path: /health, interval: 1s } } }
models: { m: { provider: p }, own: { provider: p, health_check: {} }, last: { provider: p } }
routes:
  a: { targets: [ { model: m, max_parallel: 7 } ], fallbacks: { context_window: b, rate_limit: c }, queue: { size: 5, max_wait: 2s } }
  b: { targets: [ own ], fallbacks: { content_filter: c } }
  c: { targets: [ last ] }
shedding: { target: 20ms }
)");
  ASSERT_TRUE(got.made) << got.found.text();
  const auto &a = *got.plan().find("a"), &b = *got.plan().find("b"), &c = *got.plan().find("c");
  EXPECT_EQ(a.fallbacks, (std::array<const gateway::served_route*, 3>{&b, nullptr, &c}));
  EXPECT_EQ(a.reachable.size(), 3u);
  EXPECT_EQ(a.choice->targets()[0].settings.max_parallel, 7u);
  EXPECT_EQ(a.choice->settings().queue.size, 5u);
  EXPECT_EQ(a.choice->settings().queue.max_wait, 2s);
  EXPECT_NE(a.choice->room(), nullptr);
  EXPECT_EQ(b.choice->room(), nullptr);
  EXPECT_EQ(a.models[0]->keys, b.models[0]->keys) << "a limit belongs to the provider's account";
  ASSERT_EQ(a.models[0]->credentials.size(), 2u);
  EXPECT_EQ(got.plan().limits.shed.target, 20ms);
  ASSERT_EQ(got.plan().checks.size(), 2u);
  EXPECT_EQ(got.plan().checks[0]->feeds.size(), 2u) << "m and last";
  EXPECT_EQ(got.plan().checks[0]->path, "/health");
  EXPECT_EQ(got.plan().checks[1]->path, "/v1/models");
}

TEST(compile_plan, fallbacks_that_lead_back_are_refused) {
  const std::string head = "providers: { p: { url: \"http://127.0.0.1:1/v1\" } }\nmodels: { m: { provider: p } }\nroutes:\n";
  for (const char* routes : {"  a: { targets: [ m ], fallbacks: { rate_limit: a } }\n", "  a: { targets: [ m ], fallbacks: { rate_limit: b } }\n  b: { targets: [ m ], fallbacks: { context_window: a } }\n",
                             "  a: { targets: [ m ], fallbacks: { rate_limit: nowhere } }\n"})
    EXPECT_FALSE(compilation(head + routes).made) << routes;
}

TEST(compile_plan, rules_of_a_route_arrive) {
  const compilation whole(R"(
providers: { p: { url: "http://127.0.0.1:1/v1" } }
models: { m: { provider: p, price: { free: true } } }
routes:
  w:
    strategy: weighted
    targets: [ { model: m, weight: 3, when: [ { field: tag, op: eq, value: [ gold ] } ] } ]
    deadline: { connect: 1s, first_token: 2s, idle: 3s, total: 4s }
    retry: { attempts: 5, on: [ 429 ], backoff: 5ms, max_backoff: 6ms, max_retry_after: 7s, budget: 0.5 }
    hedge: { after: 800ms, quantile: 0.95, budget: 0.1 }
    breaker: { failures: 9, error_rate: 0.25, min_calls: 7, window: 15s, open: 8s, max_open: 1s, half_open_calls: 3, slow_start: 4s }
  n: { targets: [ m ], breaker: { failures: 0 } }
)");
  ASSERT_TRUE(whole.made) << whole.found.text();
  const auto& rules = whole.plan().find("w")->choice->settings();
  EXPECT_EQ(rules.choose, route::strategy::weighted);
  EXPECT_EQ(rules.targets.at(0).weight, 3u);
  EXPECT_EQ(rules.targets[0].when.any.at(0).size(), 1u);
  EXPECT_EQ(rules.deadlines.connect, 1s);
  EXPECT_EQ(rules.deadlines.first_token, 2s);
  EXPECT_EQ(rules.deadlines.idle, 3s);
  EXPECT_EQ(rules.deadlines.total, 4s);
  EXPECT_EQ(rules.retry.attempts, 5u);
  EXPECT_EQ(rules.retry.on, (route::fault_kinds{route::fault_kind::rate_limit}));
  EXPECT_EQ(rules.retry.backoff_base, 5ms);
  EXPECT_EQ(rules.retry.backoff_max, 6ms);
  EXPECT_EQ(rules.retry.max_retry_after, 7s);
  EXPECT_DOUBLE_EQ(rules.retry.budget_ratio, 0.5);
  EXPECT_EQ(rules.retry.prefer, route::retry_settings::order::same_first) << "there is no other target";
  EXPECT_EQ(rules.hedge.after, 800ms);
  EXPECT_DOUBLE_EQ(rules.hedge.quantile, 0.95);
  EXPECT_DOUBLE_EQ(rules.hedge.budget_ratio, 0.1);
  EXPECT_FALSE(whole.plan().find("n")->choice->settings().hedge.on()) << "off by default";
  EXPECT_EQ(rules.breaker.consecutive_failures, 9u);
  EXPECT_EQ(rules.breaker.open, 8s);
  EXPECT_EQ(rules.breaker.max_open, 8s) << "never shorter than the first time";
  EXPECT_EQ(rules.breaker.error_rate, 0.25);
  EXPECT_EQ(rules.breaker.min_calls, 7u);
  EXPECT_EQ(rules.breaker.window, 15s);
  EXPECT_EQ(rules.breaker.half_open_calls, 3u);
  EXPECT_EQ(rules.breaker.slow_start, 4s);
  EXPECT_FALSE(whole.plan().find("n")->choice->settings().breaker.enabled);
}

TEST(compile_plan, wrong_prices_are_all_named_with_their_places) {
  EXPECT_EQ(compilation(R"(providers: { p: { url: "http://127.0.0.1:1/v1" } }
models:
  a: { provider: p, price: { input: 1e3 } }
  b: { provider: p, price: { output: 2 } }
  c: { provider: p, price: { free: true, input: 2 } }
  d: { provider: p, name: x, price: { input: 2 } }
  e: { provider: p, name: x, price: { input: 3 } }
routes: { r: { targets: [ a, b, c, d, e ] } }
)").errors().size(), 4u);
  const auto said = compilation("providers: { p: { url: \"http://127.0.0.1:1/v1\" } }\nmodels:\n  a: { provider: p, price: { input: 1e3 } }\n  b:\n    provider: p\n    price:\n      output: 2\nroutes: { r: { targets: [ a, b ] } }\n").errors();
  ASSERT_EQ(said.size(), 2u);
  EXPECT_TRUE(said[0].starts_with("a.yaml:3:37: models.a.price.input: ")) << said[0];
  EXPECT_TRUE(said[1].starts_with("a.yaml:7:7: models.b.price.input: the input price is missing")) << said[1];
}

/// One line wrong in an otherwise right file, and what is said of it.
struct wrong { const char *text, *said; };

class compile_errors : public ::testing::TestWithParam<wrong> {};

TEST_P(compile_errors, point_at_the_value) {
  const auto said = compilation(GetParam().text).errors();
  ASSERT_EQ(said.size(), 1u) << (said.empty() ? "nothing" : said[1]);
  EXPECT_EQ(said[0].substr(0, std::string_view(GetParam().said).size()), GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(all, compile_errors, ::testing::Values(
    wrong{"providers:\n  p: { dialect: french, url: \"http://h/v1\" }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:17: providers.p.dialect: 'french' is not a dialect"},
    wrong{"providers:\n  p: { kind: french }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:14: providers.p.kind: 'french' is not a kind of provider (one of "},
    wrong{"providers:\n  p: { kind: sim, script: missing.yaml }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:27: providers.p.script: no such script"},
    wrong{"providers:\n  p: { kind: sim, http: 2 }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:25: providers.p.http: the simulated provider speaks HTTP/1.1"},
    wrong{"providers:\n  p: {}\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:3: providers.p.url: is missing"},
    wrong{"providers:\n  p: { url: \"ftp://h\" }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:13: providers.p.url: "},
    wrong{"providers:\n  p: { url: \"http://h/v1\", key: \"a\\nb\" }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:33: providers.p.key: holds a line break"},
    wrong{"providers:\n  p: { url: \"http://h/v1\", headers: { \"x y\": \"${KEY}\" } }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:46: providers.p.headers.x y: is not the name of a header"},
    wrong{"providers:\n  p: { url: \"http://h/v1\", key: \"${NOPE}\" }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:33: providers.p.key: the environment variable NOPE is not set (export NOPE=… before the start, or write ${NOPE:-default})"},
    wrong{"providers:\n  p: { url: \"http://h/v1\", key: env:NOPE }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:33: providers.p.key: the environment variable NOPE is not set (export NOPE=… before the start"},
    wrong{"providers: { p: { kind: sim } }\nmodels:\n  m: { provider: q }\nroutes: { r: { targets: [ m ] } }", "a.yaml:3:18: models.m.provider: there is no provider 'q'"},
    wrong{"providers: { p: { kind: sim } }\nmodels: { m: { provider: p } }\nroutes:\n  r: { targets: [ m, n ] }", "a.yaml:4:22: routes.r.targets[1]: there is no model 'n'"},
    wrong{"providers: { p: { kind: sim } }\nmodels: { mimi: { provider: p } }\nroutes:\n  r: { targets: [ { model: mini } ] }", "a.yaml:4:28: routes.r.targets[0].model: there is no model 'mini' (did you mean 'mimi'?)"},
    wrong{"providers: { p: { kind: sim } }\nmodels: { m: { provider: p } }\nroutes:\n  r: { targets: [ m ], strategy: fastest }", "a.yaml:4:34: routes.r.strategy: "},
    wrong{"providers: { p: { kind: sim } }\nmodels: { m: { provider: p } }\nroutes:\n  r: { targets: [ m ], retry: { on: [ 429, 600 ] } }", "a.yaml:4:44: routes.r.retry.on[1]: "},
    wrong{"providers: { p: { kind: sim } }\nmodels: { m: { provider: p } }\nroutes:\n  r: { targets: [ { model: m, when: [ { field: moon, op: eq, value: [ x ] } ] } ] }", "a.yaml:4:39: routes.r.targets[0].when[0]: "},
    wrong{"providers: { p: { kind: sim } }\nmodels: { m: { provider: p } }\nroutes:\n  r: { targets: [ { model: m, weight: 0 } ] }", "a.yaml:4:3: routes.r: every target has weight 0"},
    wrong{"providers: { p: { kind: sim } }\nmodels: { m: { provider: p } }\nroutes:\n  r: { targets: [] }", "a.yaml:4:17: routes.r.targets: a route needs at least one target"},
    wrong{"providers: { p: { kind: sim } }\nmodels: { m: { provider: p } }\n", "a.yaml: routes: there is no route"},
    wrong{"telemetry:\n  otlp_endpoint: nowhere\nproviders: { p: { kind: sim } }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:18: telemetry.otlp_endpoint: "},
    wrong{"ledger:\n  encryption: abc\nproviders: { p: { kind: sim } }\nmodels: { m: { provider: p } }\nroutes: { r: { targets: [ m ] } }", "a.yaml:2:15: ledger.encryption: "}));

TEST(advice, warns_of_what_can_be_served_but_is_likely_a_mistake) {
  EXPECT_EQ(compilation(R"(providers:
  a: { kind: groq, key: sk-plain-text-secret }
  b: { kind: openai, key: "${KEY}" }
  c: { kind: openai, key: "${KEY}" }
  d: { kind: mistral, key: "${KEY:-sk-default}" }
  e: { kind: sim }
models:
  m: { provider: a }
  n: { provider: b }
  o: { provider: c }
  p: { provider: d }
routes:
  r: { targets: [ m, n, { model: m, when: [ { field: tag, op: eq, value: [ x ] } ] }, m ], deadline: { connect: 40s, total: 35s } }
  s: { targets: [ n, o ], hedge: { after: 400s } }
  t: { targets: [ n ], hedge: { quantile: 0.95 } }
projects:
  shop: { models: [ r ] }
keys:
  k1: { project: shop, value: env:KEY }
)").warnings(), (lines{
      "a.yaml:2:25: warning: providers.a.key: the secret stands in the file as plain text (write \"${NAME}\" or file:PATH)",
      "a.yaml:5:28: warning: providers.d.key: the default of the secret stands in the file as plain text (write \"${NAME}\" or file:PATH)",
      "a.yaml:5:28: warning: providers.d.key: is the same secret as providers.b.key (each place wants its own: whoever learns one has both)",
      "a.yaml:6:3: warning: providers.e: no model uses this provider (add an entry to `models`, or remove it)",
      "a.yaml:11:3: warning: models.p: no route has this model as a target (clients call routes: add one under `routes`, or remove it)",
      "a.yaml:13:87: warning: routes.r.targets[3]: 'm' is already targets[0] of this route (a failover to it tries the same model again; for a larger share give `weight`)",
      "a.yaml:13:113: warning: routes.r.deadline.connect: 40s is longer than the whole call may take (total is 35s)",
      "a.yaml:14:3: warning: routes.s: no project of this file may use this route (add it to the `models` of a project, or remove it)",
      "a.yaml:14:43: warning: routes.s.hedge.after: 6m40s is longer than the whole call may take (total is 5m)",
      "a.yaml:15:3: warning: routes.t: no project of this file may use this route (add it to the `models` of a project, or remove it)",
      "a.yaml:15:31: warning: routes.t.hedge: the route has no second model that could be asked (add one to `targets`)",
      "a.yaml:19:31: warning: keys.k1.value: is the same secret as providers.b.key (each place wants its own: whoever learns one has both)",
  }));
  EXPECT_EQ(compilation(smallest).warnings(), lines{});
}

TEST(compile_plan, a_page_whose_link_leads_nowhere_is_told_of) {
  const std::string chain = "route: { receiver: r }, receivers: { r: { webhook: { url: \"http://127.0.0.1:1/\" } } }, people: { ada: { receivers: [ r ] } }, escalations: { e: { steps: [ { notify: [ ada ] } ] } }";
  const auto told = [&](const std::string& more) { return compilation(smallest + more + "\n").warnings(); };
  EXPECT_THAT(told("alerting: { " + chain + " }"), Contains(HasSubstr("no link to acknowledge")));
  EXPECT_THAT(told("alerting: { external_url: \"https://andon.example:4001\", " + chain + " }"), Contains(HasSubstr("listen.admin_hosts")));
  EXPECT_THAT(told("listen: { admin_hosts: [ andon.example ] }\nalerting: { external_url: \"https://andon.example:4001\", " + chain + " }"), Not(Contains(HasSubstr("admin_hosts"))));
  EXPECT_THAT(told("alerting: { external_url: \"http://127.0.0.1:4001\", " + chain + " }"), Not(Contains(HasSubstr("admin_hosts"))));
}

}  // namespace
}  // namespace andon::app
