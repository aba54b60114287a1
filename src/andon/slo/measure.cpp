#include "andon/slo/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace andon::slo {
namespace {

using enum measure;
using ledger::record_view;
constexpr auto ratio = measure_kind::ratio;
constexpr auto number = measure_kind::number;
constexpr auto records = measure_source::records;
constexpr auto samples = measure_source::samples;

constexpr std::array table{
    measure_about{availability, "availability", ratio, records, "", "calls answered as they should be, among those that were not refused for the client's own fault or limits. An error of the gateway (overload included) or of the providers is bad, as is a stream that broke"},
    measure_about{errors, "errors", ratio, records, "", "calls without an error of the named origins, among all"},
    measure_about{complete, "complete", ratio, records, "", "streams that the client got whole, and in the given time where one is given; a client that leaves does not count"},
    measure_about{structured, "structured", ratio, records, "", "replies with the structure that was asked for, among those that were checked: calls with a response_format on routes that say `structured: require`"},
    measure_about{cache_hits, "cache_hits", ratio, records, "", "calls answered from the cache, among those that looked there"},
    measure_about{priced, "priced", ratio, records, "", "calls whose price is known, among those that used tokens"},
    measure_about{transit_encrypted, "transit_encrypted", ratio, records, "", "calls encrypted on the way from the client and to the provider, where a way within this machine counts as encrypted; interrupted ones do not count"},
    measure_about{rest_encrypted, "rest_encrypted", ratio, records, "", "calls whose record is encrypted where it lies"},
    measure_about{authenticated, "authenticated", ratio, records, "", "calls of a good key, among those whose key is known (expired and blocked ones are bad)"},
    measure_about{probes_detected, "probes_detected", ratio, records, "", "seeded attacks (metadata probe=attack) that a guard stopped"},
    measure_about{guard_passed, "guard_passed", ratio, records, "", "calls that no guard stopped"},
    measure_about{goodput, "goodput", ratio, records, "", "calls answered whole, without error and in the given time, among all; its rate is the goodput"},
    measure_about{resolved, "resolved", ratio, records, "", "conversations that solved what they were about, among those of which feedback says so or not"},
    measure_about{thumbs, "thumbs", ratio, records, "", "thumbs up, among all thumbs of feedback"},
    measure_about{latency, "latency", number, records, "s", "from a request's first byte to its reply's last, of calls without error"},
    measure_about{first_token, "first_token", number, records, "s", "to a stream's first token"},
    measure_about{token_gap, "token_gap", number, records, "s", "time between two tokens of a stream, on average over the stream"},
    measure_about{upstream, "upstream", number, records, "s", "time spent waiting for providers"},
    measure_about{overhead, "overhead", number, records, "s", "what the gateway added: latency without the time spent waiting for providers"},
    measure_about{cost, "cost", number, records, "usd", "cost of a call"},
    measure_about{tokens, "tokens", number, records, "tokens", "tokens of a call, in and out"},
    measure_about{input_tokens, "input_tokens", number, records, "tokens", "tokens in"},
    measure_about{output_tokens, "output_tokens", number, records, "tokens", "tokens out"},
    measure_about{tokens_per_second, "tokens_per_second", number, records, "tokens/s", "speed of a stream behind its first token"},
    measure_about{attempts, "attempts", number, records, "", "targets tried for a call"},
    measure_about{csat, "csat", number, records, "", "satisfaction that feedback tells, 1 to 5"},
    measure_about{nps, "nps", number, records, "", "likelihood to recommend that feedback tells, 0 to 10; the mean told is promoters minus detractors, -100 to 100"},
    measure_about{score, "score", number, records, "", "score that feedback gives, 0 to 1"},
    measure_about{cpu, "cpu", number, samples, "", "share of the machine's processors that the program uses, 0 to 1"},
    measure_about{loop_lag, "loop_lag", number, samples, "s", "how long work waits for its core, the worst of all cores"},
    measure_about{queue, "queue", number, samples, "", "calls that wait for a target"},
    measure_about{calls_open, "calls_open", number, samples, "", "calls under way, streams included"},
    measure_about{calls_headroom, "calls_headroom", number, samples, "", "share of the connections allowed that is free, 0 to 1"},
    measure_about{index_lag, "index_lag", number, samples, "", "Records that search does not see yet"},
    measure_about{price_age, "price_age", number, samples, "s", "age of the price table"},
    measure_about{models_age, "models_age", number, samples, "s", "age of the Plan, with its list of models"},
    measure_about{guards_age, "guards_age", number, samples, "s", "age of the guards' lists"},
    measure_about{integrity_age, "integrity_age", number, samples, "s", "since the last check of integrity"},
    measure_about{propagation, "propagation", number, samples, "s", "from a change of the configuration until it was in force on every core"},
    measure_about{recovery, "recovery", number, samples, "s", "from an alert of an objective until it was over"},
    measure_about{quality, "quality", number, samples, "", "a score of quality, 0 to 1"},
    measure_about{logins, "logins", ratio, samples, "", "attempts to use the gateway with a key that it knows"},
    measure_about{restore_time, "restore_time", number, samples, "s", "what a drill realised: from a killed gateway's end until it took calls again, or the time of bringing back a backup and reading it whole"},
    measure_about{failover_time, "failover_time", number, samples, "s", "what a drill realised: from the first call that found its target down until another target had served one"},
    measure_about{catch_up_time, "catch_up_time", number, samples, "s", "what a drill realised: from the end of a failure of the store until everything appended meanwhile was indexed"},
    measure_about{data_loss, "data_loss", number, samples, "records", "what a drill realised: Records that were there before and are not after"},
    measure_about{store_headroom, "store_headroom", number, samples, "", "share of its time in which the store's one writer did not work, 0 to 1: at 0 it takes no more Records a second than now"},
    measure_about{connections_capacity, "connections_capacity", number, samples, "", "connections that clients can have open at once: what listen.max_connections allows on all cores, or the process's limit of open files for a call with one connection each way, whichever is less"},
    measure_about{dashboards_age, "dashboards_age", number, samples, "s", "age of the newest second that objectives and indicators, and so what shows them, have counted"},
    measure_about{console_page, "console_page", number, samples, "s", "time of answering a request to the admin port, without the ones that wait on purpose; the slowest of each second"},
    measure_about{sign_in, "sign_in", number, samples, "s", "time of finding out who calls the admin port; the slowest of each second"},
    measure_about{calls_capacity, "calls_capacity", number, samples, "calls/s", "calls a second that all processors could take if each needed what those of the last second did; of seconds with at least 100 calls"},
    measure_about{surge_absorbed, "surge_absorbed", ratio, samples, "", "calls taken, among those of seconds with three times as many as usual (of the last five minutes, at least 20 a second); refusals for overload are bad"},
};
static_assert(table.size() == static_cast<std::size_t>(measure::count_));
static_assert([] { for (std::size_t i = 0; i < table.size(); ++i) if (table[i].which != static_cast<measure>(i)) return false; return true; }());

constexpr std::array<std::string_view, 5> comparison_names{"", "lte", "gte", "lt", "gt"};

double in_seconds(nanoseconds span) { return static_cast<double>(span.count()) / 1e9; }
origin origin_of(const record_view& r) { return kind_of(r.outcome()).from; }
bool broke(const record_view& r) { return r.delivered() == ledger::delivery::cut && origin_of(r) != origin::client; }
bool refused_or_left(const record_view& r) { return (bit(origin_of(r)) & (bit(origin::client) | bit(origin::limit) | bit(origin::guard))) != 0; }
bool at_fault(const series_spec& to, const record_view& r) {
  return (bit(origin_of(r)) & to.faults) != 0 || broke(r) || r.structured() == ledger::structure::invalid;
}
bool in_time(const series_spec& to, const record_view& r) { return to.how == comparison::none || holds(in_seconds(r.duration()), to.how, to.bound); }

bool is_attack(const record_view& r) {
  for (std::size_t i = 0; i < r.metadata_count(); ++i)
    if (r.metadata(i) == std::pair<std::string_view, std::string_view>{"probe", "attack"}) return true;
  return false;
}

/// What feedback says under this name; empty when it does not.
std::string_view said(const record_view& r, std::string_view name) {
  for (std::size_t i = 0; i < r.metadata_count(); ++i)
    if (const auto pair = r.metadata(i); pair.first == name) return pair.second;
  return {};
}

std::optional<double> number_said(const record_view& r, std::string_view name) {
  const auto text = said(r, name);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc{} && !text.empty() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<bool> answer_said(const record_view& r, std::string_view name, std::string_view good) {
  const auto text = said(r, name);
  return text.empty() ? std::nullopt : std::optional(text == good);
}

/// Promoters count 100, detractors -100.
double as_promoter(double value) { return value >= 9 ? 100 : value >= 7 ? 0 : -100; }

bool from_cache(ledger::cache_use use) { return use == ledger::cache_use::hit || use == ledger::cache_use::semantic || use == ledger::cache_use::shared; }

/// Good or not; nothing when the Record is none of the events.
std::optional<bool> judge(const series_spec& to, const record_view& r) {
  const auto has = [&](ledger::transport_bit one) { return (r.transport() & one) != 0; };
  const auto outcome = r.outcome();
  switch (to.what) {
    case availability: {
      const bool bad = at_fault(to, r);
      if (!bad && refused_or_left(r)) return std::nullopt;
      return !bad;
    }
    case errors: return (bit(origin_of(r)) & to.faults) == 0 && (r.structured() != ledger::structure::invalid || (to.faults & bit(origin::provider)) == 0);
    case complete:
      if (!r.stream() || refused_or_left(r)) return std::nullopt;
      return outcome == errc::none && r.delivered() == ledger::delivery::complete && in_time(to, r);
    case structured:
      if (r.structured() == ledger::structure::unchecked) return std::nullopt;
      return r.structured() == ledger::structure::valid;
    case cache_hits:
      if (r.cache() == ledger::cache_use::none || r.cache() == ledger::cache_use::off) return std::nullopt;
      return from_cache(r.cache());
    case priced:
      if (r.use().total() == andon::tokens{}) return std::nullopt;
      return r.price() == ledger::price_state::known || r.price() == ledger::price_state::free;
    case transit_encrypted:
    case rest_encrypted:
      if (r.interrupted()) return std::nullopt;  // closed after a crash: nobody saw how it was carried
      return to.what == rest_encrypted ? has(ledger::stored_encrypted) : has(ledger::client_encrypted) && has(ledger::provider_encrypted);
    case authenticated: return outcome != errc::expired_key && outcome != errc::blocked_key && outcome != errc::forbidden;
    case probes_detected:
      if (!is_attack(r)) return std::nullopt;
      return origin_of(r) == origin::guard;
    case guard_passed: return origin_of(r) != origin::guard;
    case resolved: return answer_said(r, "feedback.resolved", "true");
    case thumbs: return answer_said(r, "feedback.thumbs", "up");
    case goodput: return outcome == errc::none && !at_fault(to, r) && in_time(to, r);
    default: return std::nullopt;
  }
}

/// The number; nothing when the Record has none.
std::optional<double> number_of(measure what, const record_view& r) {
  const auto when = [](bool there, double value) { return there ? std::optional(value) : std::nullopt; };
  const auto count = [](andon::tokens n) { return static_cast<double>(n.value()); };
  const bool good = r.outcome() == errc::none;
  const auto first = r.first_token();
  const auto behind_first = in_seconds(r.duration() - first);
  const auto out = count(r.use().output);
  switch (what) {
    case latency: return when(good, in_seconds(r.duration()));
    case first_token: return when(r.stream() && first > nanoseconds{}, in_seconds(first));
    case token_gap: return when(r.stream() && first > nanoseconds{} && out > 1, behind_first / (out - 1));
    case upstream: return when(r.attempt_count() > 0, in_seconds(r.upstream()));
    case overhead: return when(good, in_seconds(r.duration() - r.upstream()));
    case cost: return when(r.price() != ledger::price_state::unknown, static_cast<double>(r.cost().value()) / 1e9);
    case tokens: return when(r.use().total() > andon::tokens{}, count(r.use().total()));
    case input_tokens: return when(r.use().total() > andon::tokens{}, count(r.use().input));
    case output_tokens: return when(r.use().total() > andon::tokens{}, out);
    case tokens_per_second: return when(r.stream() && first > nanoseconds{} && behind_first > 0 && out > 1, (out - 1) / behind_first);
    case attempts: return when(r.attempt_count() > 0, static_cast<double>(r.attempt_count()));
    case csat: return number_said(r, "feedback.csat");
    case nps: {
      const auto value = number_said(r, "feedback.nps");
      return value ? std::optional(as_promoter(*value)) : std::nullopt;
    }
    case score: return number_said(r, "feedback.score");
    default: return std::nullopt;
  }
}

counts events_of(const series_spec& to, double value) {
  if (!to.fraction) return {to.how == comparison::none || holds(value, to.how, to.bound) ? 1 : 0, 1};
  const auto part = static_cast<std::int64_t>(std::llround(std::clamp(value, 0.0, 1.0) * static_cast<double>(counts::whole)));
  return {to.inverted ? counts::whole - part : part, counts::whole};
}

}  // namespace

bool is_of_feedback(measure what) { return what == resolved || what == thumbs || what == csat || what == nps || what == score; }

std::span<const measure_about> measure_table() { return table; }
const measure_about& about(measure which) { return table[static_cast<std::size_t>(which)]; }
const measure_about* find_measure(std::string_view name) {
  const auto found = std::ranges::find(table, name, &measure_about::name);
  return found == table.end() ? nullptr : &*found;
}

std::optional<comparison> parse_comparison(std::string_view text) {
  for (std::size_t i = 1; i < comparison_names.size(); ++i)
    if (comparison_names[i] == text) return static_cast<comparison>(i);
  return std::nullopt;
}
std::string_view to_string(comparison how) { return comparison_names[static_cast<std::size_t>(how)]; }

bool holds(double value, comparison how, double bound) {
  switch (how) {
    case comparison::none: return true;
    case comparison::lte: return value <= bound;
    case comparison::gte: return value >= bound;
    case comparison::lt: return value < bound;
    case comparison::gt: return value > bound;
  }
  return false;
}

std::string series_spec::identity() const {
  std::string out = fmt::format("{}|{}", slo::about(what).name, ledger::to_text(filter.what()));
  if (good) out += fmt::format("|{}:{}", good_means_bad ? "bad" : "good", ledger::to_text(good->what()));
  if (faults != service_faults) out += fmt::format("|faults:{}", faults);
  if (how != comparison::none) out += fmt::format("|{}:{}", to_string(how), bound);
  if (fraction) out += inverted ? "|fraction:bad" : "|fraction";
  return out;
}

std::optional<contribution> contribution_of(const series_spec& to, const ledger::record_view& record) {
  if (!to.filter.matches(record)) return std::nullopt;
  if (to.good) return contribution{.events = {to.good->matches(record) != to.good_means_bad ? 1 : 0, 1}};
  if (about(to.what).source != measure_source::records) return std::nullopt;
  if ((record.op() == ledger::operation::feedback) != is_of_feedback(to.what)) return std::nullopt;
  if (is_of_feedback(to.what) && record.outcome() != errc::none) return std::nullopt;
  if (about(to.what).kind == measure_kind::number) {
    const auto value = number_of(to.what, record);
    if (!value) return std::nullopt;
    return contribution{.events = events_of(to, *value), .value = *value};
  }
  const auto good = judge(to, record);
  if (!good) return std::nullopt;
  return contribution{.events = {*good ? 1 : 0, 1}};
}

contribution contribution_of(const series_spec& to, double value) {
  return {.events = events_of(to, value), .value = value};
}

instant end_of(const ledger::record_view& record) { return std::chrono::floor<seconds>(record.started() + record.duration()); }

}  // namespace andon::slo
