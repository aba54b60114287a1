// What is refused, or only answered: in the client's dialect, with a Record where the caller is known and a count where not.
#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"
#include "andon/gateway/server_refusals.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* plain_chat = R"({"model":"r","messages":[{"role":"user","content":"Say something nice"}]})";

std::string rejected(const char* reason) { return std::string("andon_rejected_requests_total{reason=\"") + reason + "\"}"; }

access::key_settings key_named(const char* name) {
  access::key_settings out;
  out.name = name;
  out.project = project_id{"p"};
  return out;
}

TEST(gateway_refusals, a_key_that_may_not_be_used_leaves_a_record) {
  running_gateway g({});
  const auto blocked = g.keys().create_key(key_named("blocked")).value();
  ASSERT_TRUE(g.keys().block_key(blocked.id));
  auto short_lived = key_named("short");
  short_lived.expires = system_clock{}.wall() + 100ms;
  const auto expired = g.keys().create_key(short_lived).value();
  while (system_clock{}.wall() <= *short_lived.expires) std::this_thread::yield();
  struct row { const access::new_key& key; errc outcome; const char* code; };
  for (const auto& [key, outcome, code] : {row{blocked, errc::blocked_key, "blocked_api_key"}, row{expired, errc::expired_key, "expired_api_key"}}) {
    const auto got = g.send({.body = plain_chat, .key = std::string(key.text.reveal())});
    EXPECT_EQ(got.status, 401);
    EXPECT_THAT(got.body, HasSubstr(code));
    const auto r = g.record_of(got.request_id);
    EXPECT_EQ(r.outcome, outcome);
    EXPECT_EQ(r.http_status, 401);
    EXPECT_EQ(r.project.str(), "p");
    EXPECT_EQ(r.key, key.id);
    EXPECT_EQ(r.op, ledger::operation::chat);
    EXPECT_EQ(r.reply_body, got.body);
    EXPECT_EQ(g.metric(rejected(std::string(kind_of(outcome).name).c_str())), 0);
  }
  EXPECT_EQ(g.provider(0).requests, 0U);
  EXPECT_FALSE(g.keys().key(blocked.id).value().last_used);  // a refusal is no use
}

struct wrong_request { const char* method; const char* path; int status; const char* allow; errc outcome; };
constexpr wrong_request wrong_requests[] = {
    {"POST", "/v1/nothing", 404, "", errc::unknown_path},
    {"OPTIONS", "/v1/nothing", 404, "", errc::unknown_path},
    {"GET", "/v1/chat/completions", 405, "POST, OPTIONS", errc::method_not_allowed},
    {"HEAD", "/v1/embeddings", 405, "POST, OPTIONS", errc::method_not_allowed},
    {"DELETE", "/v1/models/r", 405, "GET, HEAD, OPTIONS", errc::method_not_allowed},
    {"POST", "/healthz", 405, "GET, HEAD, OPTIONS", errc::method_not_allowed},
    {"PUT", "/", 405, "GET, HEAD, OPTIONS", errc::method_not_allowed}};

TEST(gateway_refusals, wrong_paths_and_methods_of_a_known_caller_leave_a_record) {
  running_gateway g({});
  for (const auto& [method, path, status, allow, outcome] : wrong_requests) {
    const auto got = g.send({.method = method, .path = path});
    EXPECT_EQ(got.status, status) << method << path;
    EXPECT_EQ(got.allow, allow) << method << path;
    EXPECT_EQ(got.type, "application/json");
    const auto r = g.record_of(got.request_id);
    EXPECT_EQ(r.outcome, outcome) << method << path;
    EXPECT_EQ(r.http_status, status);
    EXPECT_EQ(r.project.str(), "p");
    EXPECT_EQ(r.method, method);
    EXPECT_EQ(r.path, path);
    EXPECT_THAT(r.reply_body, StartsWith(R"({"error":{"message":)")) << method << path;
  }
}

TEST(gateway_refusals, strangers_get_a_request_id_and_a_count_and_no_record) {
  running_gateway g({});
  for (const auto& [method, path, status, allow, outcome] : wrong_requests) {
    const auto counted = g.metric(rejected(std::string(kind_of(outcome).name).c_str()));
    const auto got = g.send({.method = method, .path = path, .key = nobody});
    EXPECT_EQ(got.status, status) << method << path;
    EXPECT_EQ(got.allow, allow) << method << path;
    EXPECT_THAT(got.request_id, StartsWith("req_")) << method << path;
    EXPECT_EQ(g.metric(rejected(std::string(kind_of(outcome).name).c_str())), counted + 1) << method << path;
  }
  const auto wrong = g.send({.body = plain_chat, .key = "sk-x"});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_THAT(wrong.request_id, StartsWith("req_"));
  EXPECT_EQ(g.metric(rejected("invalid_key")), 1);
  EXPECT_EQ(g.send({.body = plain_chat, .key = nobody}).status, 401);
  EXPECT_EQ(g.metric(rejected("missing_key")), 1);
  EXPECT_EQ(g.records().status().appended, 0U);
  EXPECT_EQ(g.metrics_text().find("andon_requests_total{project=\"\""), std::string::npos) << "counted as rejected only";
}

TEST(gateway_refusals, head_is_get_without_its_body_and_options_tells_what_a_path_takes) {
  running_gateway g({});
  for (const char* path : {"/v1/models", "/models/r", "/healthz", "/readyz", "/health/liveliness", "/health/readiness", "/"}) {
    const auto get = g.send({.method = "GET", .path = path});
    const auto head = g.send({.method = "HEAD", .path = path});
    EXPECT_EQ(head.status, 200) << path;
    EXPECT_EQ(head.status, get.status) << path;
    EXPECT_EQ(head.body, "") << path;
    EXPECT_EQ(head.type, get.type) << path;
    const auto length = std::ranges::find(head.headers, "Content-Length", &std::pair<std::string, std::string>::first);
    ASSERT_NE(length, head.headers.end()) << path;
    EXPECT_EQ(length->second, std::to_string(get.body.size())) << path;
    const auto options = g.send({.method = "OPTIONS", .path = path, .key = nobody});
    EXPECT_EQ(options.status, 204) << path;
    EXPECT_EQ(options.allow, "GET, HEAD, OPTIONS") << path;
  }
  EXPECT_EQ(g.send({.method = "HEAD", .path = "/v1/models", .key = nobody}).status, 401);
  EXPECT_EQ(g.send({.method = "HEAD", .path = "/v1/models/none"}).status, 404);
  const auto post = g.send({.method = "OPTIONS", .path = "/v1/chat/completions"});
  EXPECT_EQ(post.status, 204);
  EXPECT_EQ(post.allow, "POST, OPTIONS");
  EXPECT_EQ(g.record_of(post.request_id).http_status, 204);
  EXPECT_THAT(g.raw("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), HasSubstr("allow: GET, HEAD, POST, OPTIONS\r\n"));
  EXPECT_EQ(g.metric(rejected("method_not_allowed")), 0);
}

TEST(gateway_refusals, what_the_server_refuses_is_json_and_names_the_setting) {
  running_gateway g({.server = {.max_head = 4096, .max_body = 1000, .head_timeout = 40ms, .body_timeout = 40ms}});
  const std::string post = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer " + g.key() + "\r\n";
  struct row { std::string bytes; int status; const char* code; const char* says; };
  const row rows[] = {
      {"GET / HTTP/1.1\r\n\r\n", 400, "null", "HTTP/1.1 without Host."},
      {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "null", "Both Content-Length and Transfer-Encoding."},
      {"GET /" + std::string(5000, 'a'), 414, "\"uri_too_long\"", "listen.max_headers"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'a'), 431, "\"headers_too_large\"", "listen.max_headers"},
      {post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "\"unsupported_transfer_encoding\"", "Transfer-Encoding is not exactly `chunked`."},
      {"GET /v1/mod", 408, "\"request_timeout\"", "listen.request_timeout"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "\"method_not_allowed\"", "CONNECT is not served here."},
      {post + "Content-Length: 5000\r\n\r\n", 413, "\"request_too_large\"", "larger than 1000 bytes. The gateway's setting listen.max_body sets this bound."},
      {post + "Transfer-Encoding: chunked\r\n\r\nffff\r\n", 413, "\"request_too_large\"", "listen.max_body"},
      {post + "Content-Length: 5\r\n\r\nhe", 408, "\"request_timeout\"", "listen.request_timeout"},
      {post + "Content-Length: 5\r\nContent-Encoding: rot13\r\n\r\nhello", 415, "\"unsupported_encoding\"", "none of gzip"},
      {post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "null", "."}};
  for (const auto& each : rows) {
    const auto got = g.raw(each.bytes);
    const auto name = each.bytes.substr(0, 60) + " → " + got;
    EXPECT_THAT(got, StartsWith("HTTP/1.1 " + std::to_string(each.status))) << name;
    EXPECT_TRUE(got.find("\r\ncontent-type: application/json\r\n") != std::string::npos || got.find("\r\nContent-Type: application/json\r\n") != std::string::npos) << name;
    EXPECT_THAT(got, HasSubstr("\r\nx-request-id: req_")) << name;
    EXPECT_THAT(got, HasSubstr("\r\n\r\n{\"error\":{\"message\":\"")) << name;
    EXPECT_THAT(got, HasSubstr(",\"param\":null,\"code\":" + std::string(each.code) + "}}")) << name;
    EXPECT_THAT(got, HasSubstr(each.says)) << name;
    EXPECT_EQ(got.find("\r\nallow: ") != std::string::npos, each.status == 405) << name;
  }
  EXPECT_EQ(g.metric(rejected("bad_http")), 2);
  EXPECT_EQ(g.metric(rejected("headers_too_large")), 1);
  EXPECT_EQ(g.metric(rejected("target_too_long")), 1);
  EXPECT_EQ(g.metric(rejected("unsupported_transfer")), 1);
  EXPECT_EQ(g.metric(rejected("client_timeout")), 1);
  EXPECT_EQ(g.records().status().appended, 5U) << "those whose key was read have Records";
}

TEST(gateway_refusals, a_call_that_is_not_admitted_leaves_the_beginning_of_its_body_only) {
  running_gateway g({});
  const auto bad = std::string(4095, ' ') + "é" + std::string(200'000, '{');
  const auto got = g.send({.body = bad});
  EXPECT_EQ(got.status, 400);
  const auto r = g.record_of(got.request_id);
  EXPECT_EQ(r.request_body, std::string(4095, ' ')) << "no half of a character";
  EXPECT_TRUE(r.request_truncated);
  EXPECT_EQ(r.request_bytes, bad.size());
  const auto unknown = g.send({.body = R"({"model":")" + std::string(50'000, 'm') + R"(","messages":[]})"});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_LT(unknown.body.size(), 600U);
  EXPECT_EQ(g.record_of(unknown.request_id).route.str(), std::string(256, 'm'));
  const auto whole = g.send({.body = R"({"model":"r","messages":[{"role":"user","content":")" + std::string(9'000, 'x') + "\"}]}"});
  EXPECT_EQ(whole.status, 200);
  const auto kept = g.record_of(whole.request_id);
  EXPECT_EQ(kept.request_body.size(), kept.request_bytes);
  EXPECT_FALSE(kept.request_truncated);
}

TEST(gateway_refusals, limits_hold_before_a_body_is_read) {
  running_gateway g({.limits = {{.per = {}, .only_route = {}, .requests_per_minute = 2, .parallel = 1}}});
  const std::string head = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer " + g.key() + "\r\n";
  const auto bad = g.raw(head + "Content-Length: 1\r\n\r\n{");
  EXPECT_THAT(bad, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(g.raw(head + "Content-Length: 1\r\n\r\n{"), StartsWith("HTTP/1.1 400")) << "a wrong body is a request too";
  const auto limited = g.raw(head + "Content-Length: 900000\r\n\r\n");
  EXPECT_THAT(limited, StartsWith("HTTP/1.1 429")) << "none of its body came";
  EXPECT_THAT(limited, HasSubstr("requests per minute"));
  EXPECT_TRUE(g.becomes([&] { return g.open_tickets() == 0 && g.body_bytes() == 0; }));
}

TEST(gateway_refusals, bodies_take_no_more_memory_than_is_set) {
  running_gateway g({.targets = {{.script = "defaults: { delay: 30s }"}}, .deadlines = {2s, 400ms, 2s, 2s}, .attempts = 1, .body_memory = 100'000});
  const std::string body = R"({"model":"r","max_tokens":1,"messages":[{"role":"user","content":")" + std::string(40'000, 'x') + "\"}]}";
  int served = 0, full = 0;
  for (const auto& got : g.send_all(std::vector<ask>(10, ask{.body = body}))) {
    served += got.status == 504 ? 1 : 0;
    if (got.status != 503) continue;
    ++full;
    EXPECT_EQ(got.retry_after, "1");
    EXPECT_THAT(got.body, HasSubstr("listen.body_memory"));
    EXPECT_EQ(g.record_of(got.request_id).outcome, errc::overloaded);
  }
  EXPECT_EQ(served, 2) << "of 40 KB each";
  EXPECT_EQ(full, 8);
  EXPECT_TRUE(g.becomes([&] { return g.body_bytes() == 0; }));
  EXPECT_EQ(g.open_tickets(), 0);
}

TEST(gateway_refusals, metadata_has_bounds) {
  running_gateway g({});
  const auto with = [&](const std::string& name, const std::string& value) { return g.chat("r", ",\"metadata\":{\"" + name + "\":\"" + value + "\"}"); };
  EXPECT_EQ(with(std::string(64, 'n'), std::string(512, 'v')).status, 200);
  const auto name = with(std::string(65, 'n'), "v");
  EXPECT_EQ(name.status, 400);
  EXPECT_THAT(name.body, HasSubstr("longer than 64 bytes"));
  EXPECT_THAT(name.body, HasSubstr("\"param\":\"metadata\""));
  const auto value = with("n", std::string(513, 'v'));
  EXPECT_EQ(value.status, 400);
  EXPECT_THAT(value.body, HasSubstr("'metadata.n' is longer than 512 bytes"));
  EXPECT_TRUE(g.record_of(value.request_id).metadata.empty());
}

TEST(gateway_refusals, connections_over_the_bound_are_told_so_in_json) {
  running_gateway g({.server = {.max_connections = 1}});
  EXPECT_EQ(g.send({.method = "GET", .path = "/healthz"}).status, 200);  // stays open
  const auto got = g.raw({});
  EXPECT_THAT(got, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(got, HasSubstr("\r\nretry-after: 1\r\n"));
  EXPECT_THAT(got, HasSubstr("\"type\":\"server_error\""));
  EXPECT_THAT(got, HasSubstr("listen.max_connections"));
  EXPECT_EQ(g.metric(rejected("overloaded")), 1);
}

TEST(gateway_refusals, a_draining_gateway_refuses_with_a_record_and_a_time_to_come_back) {
  running_gateway g({});
  g.handler().set_draining(true);
  const auto got = g.chat();
  EXPECT_EQ(got.status, 503);
  EXPECT_THAT(got.body, HasSubstr("shutting_down"));
  EXPECT_EQ(got.retry_after, "1");
  EXPECT_EQ(g.record_of(got.request_id).outcome, errc::draining);
  EXPECT_EQ(g.send({.body = plain_chat, .key = "sk-x"}).status, 503) << "no key is judged any more";
  EXPECT_EQ(g.send({.method = "GET", .path = "/readyz"}).status, 503);
  EXPECT_EQ(g.send({.method = "GET", .path = "/healthz"}).status, 200);
}

TEST(server_refusals, whole_sentences_with_the_setting_and_no_param) {
  const auto said = in_full({errc::body_too_large, "the body is larger than 7 bytes", "max_body"});
  EXPECT_EQ(said.message, "The body is larger than 7 bytes. The gateway's setting listen.max_body sets this bound.");
  EXPECT_EQ(said.param, "");
  EXPECT_EQ(in_full({errc::bad_http, "HTTP/1.1 without Host"}).message, "HTTP/1.1 without Host.");
  EXPECT_EQ(in_full({errc::internal, ""}).message, "");
  for (const char* field : {"max_head", "max_body", "head_timeout", "body_timeout", "max_connections"})
    EXPECT_THAT(in_full({errc::overloaded, "x", field}).message, HasSubstr("listen.")) << field;
}

}  // namespace
}  // namespace andon::gateway::testing
