#include "andon/drill/drill.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "andon/base/time_text.hpp"

namespace andon::drill {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 4> kind_names{"provider-down", "store-down", "node-kill", "restore"};
constexpr std::array<std::string_view, 4> phase_names{"running", "settling", "killed", "over"};
constexpr std::array<std::string_view, 2> restarter_names{"supervisor", "caller"};

template <std::size_t N>
std::optional<std::size_t> place_in(const std::array<std::string_view, N>& names, std::string_view text) {
  const auto at = std::ranges::find(names, text);
  return at == names.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - names.begin()));
}

/// Every measured number with its name, for writing and reading alike.
template <class Realised, class F>
void each_number(Realised& of, F&& call) {
  call("failover_s", of.failover_s);
  call("recovery_s", of.recovery_s);
  call("calls", of.calls);
  call("failed", of.failed);
  call("refused_attempts", of.refused_attempts);
  call("appended", of.appended);
  call("indexed", of.indexed);
  call("most_waiting", of.most_waiting);
  call("data_loss", of.data_loss);
  call("records", of.records);
  call("bytes", of.bytes);
  call("backup_s", of.backup_s);
}

json::object mark_json(const kill_mark& from) {
  json::array streams;
  for (const auto& [stream, records] : from.streams) streams.emplace_back(json::array{stream, records});
  return {{"at", format_rfc3339(from.at)}, {"mono", from.mono.time_since_epoch().count()}, {"boot", from.boot}, {"streams", std::move(streams)}};
}

std::string text_of(const json::object& from, std::string_view name) {
  const auto* at = from.if_contains(name);
  return at != nullptr && at->is_string() ? std::string(at->get_string()) : std::string{};
}

std::optional<wall_time> time_of(const json::object& from, std::string_view name) {
  const auto read = parse_rfc3339(text_of(from, name));
  return read ? std::optional(*read) : std::nullopt;
}

kill_mark mark_of(const json::object& from) {
  kill_mark out{.at = time_of(from, "at").value_or(wall_time{}), .mono = mono_time{nanoseconds{from.at("mono").to_number<std::int64_t>()}}, .boot = text_of(from, "boot"), .streams = {}};
  for (const auto& one : from.at("streams").as_array())
    out.streams.emplace_back(one.at(0).to_number<std::uint32_t>(), one.at(1).to_number<std::uint64_t>());
  return out;
}

drill read(const json::object& from) {
  drill out;
  out.id = from.at("id").to_number<std::int64_t>();
  out.asked.what = parse_kind(text_of(from, "kind")).value_or(kind::provider_down);
  out.asked.target = text_of(from, "target");
  out.asked.share = from.at("share").to_number<double>();
  out.asked.span = nanoseconds{static_cast<std::int64_t>(from.at("for_s").to_number<double>() * 1e9)};
  out.asked.even_when_firing = from.at("even_when_firing").as_bool();
  out.asked.back_by = static_cast<restarter>(place_in(restarter_names, text_of(from, "restarted_by")).value_or(0));
  out.asked.who = text_of(from, "who");
  out.asked.role = text_of(from, "role");
  out.now = static_cast<phase>(place_in(phase_names, text_of(from, "phase")).value_or(0));
  out.began = time_of(from, "began").value_or(wall_time{});
  out.lifted = time_of(from, "lifted");
  out.ended = time_of(from, "ended");
  out.outcome = text_of(from, "outcome");
  out.note = text_of(from, "note");
  const auto& numbers = from.at("realised").as_object();
  each_number(out.got, [&]<class T>(std::string_view name, std::optional<T>& to) {
    if (const auto* value = numbers.if_contains(name); value != nullptr && value->is_number()) to = value->to_number<T>();
  });
  if (const auto* mark = from.if_contains("mark"); mark != nullptr && mark->is_object()) out.mark = mark_of(mark->get_object());
  return out;
}

}  // namespace

std::string_view to_string(kind from) { return kind_names[static_cast<std::size_t>(from)]; }
std::optional<kind> parse_kind(std::string_view text) {
  const auto at = place_in(kind_names, text);
  return at ? std::optional(static_cast<kind>(*at)) : std::nullopt;
}
std::string_view to_string(phase from) { return phase_names[static_cast<std::size_t>(from)]; }

json::object to_json(const drill& from, detail how) {
  json::object out;
  out["id"] = from.id;
  out["kind"] = to_string(from.asked.what);
  if (!from.asked.target.empty()) out["target"] = from.asked.target;
  out["share"] = from.asked.share;
  out["for_s"] = static_cast<double>(from.asked.span.count()) / 1e9;
  out["even_when_firing"] = from.asked.even_when_firing;
  if (from.asked.what == kind::node_kill) out["restarted_by"] = restarter_names[static_cast<std::size_t>(from.asked.back_by)];
  out["who"] = from.asked.who;
  out["role"] = from.asked.role;
  out["phase"] = to_string(from.now);
  out["began"] = format_rfc3339(from.began);
  if (from.lifted) out["lifted"] = format_rfc3339(*from.lifted);
  if (from.ended) out["ended"] = format_rfc3339(*from.ended);
  out["outcome"] = from.outcome;
  out["note"] = from.note;
  json::object numbers;
  each_number(from.got, [&](std::string_view name, const auto& value) {
    if (value) numbers[name] = *value;
  });
  out["realised"] = std::move(numbers);
  if (how == detail::kept && from.mark) out["mark"] = mark_json(*from.mark);
  return out;
}

result<drill> from_json(std::string_view text) try {
  return read(json::parse(text).as_object());
} catch (const std::exception& wrong) {
  return fail(errc::corrupt, std::string("a drill of the book cannot be read: ") + wrong.what());
}

}  // namespace andon::drill
