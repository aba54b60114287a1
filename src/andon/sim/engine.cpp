#include "andon/sim/engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "andon/llm/dialect/openai_error.hpp"
#include "andon/llm/dialect/openai_paths.hpp"
#include "andon/llm/dialect/openai_request.hpp"
#include "andon/sim/composing.hpp"
#include "andon/sim/rendering.hpp"
#include "andon/sim/sabotage.hpp"

namespace andon::sim {
namespace {

namespace openai = llm::openai;
constexpr std::int64_t first_second = 1'760'000'000;

bool asks_for_stream(std::string_view body) {
  constexpr std::string_view key = "\"stream\"";
  auto at = body.find(key);
  if (at == std::string_view::npos) return false;
  at = body.find_first_not_of(" \t\r\n:", at + key.size());
  return at != std::string_view::npos && body[at] == 't';
}

template <class T>
void fill(std::optional<T>& into, const std::optional<T>& from) {
  if (!into) into = from;
}

behaviour with_defaults(behaviour b, const behaviour& d) {
  fill(b.status, d.status);
  fill(b.body, d.body);
  fill(b.sse, d.sse);
  fill(b.raw, d.raw);
  fill(b.delay, d.delay);
  fill(b.first_token, d.first_token);
  fill(b.between, d.between);
  fill(b.words, d.words);
  fill(b.text, d.text);
  fill(b.echo, d.echo);
  fill(b.finish_reason, d.finish_reason);
  fill(b.usage, d.usage);
  fill(b.after, d.after);
  fill(b.bytes, d.bytes);
  fill(b.interval, d.interval);
  fill(b.write, d.write);
  fill(b.write_pause, d.write_pause);
  b.headers.insert(b.headers.end(), d.headers.begin(), d.headers.end());
  if (b.error == canned_error::none) b.error = d.error;
  if (b.what == fault::none) b.what = d.what;
  return b;
}

std::string_view bearer(std::span<const net::header> headers) {
  auto value = net::find_header(headers, "authorization");
  if (value.size() > 7 && net::header_equals(value.substr(0, 7), "bearer ")) return value.substr(7);
  auto other = net::find_header(headers, "api-key");
  return other.empty() ? net::find_header(headers, "x-api-key") : other;
}

}  // namespace

std::uint64_t words_as_tokens(std::string_view, std::string_view text) {
  std::uint64_t words = 0;
  bool inside = false;
  for (char c : text) {
    bool blank = static_cast<unsigned char>(c) <= ' ';
    words += !blank && !inside;
    inside = !blank;
  }
  return (words * 4 + 2) / 3;
}

struct engine::state {
  script what;
  token_counter count;
  random_source random;
  std::vector<std::uint64_t> matched;   // per rule
  std::uint64_t requests = 0;
  std::string canned_whole, canned_stream;
  std::vector<step> canned_steps;       // only when paced

  state(script s, token_counter c) : what(std::move(s)), count(std::move(c)), random(what.seed), matched(what.rules.size()) {
    if (what.canned) make_canned();
  }

  struct call {
    const sim_request& request;
    nanoseconds age;
    std::string model;
    bool stream = false;
  };

  void make_canned();
  const behaviour* choose(const call& c, bool connecting);
  bool in_time(const condition& when, nanoseconds age) const;
  bool concerns(const condition& when, const call& c) const;
  bool counted(const condition& when, std::uint64_t n);
  [[nodiscard]] bool knows_model(std::string_view model) const;
  reply_plan plain(int status, std::string body, const behaviour& how);
  reply_plan models(const openai::endpoint_match& match, const behaviour& how);
  reply_plan complete(const openai::endpoint_match& match, llm::request_facts& facts, const call& c, const behaviour& how);
  reply_plan judge(const sim_request& request, nanoseconds age);
  [[nodiscard]] reply_plan canned(const sim_request& request) const;
  std::string id() const { return fmt::format("{:08x}{:08x}", what.seed & 0xffffffff, requests); }
};

void engine::state::make_canned() {
  content a;
  a.id = "chatcmpl-canned";
  a.model = what.models.empty() ? "sim" : what.models.front();
  a.created = first_second;
  a.prompt_tokens = 12;
  auto& c = a.choices.emplace_back();
  std::uint32_t words = what.canned->events - 2;
  for (std::uint32_t i = 0; i < words; ++i) c.pieces.emplace_back(" word");
  a.completion_tokens = words;
  random_source none{1};
  behaviour paced;
  if (what.canned->between != nanoseconds{}) paced.between = latency::constant(what.canned->between);
  auto plan = put_on_wire({llm::operation::chat, 200, true, {}, render_events(a), "req_canned"}, paced, none);
  for (const auto& s : plan.steps) canned_stream += s.bytes;
  if (what.canned->between != nanoseconds{}) canned_steps = std::move(plan.steps);
  c.pieces.assign(1, std::string{});
  auto bare = render_whole(a).size();
  c.pieces.front().assign(what.canned->bytes > bare ? what.canned->bytes - bare : 1, 'x');
  for (const auto& s : put_on_wire({llm::operation::chat, 200, false, render_whole(a), {}, "req_canned"}, {}, none).steps) canned_whole += s.bytes;
}

bool engine::state::in_time(const condition& when, nanoseconds age) const {
  auto at = when.period == nanoseconds{} ? age : nanoseconds{age.count() % when.period.count()};
  return at >= when.from && at < when.until;
}

bool engine::state::concerns(const condition& when, const call& c) const {
  if (!when.model.empty() && when.model != c.model) return false;
  if (!when.path.empty() && when.path != c.request.path) return false;
  if (when.stream && *when.stream != c.stream) return false;
  return std::ranges::all_of(when.headers, [&](const auto& wanted) {
    auto value = net::find_header(c.request.headers, wanted.first);
    return wanted.second.empty() ? !value.empty() : value == wanted.second;
  });
}

bool engine::state::counted(const condition& when, std::uint64_t n) {
  if (when.nth != 0 && n != when.nth) return false;
  if (when.every != 0 && n % when.every != 0) return false;
  if (when.first != 0 && n > when.first) return false;
  return when.probability >= 1 || random.unit() < when.probability;
}

const behaviour* engine::state::choose(const call& c, bool connecting) {
  for (std::size_t i = 0; i < what.rules.size(); ++i) {
    const auto& r = what.rules[i];
    if (at_connection(r.then.what) != connecting || !in_time(r.when, c.age) || !concerns(r.when, c)) continue;
    if (counted(r.when, ++matched[i])) return &r.then;
  }
  return nullptr;
}

bool engine::state::knows_model(std::string_view model) const {
  return what.models.empty() || std::ranges::find(what.models, model) != what.models.end();
}

reply_plan engine::state::plain(int status, std::string body, const behaviour& how) {
  rendered_reply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.request_id = "req_" + id();
  return put_on_wire(std::move(reply), how, random);
}

reply_plan engine::state::models(const openai::endpoint_match& match, const behaviour& how) {
  std::vector<openai::model_entry> entries;
  for (const auto& name : what.models) entries.push_back({name, "sim", first_second});
  if (entries.empty()) entries.push_back({match.argument.empty() ? "sim" : std::string_view{match.argument}, "sim", first_second});
  if (match.argument.empty()) return plain(200, openai::models_list(entries), how);
  if (knows_model(match.argument)) return plain(200, openai::model_json({match.argument, "sim", first_second}), how);
  auto missing = render_error(canned_error::not_found, match.argument);
  return plain(missing.status, std::move(missing.body), how);
}

reply_plan engine::state::complete(const openai::endpoint_match& match, llm::request_facts& facts, const call& c, const behaviour& how) {
  content a;
  a.op = match.op;
  a.id = (match.op == llm::operation::completion ? "cmpl-" : "chatcmpl-") + id();
  a.model = how.what == fault::wrong_model ? "another-model" : facts.model;
  a.service_tier = facts.service_tier;
  a.created = first_second + std::chrono::duration_cast<std::chrono::seconds>(c.age).count();
  a.usage = how.usage.value_or(usage_override{});
  rendered_reply reply;
  reply.op = match.op;
  reply.request_id = "req_" + id();
  if (match.op == llm::operation::embeddings) {
    reply.body = compose_embeddings(a, facts, c.request.body, what.seed, count);
  } else {
    compose(a, facts, c.request.body, how, what.seed, count);
    reply.stream = facts.stream;
    if (facts.stream) reply.events = render_events(a);
    else reply.body = render_whole(a);
    for (const auto& one : a.choices) reply.pauses += one.pieces.size();
  }
  return put_on_wire(std::move(reply), how, random);
}

reply_plan engine::state::canned(const sim_request& request) const {
  bool stream = asks_for_stream(request.body);
  if (stream && !canned_steps.empty()) return {{}, canned_steps, ending::keep, 200};
  return {stream ? canned_stream : canned_whole, {}, ending::keep, 200};
}

reply_plan engine::state::judge(const sim_request& request, nanoseconds age) {
  call c{request, age, {}, false};
  auto match = openai::match_path(request.path);
  bool has_body = match && match->op != llm::operation::models;
  auto facts = has_body ? openai::scan_request(match->op, request.body) : result<llm::request_facts>{};
  if (facts) c.model = match && match->azure ? match->argument : facts->model, c.stream = facts->stream;
  const auto* chosen = choose(c, false);
  if (chosen == nullptr && what.canned && has_body) return canned(request);
  behaviour how = with_defaults(chosen != nullptr ? *chosen : behaviour{}, what.defaults);

  if (how.raw || how.sse) return put_on_wire({.stream = how.sse.has_value(), .body = how.raw.value_or(""), .request_id = "req_" + id()}, how, random);
  if (how.status || how.body) return plain(how.status.value_or(200), how.body.value_or(how.status.value_or(200) < 400 ? "{}" : render_error(canned_error::server_error, "").body), how);
  auto wrong = [&](canned_error which) { auto e = render_error(which, c.model); return plain(e.status, std::move(e.body), how); };
  if (how.error != canned_error::none) return wrong(how.error);
  if (!match) return plain(404, openai::error_body(error{errc::unknown_path, fmt::format("Invalid URL ({} {})", request.method, request.path), {}}), how);
  if (match->method != request.method) return plain(405, openai::error_body(error{errc::method_not_allowed, "Method not allowed.", {}}), how);
  if (!what.keys.empty() && std::ranges::find(what.keys, bearer(request.headers)) == what.keys.end()) return wrong(canned_error::auth);
  if (match->op == llm::operation::models) return models(*match, how);
  if (!facts) return plain(kind_of(facts.error().code).http_status, openai::error_body(facts.error()), how);
  if (match->op == llm::operation::chat && facts->messages == 0)
    return plain(400, openai::error_body("Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.", "invalid_request_error", "messages", "empty_array"), how);
  if (!knows_model(c.model)) return wrong(canned_error::not_found);
  facts->model = c.model;
  return complete(*match, *facts, c, how);
}

engine::engine(script what, token_counter count) : state_(std::make_unique<state>(std::move(what), std::move(count))) {}
engine::~engine() = default;
engine::engine(engine&&) noexcept = default;

reply_plan engine::answer(const sim_request& request, nanoseconds since_start) {
  auto& s = *state_;
  ++s.requests;
  if (!s.what.canned || !s.what.rules.empty() || request.method != "POST") return s.judge(request, since_start);
  return s.canned(request);
}

fault engine::at_accept(nanoseconds since_start) {
  auto& s = *state_;
  if (at_connection(s.what.defaults.what)) return s.what.defaults.what;
  if (s.what.rules.empty()) return fault::none;
  sim_request none{};
  const auto* chosen = s.choose({none, since_start, {}, false}, true);
  return chosen == nullptr ? fault::none : chosen->what;
}

std::uint64_t engine::requests() const { return state_->requests; }

}  // namespace andon::sim
