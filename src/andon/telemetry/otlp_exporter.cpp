#include "andon/telemetry/otlp_exporter.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <optional>
#include <thread>

#include "andon/base/log.hpp"
#include "andon/net/core.hpp"
#include "andon/net/resolver.hpp"
#include "andon/telemetry/bounded_queue.hpp"
#include "andon/telemetry/span.hpp"

namespace andon::telemetry {
namespace {

using exchange_spans = std::vector<span>;
using waiter = boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, net::executor>;

constexpr nanoseconds look_interval = std::chrono::milliseconds{100};  // how often the queue is looked at
constexpr std::size_t max_reply = 64 * 1024;

struct batch {
  std::string body;
  std::size_t spans = 0;
  delivery way;
};

struct answer {
  int status = 0;
  nanoseconds retry_after{};
  std::int64_t rejected = 0;
};

// Whole seconds; a date is taken for "later" by the ordinary back-off.
nanoseconds parse_retry_after(std::string_view text) {
  constexpr std::int64_t longest = 3'600;
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || value < 0) return {};
  return std::chrono::seconds{std::min(value, longest)};
}

}  // namespace

struct otlp_exporter::state {
  state(exporter_settings with, metrics::registry& from, const clock& time)
      : settings(std::move(with)), registry(from), time(time), core(0, time, secure_seed()), client(core, names),
        wake(core.get_executor()), patience_end(core.get_executor()), queue(settings.queue_exchanges),
        exported(from.make_counter({"andon.telemetry.exported_spans", "Spans the collector accepted", "{span}"})),
        dropped_queue(dropped("queue_full")), dropped_refused(dropped("refused")), dropped_late(dropped("gave_up")),
        failures(from.make_counter({"andon.telemetry.failed_exports", "Export calls without a success", "{call}"})) {
    settings.delivery.batch_spans = std::max<std::size_t>(settings.delivery.batch_spans, 1);
  }

  metrics::counter& dropped(const char* reason) {
    return registry.make_counter({"andon.telemetry.dropped_spans", "Spans that never reached the collector, by reason", "{span}"}, {{"reason", reason}});
  }

  net::task<void> work();
  net::task<void> export_traces();
  net::task<void> export_metrics();
  net::task<answer> post(std::string_view path, std::string_view body);
  void collect();
  void close_batch();
  void settle(const answer& got);
  [[nodiscard]] bool batch_is_due() const;
  [[nodiscard]] bool finished() const;
  [[nodiscard]] mono_time next_look() const;
  void hurry();
  void drop_rest();

  exporter_settings settings;
  metrics::registry& registry;
  const clock& time;
  net::core core;
  net::resolver names;
  net::http_client client;
  waiter wake;
  waiter patience_end;              // runs from stop() on
  net::call_switch* call = nullptr;  // of the POST under way
  bool done = false;
  bounded_queue<exchange_spans> queue;
  metrics::counter &exported, &dropped_queue, &dropped_refused, &dropped_late, &failures;

  exchange_spans pending;
  mono_time pending_since{};
  std::optional<batch> on_its_way;
  mono_time next_metrics{};
  wall_time started{};
  bool metrics_flushed = false;
  std::atomic<bool> stopping{false};
  std::atomic<std::int64_t> stop_at{0};  // nanoseconds of mono time
  std::thread thread;
};

net::task<answer> otlp_exporter::state::post(std::string_view path, std::string_view body) {
  answer got;
  const std::string target = settings.base_path + std::string{path};
  std::vector<net::header> headers{{"content-type", "application/json"}};
  std::string packed;
  if (settings.gzip) {
    packed = gzip(body);
    headers.push_back({"content-encoding", "gzip"});
    body = packed;
  }
  for (const auto& [name, value] : settings.headers) headers.push_back({name, value.reveal()});
  const net::outgoing_request request{"POST", target, headers, body};
  deadline until = deadline::after(core.now(), settings.timeout);
  if (stopping) until = until.earlier(deadline{mono_time{nanoseconds{stop_at.load()}}});
  const net::call_deadlines limits{until, until, until, nanoseconds{}};
  net::call_switch stop;
  call = &stop;
  auto reply = co_await client.send(settings.to, request, limits, &stop);
  if (!reply) {
    call = nullptr;
    log::debug("telemetry_export_failed", {{"error", kind_of(reply.error().code).name}});
    co_return got;
  }
  got.status = (*reply)->status();
  got.retry_after = parse_retry_after(net::find_header((*reply)->headers(), "retry-after"));
  auto text = co_await (*reply)->read_all(max_reply);
  call = nullptr;
  if (text && got.status == 200) got.rejected = rejected_items(*text);
  co_return got;
}

void otlp_exporter::state::collect() {
  while (pending.size() < settings.delivery.batch_spans) {
    auto spans = queue.pop();
    if (!spans) return;
    if (pending.empty()) pending_since = core.now();
    std::ranges::move(*spans, std::back_inserter(pending));
  }
}

bool otlp_exporter::state::batch_is_due() const {
  if (pending.empty()) return false;
  return stopping || pending.size() >= settings.delivery.batch_spans || core.now() >= pending_since + settings.delivery.batch_age;
}

void otlp_exporter::state::close_batch() {
  on_its_way.emplace(encode_traces(settings.who, pending), pending.size(), delivery{settings.delivery, core.now()});
  pending.clear();
}

void otlp_exporter::state::settle(const answer& got) {
  const std::size_t spans = on_its_way->spans;
  switch (judge(got.status)) {
    case verdict::accepted: {
      const auto rejected = std::min(spans, static_cast<std::size_t>(std::max<std::int64_t>(got.rejected, 0)));
      exported.add(spans - rejected);
      if (rejected > 0) dropped_refused.add(rejected);
      on_its_way.reset();
      return;
    }
    case verdict::refused:
      failures.add();
      dropped_refused.add(spans);
      log::warn("telemetry_refused", {{"status", got.status}, {"spans", spans}});
      on_its_way.reset();
      return;
    case verdict::retry:
      failures.add();
      if (on_its_way->way.again(got.retry_after, core.now(), core.random())) return;
      dropped_late.add(spans);
      log::warn("telemetry_gave_up", {{"status", got.status}, {"spans", spans}});
      on_its_way.reset();
  }
}

net::task<void> otlp_exporter::state::export_traces() {
  for (;;) {
    if (!on_its_way) {
      collect();
      if (!batch_is_due()) co_return;
      close_batch();
    }
    if (core.now() < on_its_way->way.next_try()) co_return;
    const answer got = co_await post("/v1/traces", on_its_way->body);
    settle(got);
  }
}

// Cumulative points need no retry: the next ones say the same and more. A Retry-After puts the next ones off.
net::task<void> otlp_exporter::state::export_metrics() {
  if (!settings.metrics || metrics_flushed || (!stopping && core.now() < next_metrics)) co_return;
  metrics_flushed = stopping;
  const std::string body = encode_metrics(settings.who, registry, started, time.wall());
  const answer got = co_await post("/v1/metrics", body);
  if (judge(got.status) != verdict::accepted) failures.add();
  next_metrics = core.now() + std::max(settings.metrics_every, got.retry_after);
}

bool otlp_exporter::state::finished() const {
  if (!stopping) return false;
  return (!on_its_way && pending.empty()) || core.now() >= mono_time{nanoseconds{stop_at.load()}};
}

mono_time otlp_exporter::state::next_look() const {
  mono_time at = core.now() + look_interval;
  if (stopping) at = std::min(at, mono_time{nanoseconds{stop_at.load()}});
  if (on_its_way) at = std::min(at, std::max(on_its_way->way.next_try(), core.now()));
  return at;
}

net::task<void> otlp_exporter::state::work() {
  while (!finished() || !metrics_flushed) {
    if (settings.traces) co_await export_traces();
    co_await export_metrics();
    if (stopping && !settings.metrics) metrics_flushed = true;
    if (finished() && metrics_flushed) break;
    wake.expires_at(next_look());
    co_await wake.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<net::executor>{}));
  }
  done = true;
  patience_end.cancel();
  drop_rest();
  client.close_idle();
  core.request_stop();
}

// Wakes the loop, and ends the POST under way when the patience does.
void otlp_exporter::state::hurry() {
  if (done) return;
  wake.cancel();
  patience_end.expires_at(mono_time{nanoseconds{stop_at.load()}});
  patience_end.async_wait([this](const boost::system::error_code& failed) {
    if (!failed && call != nullptr) call->cancel();
  });
}

void otlp_exporter::state::drop_rest() {
  std::size_t left = pending.size() + (on_its_way ? on_its_way->spans : 0);
  while (auto spans = queue.pop()) left += spans->size();
  if (left > 0) dropped_late.add(left);
  pending.clear();
  on_its_way.reset();
}

otlp_exporter::otlp_exporter(exporter_settings settings, metrics::registry& from, const clock& time)
    : state_(std::make_unique<state>(std::move(settings), from, time)) {}

otlp_exporter::~otlp_exporter() { stop(nanoseconds::zero()); }

void otlp_exporter::start() {
  auto& s = *state_;
  s.started = s.time.wall();
  s.next_metrics = s.core.now() + s.settings.metrics_every;
  s.core.spawn(s.work());
  s.thread = std::thread{[&s] {
    pthread_setname_np(pthread_self(), "telemetry");
    s.core.run();
  }};
}

void otlp_exporter::stop(nanoseconds patience) {
  auto& s = *state_;
  if (!s.thread.joinable()) return;
  s.stop_at = (s.core.now() + patience).time_since_epoch().count();
  s.stopping = true;
  s.core.post([&s] { s.hurry(); });
  s.thread.join();
}

bool otlp_exporter::offer(const exchange_facts& facts) {
  if (!facts.sampled || !state_->settings.traces) return true;
  auto spans = spans_of(facts);
  const std::size_t count = spans.size();
  if (state_->queue.push(std::move(spans))) return true;
  state_->dropped_queue.add(count);
  return false;
}

}  // namespace andon::telemetry
