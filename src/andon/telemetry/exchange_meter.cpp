#include "andon/telemetry/exchange_meter.hpp"

#define XXH_INLINE_ALL  // short texts: the call would cost more than the hash
#include <xxhash.h>

#include <array>
#include <atomic>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "andon/telemetry/metric_names.hpp"

namespace andon::telemetry {
namespace {

using metrics::counter;
using metrics::histogram;
using metrics::labels;

metrics::description about(const family& f) { return {std::string{f.name}, std::string{f.help}, std::string{f.unit}}; }

double seconds(nanoseconds span) { return static_cast<double>(span.count()) / 1e9; }

std::uint64_t amount(std::int64_t n) { return n > 0 ? static_cast<std::uint64_t>(n) : 0; }

template <class... Texts>
std::uint64_t hash_of(std::uint64_t seed, Texts... texts) {
  ((seed = XXH3_64bits_withSeed(texts.data(), texts.size(), seed)), ...);
  return seed;
}

struct same_number {
  std::size_t operator()(std::uint64_t key) const noexcept { return key; }
};
template <class T>
using hash_table = std::unordered_map<std::uint64_t, T, same_number>;

// A handful of series told apart by a small number; the usual one is first.
template <class Series>
struct few {
  std::vector<std::pair<std::uint32_t, Series*>> known;
  template <class Make>
  Series& at(std::uint32_t key, const Make& make) {
    for (const auto& [k, series] : known)
      if (k == key) return *series;
    return *known.emplace_back(key, &make()).second;
  }
};

labels with(labels base, std::initializer_list<std::pair<const char*, std::string_view>> more) {
  for (const auto& [name, value] : more) base.emplace_back(name, value);
  return base;
}

// The calls of one operation to one provider's model.
struct client_series {
  labels common, chunk_labels, models;
  few<histogram> durations;       // by errc
  few<counter> attempts;          // by errc
  histogram* input = nullptr;
  histogram* output = nullptr;
  histogram* first_chunk = nullptr;  // these two: of streams
  histogram* chunks = nullptr;
};

// The exchanges of one project on one route that one model served.
struct caller_series {
  labels common, server;
  few<counter> requests;          // by HTTP status and origin
  few<counter> errors;            // by errc
  few<histogram> durations;       // by errc
  histogram* overhead = nullptr;
  counter *input = nullptr, *output = nullptr, *cost = nullptr, *unknown_price = nullptr, *request_bytes = nullptr, *reply_bytes = nullptr;
  // Made on first use: most callers never need them, and a series costs about 600 bytes.
  histogram *first_token = nullptr, *per_token = nullptr;
  counter *cached_read = nullptr, *cache_write = nullptr, *reasoning = nullptr, *estimated = nullptr, *cut = nullptr;
  counter *retries = nullptr, *failovers = nullptr, *stream_events = nullptr;
};

// Why limits, budgets and load refuse, and whose limit it is.
constexpr std::array refusing_scopes{"gateway", "project", "key", "model", "user", "tag"};
constexpr std::array refusing_reasons{errc::requests_limited, errc::tokens_limited, errc::parallel_limited, errc::budget_exceeded};
// Why a request is refused before its caller is known.
constexpr std::array rejecting_reasons{errc::bad_http, errc::headers_too_large, errc::target_too_long, errc::body_too_large, errc::unsupported_encoding,
                                       errc::unsupported_transfer, errc::unknown_path, errc::method_not_allowed, errc::client_timeout, errc::missing_key,
                                       errc::invalid_key, errc::expired_key, errc::blocked_key, errc::overloaded};

// Written by one thread, read by whoever renders.
class level {
public:
  void add(std::int64_t n) noexcept { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  [[nodiscard]] double read() const noexcept { return static_cast<double>(value_.load(std::memory_order_relaxed)); }

private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace

struct exchange_meter::state {
  explicit state(metrics::registry& r) : registry(r), unrecorded(r.make_counter(about(families::unrecorded), {})) {
    watchers.push_back(r.observe(about(families::in_flight), metrics::kind::gauge, {}, [this] { return in_flight.read(); }));
    watchers.push_back(r.observe(about(families::open_streams), metrics::kind::gauge, {}, [this] { return streams.read(); }));
    for (const auto reason : rejecting_reasons) rejections_of(reason);
    for (const auto* scope : refusing_scopes)
      for (const auto reason : refusing_reasons) refusals_of(scope, reason);
    refusals_of("load", errc::overloaded);
  }

  counter& rejections_of(errc reason) { return count(families::rejections, with({}, {{"reason", kind_of(reason).name}})); }
  counter& refusals_of(std::string_view scope, errc reason) { return count(families::refusals, with({}, {{"scope", scope}, {"reason", kind_of(reason).name}})); }

  histogram& make(const family& f, const labels& l) { return registry.make_histogram(about(f), f.boundaries, l); }
  counter& count(const family& f, const labels& l) { return registry.make_counter(about(f), l); }

  void add(counter*& place, const family& f, const labels& l, std::int64_t n) {
    if (n <= 0) return;
    if (place == nullptr) place = &count(f, l);
    place->add(amount(n));
  }
  void add_tokens(counter*& place, const char* kind, const labels& l, std::int64_t n) {
    if (n <= 0) return;
    if (place == nullptr) place = &count(families::tokens, with(l, {{"class", kind}}));
    place->add(amount(n));
  }
  void observe(histogram*& place, const family& f, const labels& l, double value) {
    if (place == nullptr) place = &make(f, l);
    place->observe(value);
  }

  client_series& client_of(std::string_view operation, std::string_view response_model, const attempt_facts& of) {
    const std::uint64_t key = hash_of(of.port, operation, response_model, of.provider, of.kind, of.upstream_model, of.model, of.address);
    if (const auto at = clients.find(key); at != clients.end()) return *at->second;
    const bool full = clients.size() >= max_sets;
    auto& place = clients[full ? 0 : key];
    if (!place) place = full ? new_client("other", "other", {.model = "other", .provider = "other", .kind = "other", .upstream_model = "other", .address = "other"})
                             : new_client(operation, response_model, of);
    return *place;
  }

  std::unique_ptr<client_series> new_client(std::string_view operation, std::string_view response_model, const attempt_facts& of) {
    auto made = std::make_unique<client_series>();
    made->common = with({}, {{"gen_ai.operation.name", operation}, {"gen_ai.provider.name", of.kind}, {"gen_ai.request.model", of.upstream_model},
                             {"server.address", of.address}, {"server.port", std::to_string(of.port)}});
    made->chunk_labels = made->common;
    if (!response_model.empty()) made->common.emplace_back("gen_ai.response.model", response_model);
    made->models = with({}, {{"model", of.model}, {"provider", of.provider}});
    made->input = &make(families::client_tokens, with(made->common, {{"gen_ai.token.type", "input"}}));
    made->output = &make(families::client_tokens, with(made->common, {{"gen_ai.token.type", "output"}}));
    return made;
  }

  caller_series& caller_of(const exchange_facts& f, std::string_view kind) {
    const std::uint64_t key = hash_of(0, f.project, f.route, f.model, f.operation, kind);
    if (const auto at = callers.find(key); at != callers.end()) return *at->second;
    const bool full = callers.size() >= max_sets;
    auto& place = callers[full ? 0 : key];
    if (!place) place = full ? new_caller("other", "other", "other", "other", "other") : new_caller(f.project, f.route, f.model, f.operation, kind);
    return *place;
  }

  std::unique_ptr<caller_series> new_caller(std::string_view project, std::string_view route, std::string_view model, std::string_view operation, std::string_view kind) {
    auto made = std::make_unique<caller_series>();
    auto& s = *made;
    s.common = with({}, {{"project", project}, {"route", route}, {"model", model}});
    s.server = with({}, {{"gen_ai.operation.name", operation}, {"gen_ai.provider.name", kind}, {"gen_ai.request.model", route}});
    s.overhead = &make(families::overhead, with({}, {{"route", route}}));
    s.input = &count(families::tokens, with(s.common, {{"class", "input"}}));
    s.output = &count(families::tokens, with(s.common, {{"class", "output"}}));
    s.cost = &count(families::cost, s.common);
    s.unknown_price = &count(families::unknown_price, s.common);
    s.request_bytes = &count(families::request_bytes, s.common);
    s.reply_bytes = &count(families::reply_bytes, s.common);
    return made;
  }

  void observe_attempts(const exchange_facts& f);
  void observe_caller(const exchange_facts& f, caller_series& s);
  void observe_results(const exchange_facts& f, caller_series& s);
  void observe_tokens(const exchange_facts& f, caller_series& s);

  metrics::registry& registry;
  counter& unrecorded;
  hash_table<std::unique_ptr<client_series>> clients;
  hash_table<std::unique_ptr<caller_series>> callers;
  hash_table<counter*> events;
  level in_flight, streams;
  std::vector<std::shared_ptr<void>> watchers;
};

exchange_meter::exchange_meter(metrics::registry& registry) : state_(std::make_unique<state>(registry)) {}
exchange_meter::~exchange_meter() = default;

void exchange_meter::began() noexcept { state_->in_flight.add(1); }
void exchange_meter::ended() noexcept { state_->in_flight.add(-1); }
void exchange_meter::stream_opened() noexcept { state_->streams.add(1); }
void exchange_meter::stream_closed() noexcept { state_->streams.add(-1); }

void exchange_meter::state::observe_attempts(const exchange_facts& f) {
  for (const auto& one : f.attempts) {
    const bool last = &one == &f.attempts.back();
    auto& s = client_of(f.operation, last ? f.response_model : std::string_view{}, one);
    const auto code = static_cast<std::uint32_t>(one.outcome);
    const std::string_view name = kind_of(one.outcome).name;
    s.attempts.at(code, [&]() -> counter& { return count(families::attempts, with(s.models, {{"outcome", name}})); }).add();
    s.durations.at(code, [&]() -> histogram& {
      return make(families::client_duration, one.outcome == errc::none ? s.common : with(s.common, {{"error.type", name}}));
    }).observe(seconds(one.duration));
    if (one.first_token > nanoseconds::zero()) observe(s.first_chunk, families::client_first_chunk, s.common, seconds(one.first_token));
    if (!last || !f.used.known) continue;
    s.input->observe(static_cast<double>(f.used.input));
    if (f.used.output > 0) s.output->observe(static_cast<double>(f.used.output));
  }
}

void exchange_meter::state::observe_results(const exchange_facts& f, caller_series& s) {
  const auto& kind = kind_of(f.outcome);
  const auto key = static_cast<std::uint32_t>(f.http_status) << 8 | static_cast<std::uint32_t>(kind.from);
  s.requests.at(key, [&]() -> counter& {
    return count(families::requests, with(s.common, {{"status", std::to_string(f.http_status)}, {"origin", to_string(kind.from)}}));
  }).add();
  const auto code = static_cast<std::uint32_t>(f.outcome);
  s.durations.at(code, [&]() -> histogram& {
    return make(families::server_duration, f.outcome == errc::none ? s.server : with(s.server, {{"error.type", kind.name}}));
  }).observe(seconds(f.duration));
  if (f.outcome == errc::none) return;
  s.errors.at(code, [&]() -> counter& {
    return count(families::errors, with(s.common, {{"origin", to_string(kind.from)}, {"error", kind.name}}));
  }).add();
}

void exchange_meter::state::observe_caller(const exchange_facts& f, caller_series& s) {
  s.overhead->observe(seconds(f.overhead));
  s.request_bytes->add(f.request_bytes);
  s.reply_bytes->add(f.reply_bytes);
  add(s.stream_events, families::stream_events, s.common, f.stream_events);
  add(s.cut, families::cut, s.common, f.cut ? 1 : 0);
  add(s.retries, families::retries, s.common, f.retries);
  add(s.failovers, families::failovers, s.common, f.failovers);
  if (f.first_token > nanoseconds::zero() && f.outcome == errc::none) {
    observe(s.first_token, families::server_first_token, s.server, seconds(f.first_token));
    if (f.used.output > 1) observe(s.per_token, families::server_per_token, s.server, seconds(f.duration - f.first_token) / static_cast<double>(f.used.output - 1));
  }
  if (f.used.known || f.used.failed) observe_tokens(f, s);
  if (f.price == price_fact::known || f.price == price_fact::unknown_tier) s.cost->add(amount(f.cost.value()));
}

void exchange_meter::state::observe_tokens(const exchange_facts& f, caller_series& s) {
  s.input->add(amount(f.used.input));
  s.output->add(amount(f.used.output));
  add_tokens(s.cached_read, "cached_read", s.common, f.used.cached_read);
  add_tokens(s.cache_write, "cache_write", s.common, f.used.cache_write);
  add_tokens(s.reasoning, "reasoning", s.common, f.used.reasoning);
  add(s.estimated, families::estimated, s.common, f.used.estimated ? 1 : 0);
  if (f.price == price_fact::unknown || f.price == price_fact::unknown_tier) s.unknown_price->add();
}

void exchange_meter::observe(const exchange_facts& f) {
  auto& s = state_->caller_of(f, f.attempts.empty() ? std::string_view{} : f.attempts.back().kind);
  state_->observe_results(f, s);
  state_->observe_caller(f, s);
  state_->observe_attempts(f);
}

metrics::histogram& exchange_meter::chunk_seconds(std::string_view operation, const attempt_facts& of) {
  auto& series = state_->client_of(operation, {}, of);
  if (series.chunks == nullptr) series.chunks = &state_->make(families::client_chunks, series.chunk_labels);
  return *series.chunks;
}

namespace {

template <class Make>
void count_event(hash_table<counter*>& known, std::uint64_t key, const Make& make, std::uint64_t times = 1) {
  if (const auto at = known.find(key); at != known.end()) return at->second->add(times);
  counter& series = make();
  if (known.size() < exchange_meter::max_sets) known.emplace(key, &series);
  series.add(times);
}

}  // namespace

void exchange_meter::cooled(std::string_view model, std::uint64_t times) {
  count_event(state_->events, hash_of(1, model), [&]() -> counter& { return state_->count(families::cooldowns, with({}, {{"model", model}})); }, times);
}

void exchange_meter::continued(std::string_view route, std::uint64_t times) {
  count_event(state_->events, hash_of(50, route), [&]() -> counter& { return state_->count(families::continuations, with({}, {{"route", route}})); }, times);
}

void exchange_meter::hedge_started(std::string_view route, std::uint64_t times) {
  count_event(state_->events, hash_of(51, route), [&]() -> counter& { return state_->count(families::hedges_started, with({}, {{"route", route}})); }, times);
}

void exchange_meter::hedge_ended(std::string_view route, std::string_view outcome, std::uint64_t times) {
  count_event(state_->events, hash_of(52, route, outcome), [&]() -> counter& { return state_->count(families::hedges_ended, with({}, {{"route", route}, {"outcome", outcome}})); }, times);
}

void exchange_meter::hedge_denied(std::string_view route, std::string_view reason, std::uint64_t times) {
  count_event(state_->events, hash_of(53, route, reason), [&]() -> counter& { return state_->count(families::hedges_denied, with({}, {{"route", route}, {"reason", reason}})); }, times);
}

void exchange_meter::batched(std::string_view route, std::size_t calls, std::uint64_t times) {
  count_event(state_->events, hash_of(54, route), [&]() -> counter& { return state_->count(families::batches, with({}, {{"route", route}})); }, times);
  count_event(state_->events, hash_of(55, route), [&]() -> counter& { return state_->count(families::batched_calls, with({}, {{"route", route}})); }, calls * times);
}

void exchange_meter::batch_split(std::string_view route, std::uint64_t times) {
  count_event(state_->events, hash_of(56, route), [&]() -> counter& { return state_->count(families::batches_split, with({}, {{"route", route}})); }, times);
}

void exchange_meter::credential_refused(std::string_view model, std::uint64_t times) {
  count_event(state_->events, hash_of(2, model), [&]() -> counter& { return state_->count(families::credential_refusals, with({}, {{"model", model}})); }, times);
}

void exchange_meter::refused(std::string_view scope, errc reason) {
  count_event(state_->events, hash_of(3, scope, kind_of(reason).name), [&]() -> counter& { return state_->refusals_of(scope, reason); });
}

void exchange_meter::rejected(errc reason) {
  count_event(state_->events, hash_of(4, kind_of(reason).name), [&]() -> counter& { return state_->rejections_of(reason); });
}

void exchange_meter::unrecorded(std::uint64_t count) { state_->unrecorded.add(count); }

}  // namespace andon::telemetry
