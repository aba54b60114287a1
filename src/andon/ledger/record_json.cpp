#include "andon/ledger/record_json.hpp"

#include <fmt/format.h>

#include <simdjson.h>

#include <array>
#include <memory>

#include "andon/base/json_text.hpp"
#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"

namespace andon::ledger {
namespace {

constexpr std::array<std::string_view, stage_count> stages{"receive", "identify", "decode", "admit", "prepare", "inspect_in", "recall", "dispatch", "inspect_out", "encode", "close"};

/// One object under construction.
class object {
public:
  explicit object(std::string& out) : out_(out) { out_.push_back('{'); }
  ~object() { out_.push_back('}'); }
  object(const object&) = delete;
  object& operator=(const object&) = delete;

  std::string& name(std::string_view key) {
    if (!first_) out_.push_back(',');
    first_ = false;
    append_json_string(out_, key);
    out_.push_back(':');
    return out_;
  }
  void text(std::string_view key, std::string_view value) { append_json_string(name(key), value); }
  void number(std::string_view key, std::int64_t value) { fmt::format_to(std::back_inserter(name(key)), "{}", value); }
  void count(std::string_view key, std::uint64_t value) { fmt::format_to(std::back_inserter(name(key)), "{}", value); }
  void flag(std::string_view key, bool value) { name(key).append(value ? "true" : "false"); }
  void seconds(std::string_view key, nanoseconds span) {
    const std::int64_t ns = span.count();
    const auto size = ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
    fmt::format_to(std::back_inserter(name(key)), "{}{}.{:09}", ns < 0 ? "-" : "", size / 1'000'000'000, size % 1'000'000'000);
  }
  void cost(nano_usd sum, price_state price) {
    if (price == price_state::unknown) name("cost_usd").append("null");
    else name("cost_usd").append(sum < nano_usd{} ? "-" + format_usd(nano_usd{} - sum) : format_usd(sum));
    text("price", word_name(field::price, static_cast<std::int64_t>(price)));
  }

private:
  std::string& out_;
  bool first_ = true;
};

void put_outcome(object& to, errc outcome) {
  const bool good = outcome == errc::none;
  to.text("outcome", good ? std::string_view{"none"} : kind_of(outcome).name);
  to.text("origin", good ? std::string_view{"none"} : to_string(kind_of(outcome).from));
}

void put_tags(object& to, const std::vector<std::string>& tags, const std::vector<std::pair<std::string, std::string>>& metadata) {
  std::string& out = to.name("tags");
  out.push_back('[');
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (i != 0) out.push_back(',');
    append_json_string(out, tags[i]);
  }
  out.push_back(']');
  object pairs(to.name("metadata"));
  for (const auto& [key, value] : metadata) pairs.text(key, value);
}

void put_http(object& to, std::string_view name, http_version spoken) {
  if (spoken != http_version::none) to.text(name, word_name(field::http, static_cast<std::int64_t>(spoken)));
}

/// The fields that a Record and its summary share, under names that both use.
template <class R>
void put_common(object& to, const R& r, http_version upstream, std::string_view project, std::string_view key, std::string_view route, std::string_view model, std::string_view provider) {
  to.text("id", r.id.str());
  to.text("started", format_rfc3339(r.started));
  to.seconds("duration_s", r.duration);
  to.text("project", project);
  to.text("key", key);
  to.text("user", r.user);
  to.text("session", r.session);
  to.text("op", word_name(field::operation, static_cast<std::int64_t>(r.op)));
  to.text("method", r.method);
  to.text("path", r.path);
  put_http(to, "http", r.http);
  put_http(to, "upstream_http", upstream);
  to.text("route", route);
  to.text("model", model);
  to.text("provider", provider);
  to.text("upstream_model", r.upstream_model);
  to.flag("stream", r.stream);
  put_outcome(to, r.outcome);
  to.count("status", r.http_status);
  to.text("error_message", r.error_message);
  to.text("delivered", word_name(field::delivered, static_cast<std::int64_t>(r.delivered)));
  to.text("finish_reason", r.finish_reason);
  to.cost(r.cost, r.price);
  to.text("cache", word_name(field::cache, static_cast<std::int64_t>(r.cache)));
  to.flag("interrupted", r.interrupted);
  to.text("client_address", r.client_address);
  to.text("user_agent", r.user_agent);
  to.text("trace_id", r.trace_id);
  put_tags(to, r.tags, r.metadata);
  to.text("content_type", r.content_type);
  to.count("request_bytes", r.request_bytes);
  to.count("reply_bytes", r.reply_bytes);
  to.seconds("first_token_s", r.first_token);
  to.seconds("upstream_s", r.upstream);
}

/// One line of valid JSON, or nothing: what arrived may be pretty-printed, malformed or no JSON at all.
bool append_if_json(std::string& out, std::string_view body) {
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (body[first] != '{' && body[first] != '[')) return false;
  simdjson::dom::parser parser;
  if (parser.parse(simdjson::padded_string(body)).error() != simdjson::SUCCESS) return false;
  std::unique_ptr<char[]> line(new char[body.size()]);
  std::size_t size = 0;
  if (simdjson::minify(body.data(), body.size(), line.get(), size) != simdjson::SUCCESS) return false;
  out.append(line.get(), size);
  return true;
}

void put_body(object& to, std::string_view name, std::string_view name_as_text, std::string_view body) {
  if (body.empty()) return;
  std::string json;
  if (append_if_json(json, body)) to.name(name).append(json);
  else to.text(name_as_text, body);
}

void put_usage(object& to, const llm::usage& use) {
  object out(to.name("usage"));
  out.number("input", use.input.value());
  out.number("cached_read", use.cached_read.value());
  out.number("cache_write_5m", use.cache_write_5m.value());
  out.number("cache_write_1h", use.cache_write_1h.value());
  out.number("input_audio", use.input_audio.value());
  out.number("output", use.output.value());
  out.number("reasoning", use.reasoning.value());
  out.number("output_audio", use.output_audio.value());
  out.flag("estimated", use.estimated);
}

void put_attempt(std::string& out, const attempt& a) {
  object to(out);
  to.text("model", a.model.view());
  to.text("provider", a.provider.view());
  to.text("upstream_model", a.upstream_model);
  to.text("address", a.address);
  to.text("upstream_request_id", a.upstream_request_id);
  put_outcome(to, a.outcome);
  to.count("status", a.http_status);
  to.seconds("started_s", a.started);
  to.seconds("connect_s", a.connect);
  to.seconds("first_byte_s", a.first_byte);
  to.seconds("total_s", a.total);
  to.text("error_message", a.error_message);
  if (a.key != 0) to.count("key", a.key);
  put_http(to, "http", a.http);
}

void put_stages(object& to, const record& r) {
  object out(to.name("stages_s"));
  for (std::size_t i = 0; i < stage_count; ++i) out.seconds(stages[i], nanoseconds{r.stage_nanos[i]});
}

}  // namespace

void append_json(std::string& out, const record& r) {
  object to(out);
  put_common(to, r, upstream_http(r), r.project.view(), r.key.view(), r.route.view(), r.model.view(), r.provider.view());
  if (r.saved > nano_usd{}) to.name("saved_usd").append(format_usd(r.saved));
  put_usage(to, r.use);
  to.text("region", r.region);
  if (r.structured != structure::unchecked) to.text("structured", r.structured == structure::valid ? "valid" : "invalid");
  to.flag("client_encrypted", (r.transport & client_encrypted) != 0);
  to.flag("provider_encrypted", (r.transport & provider_encrypted) != 0);
  to.flag("stored_encrypted", (r.transport & stored_encrypted) != 0);
  to.text("span_id", r.span_id);
  to.flag("request_truncated", r.request_truncated);
  to.flag("reply_truncated", r.reply_truncated);
  to.count("stream_events", r.stream_events);
  put_stages(to, r);
  {
    std::string& list = to.name("attempts");
    list.push_back('[');
    for (std::size_t i = 0; i < r.attempts.size(); ++i) {
      if (i != 0) list.push_back(',');
      put_attempt(list, r.attempts[i]);
    }
    list.push_back(']');
  }
  put_body(to, "request", "request_text", r.request_body);
  put_body(to, "reply", "reply_text", r.reply_body);
}

void append_json(std::string& out, const summary& s) {
  object to(out);
  put_common(to, s, s.upstream_http, s.project, s.key, s.route, s.model, s.provider);
  object use(to.name("usage"));
  use.number("input", s.input.value());
  use.number("cached_read", s.cached.value());
  use.number("output", s.output.value());
  use.number("reasoning", s.reasoning.value());
  use.flag("estimated", s.estimated);
}

}  // namespace andon::ledger
