#include "andon/telemetry/exchange_meter.hpp"

#define XXH_INLINE_ALL  // short texts: the call would cost more than the hash
#include <xxhash.h>

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
  labels common, models;
  few<histogram> durations;       // by errc
  few<counter> attempts;          // by errc
  histogram* input = nullptr;
  histogram* output = nullptr;
  histogram* first_chunk = nullptr;
  histogram* chunks = nullptr;
};

// The exchanges of one project on one route that one model served.
struct caller_series {
  labels common, server;
  few<counter> requests;          // by HTTP status and origin
  few<counter> errors;            // by errc
  few<histogram> durations;       // by errc
  histogram *first_token, *per_token, *overhead;
  counter *input, *cached_read, *cache_write, *output, *reasoning;
  counter *cost, *unknown_price, *estimated, *cut, *retries, *failovers, *request_bytes, *reply_bytes, *stream_events;
};

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
  explicit state(metrics::registry& r) : registry(r) {
    watchers.push_back(r.observe(about(families::in_flight), metrics::kind::gauge, {}, [this] { return in_flight.read(); }));
    watchers.push_back(r.observe(about(families::open_streams), metrics::kind::gauge, {}, [this] { return streams.read(); }));
  }

  histogram& make(const family& f, const labels& l) { return registry.make_histogram(about(f), f.boundaries, l); }
  counter& count(const family& f, const labels& l) { return registry.make_counter(about(f), l); }

  client_series& client_of(std::string_view operation, std::string_view response_model, const attempt_facts& of) {
    const std::uint64_t key = hash_of(of.port, operation, response_model, of.provider, of.upstream_model, of.model, of.address);
    if (const auto at = clients.find(key); at != clients.end()) return *at->second;
    const bool full = clients.size() >= max_sets;
    auto& place = clients[full ? 0 : key];
    if (!place) place = full ? new_client("other", "other", {.model = "other", .provider = "other", .upstream_model = "other", .address = "other"})
                             : new_client(operation, response_model, of);
    return *place;
  }

  std::unique_ptr<client_series> new_client(std::string_view operation, std::string_view response_model, const attempt_facts& of) {
    auto made = std::make_unique<client_series>();
    made->common = with({}, {{"gen_ai.operation.name", operation}, {"gen_ai.provider.name", of.provider}, {"gen_ai.request.model", of.upstream_model},
                             {"server.address", of.address}, {"server.port", std::to_string(of.port)}});
    made->chunks = &make(families::client_chunks, made->common);
    if (!response_model.empty()) made->common.emplace_back("gen_ai.response.model", response_model);
    made->models = with({}, {{"model", of.model}, {"provider", of.provider}});
    made->input = &make(families::client_tokens, with(made->common, {{"gen_ai.token.type", "input"}}));
    made->output = &make(families::client_tokens, with(made->common, {{"gen_ai.token.type", "output"}}));
    made->first_chunk = &make(families::client_first_chunk, made->common);
    return made;
  }

  caller_series& caller_of(const exchange_facts& f, std::string_view provider) {
    const std::uint64_t key = hash_of(0, f.project, f.route, f.model, f.operation, provider);
    if (const auto at = callers.find(key); at != callers.end()) return *at->second;
    const bool full = callers.size() >= max_sets;
    auto& place = callers[full ? 0 : key];
    if (!place) place = full ? new_caller("other", "other", "other", "other", "other") : new_caller(f.project, f.route, f.model, f.operation, provider);
    return *place;
  }

  std::unique_ptr<caller_series> new_caller(std::string_view project, std::string_view route, std::string_view model, std::string_view operation, std::string_view provider) {
    auto made = std::make_unique<caller_series>();
    auto& s = *made;
    s.common = with({}, {{"project", project}, {"route", route}, {"model", model}});
    s.server = with({}, {{"gen_ai.operation.name", operation}, {"gen_ai.provider.name", provider}, {"gen_ai.request.model", route}});
    s.first_token = &make(families::server_first_token, s.server);
    s.per_token = &make(families::server_per_token, s.server);
    s.overhead = &make(families::overhead, with({}, {{"route", route}}));
    const auto tokens_of = [&](const char* kind) { return &count(families::tokens, with(s.common, {{"class", kind}})); };
    s.input = tokens_of("input");
    s.cached_read = tokens_of("cached_read");
    s.cache_write = tokens_of("cache_write");
    s.output = tokens_of("output");
    s.reasoning = tokens_of("reasoning");
    const auto counted = [&](const family& f) { return &count(f, s.common); };
    s.cost = counted(families::cost);
    s.unknown_price = counted(families::unknown_price);
    s.estimated = counted(families::estimated);
    s.cut = counted(families::cut);
    s.retries = counted(families::retries);
    s.failovers = counted(families::failovers);
    s.request_bytes = counted(families::request_bytes);
    s.reply_bytes = counted(families::reply_bytes);
    s.stream_events = counted(families::stream_events);
    return made;
  }

  void observe_attempts(const exchange_facts& f);
  void observe_caller(const exchange_facts& f, caller_series& s);
  void observe_results(const exchange_facts& f, caller_series& s);

  metrics::registry& registry;
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
    if (one.first_token > nanoseconds::zero()) s.first_chunk->observe(seconds(one.first_token));
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
  if (f.stream_events > 0) s.stream_events->add(f.stream_events);
  if (f.cut) s.cut->add();
  if (f.retries > 0) s.retries->add(f.retries);
  if (f.failovers > 0) s.failovers->add(f.failovers);
  if (f.first_token > nanoseconds::zero() && f.outcome == errc::none) {
    s.first_token->observe(seconds(f.first_token));
    if (f.used.output > 1) s.per_token->observe(seconds(f.duration - f.first_token) / static_cast<double>(f.used.output - 1));
  }
  if (f.used.known) {
    s.input->add(amount(f.used.input));
    s.output->add(amount(f.used.output));
    if (f.used.cached_read > 0) s.cached_read->add(amount(f.used.cached_read));
    if (f.used.cache_write > 0) s.cache_write->add(amount(f.used.cache_write));
    if (f.used.reasoning > 0) s.reasoning->add(amount(f.used.reasoning));
    if (f.used.estimated) s.estimated->add();
    if (f.price == price_fact::known) s.cost->add(amount(f.cost.value()));
    if (f.price == price_fact::unknown) s.unknown_price->add();
  }
}

void exchange_meter::observe(const exchange_facts& f) {
  auto& s = state_->caller_of(f, f.attempts.empty() ? std::string_view{} : f.attempts.back().provider);
  state_->observe_results(f, s);
  state_->observe_caller(f, s);
  state_->observe_attempts(f);
}

metrics::histogram& exchange_meter::chunk_seconds(std::string_view operation, const attempt_facts& of) {
  return *state_->client_of(operation, {}, of).chunks;
}

namespace {

template <class Make>
void count_event(hash_table<counter*>& known, std::uint64_t key, const Make& make) {
  if (const auto at = known.find(key); at != known.end()) return at->second->add();
  counter& series = make();
  if (known.size() < exchange_meter::max_sets) known.emplace(key, &series);
  series.add();
}

}  // namespace

void exchange_meter::cooled(std::string_view model) {
  count_event(state_->events, hash_of(1, model), [&]() -> counter& { return state_->count(families::cooldowns, with({}, {{"model", model}})); });
}

void exchange_meter::credential_refused(std::string_view model) {
  count_event(state_->events, hash_of(2, model), [&]() -> counter& { return state_->count(families::credential_refusals, with({}, {{"model", model}})); });
}

void exchange_meter::refused(std::string_view scope, errc reason) {
  count_event(state_->events, hash_of(3, scope, kind_of(reason).name), [&]() -> counter& {
    return state_->count(families::refusals, with({}, {{"scope", scope}, {"reason", kind_of(reason).name}}));
  });
}

void exchange_meter::rejected(errc reason) {
  count_event(state_->events, hash_of(4, kind_of(reason).name), [&]() -> counter& {
    return state_->count(families::rejections, with({}, {{"reason", kind_of(reason).name}}));
  });
}

}  // namespace andon::telemetry
