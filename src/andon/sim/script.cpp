#include "andon/sim/script.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <sstream>

#include "andon/base/time_text.hpp"

namespace andon::sim {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(fault::count_)> fault_names{
    "none", "refuse", "reset_in_request", "reset_before_head", "reset_in_head", "reset_in_body", "blackhole", "blackhole_after_head", "half_close",
    "cut", "stall", "pings", "no_done", "duplicate_finish", "error_in_stream", "comments", "cr", "crlf", "drip", "slice", "short_length", "long_length",
    "bad_chunk", "big_chunks", "invalid_json", "wrong_shape", "empty", "error_in_200", "bad_utf8", "wrong_model"};
constexpr std::array<std::string_view, static_cast<std::size_t>(canned_error::count_)> error_names{
    "none", "rate_limit", "quota", "context_length", "content_filter", "overloaded", "server_error", "auth", "permission", "not_found", "timeout"};

class reader {
public:
  explicit reader(std::string_view name) : name_(name) {}
  std::string problems;

  void complain(const YAML::Node& at, std::string_view what) {
    auto mark = at.Mark();
    problems += fmt::format("{}{}:{}:{}: {}", problems.empty() ? "" : "\n", name_, mark.line + 1, mark.column + 1, what);
  }

  // Walks a mapping; `take` says whether it knows the key.
  template <class Take>
  void mapping(const YAML::Node& node, std::string_view what, Take take) {
    if (!node.IsMap()) return complain(node, fmt::format("{} has to be a mapping.", what));
    std::vector<std::string> seen;
    for (const auto& entry : node) {
      auto key = entry.first.IsScalar() ? entry.first.Scalar() : std::string{};
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) complain(entry.first, fmt::format("`{}` is given twice.", key));
      seen.push_back(key);
      if (!take(std::string_view{key}, entry.second)) complain(entry.first, fmt::format("{} has no field `{}`.", what, key));
    }
  }

  bool text(const YAML::Node& node, std::string& out) {
    if (!node.IsScalar()) return complain(node, "A text is expected."), true;
    out = node.Scalar();
    return true;
  }
  bool text(const YAML::Node& node, std::optional<std::string>& out) { return text(node, out.emplace()); }

  template <class Number>
  bool number(const YAML::Node& node, Number& out, double low, double high) {
    double value = 0;
    bool good = node.IsScalar() && YAML::convert<double>::decode(node, value) && value >= low && value <= high && (std::is_floating_point_v<Number> || value == static_cast<double>(static_cast<std::int64_t>(value)));
    if (!good) return complain(node, fmt::format("A{} number from {} to {} is expected.", std::is_floating_point_v<Number> ? "" : " whole", low, high)), true;
    out = static_cast<Number>(value);
    return true;
  }
  template <class Number>
  bool number(const YAML::Node& node, std::optional<Number>& out, double low, double high) {
    Number value{};
    number(node, value, low, high);
    out = value;
    return true;
  }

  bool boolean(const YAML::Node& node, std::optional<bool>& out) {
    bool value = false;
    if (!node.IsScalar() || !YAML::convert<bool>::decode(node, value)) return complain(node, "true or false is expected."), true;
    out = value;
    return true;
  }

  bool duration(const YAML::Node& node, nanoseconds& out) {
    if (!node.IsScalar()) return complain(node, "A duration such as 10ms is expected."), true;
    auto value = node.Scalar() == "0" ? result<nanoseconds>{nanoseconds{}} : parse_duration(node.Scalar());
    if (!value) return complain(node, fmt::format("`{}` is not a duration such as 10ms.", node.Scalar())), true;
    out = *value;
    return true;
  }

  bool words(const YAML::Node& node, std::vector<std::string>& out) {
    if (!node.IsSequence()) return complain(node, "A list of texts is expected."), true;
    for (const auto& entry : node) text(entry, out.emplace_back());
    return true;
  }

  bool pairs(const YAML::Node& node, std::vector<std::pair<std::string, std::string>>& out, std::string_view what) {
    mapping(node, what, [&](std::string_view key, const YAML::Node& value) {
      auto& added = out.emplace_back(std::string{key}, std::string{});
      text(value, added.second);
      if (added.first.find_first_of("\r\n: ") != std::string::npos || added.second.find_first_of("\r\n") != std::string::npos) complain(value, "A header may hold no line ends.");
      return true;
    });
    return true;
  }

  template <class Enum, std::size_t N>
  bool choice(const YAML::Node& node, Enum& out, const std::array<std::string_view, N>& names) {
    auto found = node.IsScalar() ? std::find(names.begin(), names.end(), node.Scalar()) : names.end();
    if (found == names.end()) return complain(node, fmt::format("One of these is expected: {}.", fmt::join(names, ", "))), true;
    out = static_cast<Enum>(found - names.begin());
    return true;
  }

  bool distribution(const YAML::Node& node, std::optional<latency>& out);
  latency shaped(std::string_view key, const YAML::Node& node);
  bool usage(const YAML::Node& node, std::optional<usage_override>& out);
  bool canned(const YAML::Node& node, std::optional<canned_replies>& out);
  bool condition_field(std::string_view key, const YAML::Node& value, condition& out);
  bool behaviour_field(std::string_view key, const YAML::Node& value, behaviour& out);
  void rules(const YAML::Node& node, std::vector<rule>& out);
  void top(const YAML::Node& node, script& out);

private:
  std::string_view name_;
};

latency reader::shaped(std::string_view key, const YAML::Node& node) {
  nanoseconds a{}, b{};
  if (key == "constant" || key == "exponential") {
    duration(node, a);
    return key == "constant" ? latency::constant(a) : latency::exponential(a);
  }
  if (key == "uniform") {
    if (!node.IsSequence() || node.size() != 2) return complain(node, "Two durations are expected."), latency{};
    duration(node[0], a);
    duration(node[1], b);
    if (b < a) complain(node, "The second duration is shorter than the first.");
    return latency::uniform(a, std::max(a, b));
  }
  if (key == "lognormal") {
    double sigma = 1;
    mapping(node, "lognormal", [&](std::string_view name, const YAML::Node& value) {
      return name == "median" ? duration(value, a) : name == "sigma" && number(value, sigma, 0, 10);
    });
    return latency::lognormal(a, sigma);
  }
  std::vector<latency::point> points;
  mapping(node, "percentiles", [&](std::string_view name, const YAML::Node& value) {
    double percent = -1;
    if (!YAML::convert<double>::decode(YAML::Node{std::string{name}}, percent) || percent < 0 || percent > 100) complain(value, "A percentile from 0 to 100 is expected.");
    duration(value, a);
    if (!points.empty() && (percent <= points.back().percent || a < points.back().value)) complain(value, "Percentiles have to rise.");
    points.push_back({percent, a});
    return true;
  });
  return latency::percentiles(std::move(points));
}

bool reader::distribution(const YAML::Node& node, std::optional<latency>& out) {
  if (node.IsScalar()) {
    nanoseconds value{};
    duration(node, value);
    out = latency::constant(value);
    return true;
  }
  mapping(node, "A latency", [&](std::string_view key, const YAML::Node& value) {
    constexpr std::array<std::string_view, 5> known{"constant", "uniform", "exponential", "lognormal", "percentiles"};
    if (std::find(known.begin(), known.end(), key) == known.end()) return false;
    if (out) complain(value, "A latency has one distribution.");
    out = shaped(key, value);
    return true;
  });
  return true;
}

bool reader::usage(const YAML::Node& node, std::optional<usage_override>& out) {
  auto& use = out.emplace();
  if (node.IsScalar() && node.Scalar() == "missing") return use.missing = true;
  mapping(node, "usage", [&](std::string_view key, const YAML::Node& value) {
    auto* field = key == "prompt_tokens" ? &use.prompt : key == "completion_tokens" ? &use.completion : key == "cached_tokens" ? &use.cached : key == "reasoning_tokens" ? &use.reasoning : nullptr;
    return field != nullptr && number(value, *field, 0, 1e15);
  });
  return true;
}

bool reader::canned(const YAML::Node& node, std::optional<canned_replies>& out) {
  auto& c = out.emplace();
  mapping(node, "canned", [&](std::string_view key, const YAML::Node& value) {
    if (key == "events") return number(value, c.events, 2, 100'000);
    if (key == "bytes") return number(value, c.bytes, 1, 16 << 20);
    return key == "between" && duration(value, c.between);
  });
  return true;
}

bool reader::condition_field(std::string_view key, const YAML::Node& value, condition& out) {
  if (key == "model") return text(value, out.model);
  if (key == "path") return text(value, out.path);
  if (key == "header") return pairs(value, out.headers, "header");
  if (key == "nth") return number(value, out.nth, 1, 1e15);
  if (key == "every") return number(value, out.every, 1, 1e15);
  if (key == "first") return number(value, out.first, 1, 1e15);
  if (key == "probability") return number(value, out.probability, 0, 1);
  if (key == "from") return duration(value, out.from);
  if (key == "until") return duration(value, out.until);
  if (key == "period") return duration(value, out.period);
  return key == "stream" && boolean(value, out.stream);
}

bool reader::behaviour_field(std::string_view key, const YAML::Node& value, behaviour& out) {
  if (key == "status") return number(value, out.status, 200, 599);
  if (key == "body") return text(value, out.body);
  if (key == "sse") return text(value, out.sse);
  if (key == "raw") return text(value, out.raw);
  if (key == "headers") return pairs(value, out.headers, "headers");
  if (key == "delay") return distribution(value, out.delay);
  if (key == "first_token") return distribution(value, out.first_token);
  if (key == "between") return distribution(value, out.between);
  if (key == "words") return number(value, out.words, 0, 1'000'000);
  if (key == "text") return text(value, out.text);
  if (key == "echo") return boolean(value, out.echo);
  if (key == "finish_reason") return text(value, out.finish_reason);
  if (key == "usage") return usage(value, out.usage);
  if (key == "error") return choice(value, out.error, error_names);
  if (key == "fault") return choice(value, out.what, fault_names);
  if (key == "after") return number(value, out.after, 0, 1e12);
  if (key == "bytes") return number(value, out.bytes, 1, 64 << 20);
  if (key == "write") return number(value, out.write, 1, 64 << 20);
  if (key == "write_pause") return duration(value, out.write_pause.emplace());
  return key == "interval" && duration(value, out.interval.emplace());
}

void reader::rules(const YAML::Node& node, std::vector<rule>& out) {
  if (!node.IsSequence()) return complain(node, "rules has to be a list.");
  for (const auto& entry : node) {
    auto& added = out.emplace_back();
    mapping(entry, "A rule", [&](std::string_view key, const YAML::Node& value) {
      if (key != "match") return behaviour_field(key, value, added.then);
      mapping(value, "match", [&](std::string_view name, const YAML::Node& wanted) { return condition_field(name, wanted, added.when); });
      return true;
    });
    const auto& when = added.when;
    if (when.until <= when.from) complain(entry, "`until` has to be later than `from`.");
    if (when.period != nanoseconds{} && when.until > when.period) complain(entry, "With a period, `until` has to lie within it.");
    bool asks = !when.model.empty() || !when.path.empty() || !when.headers.empty() || when.stream;
    if (at_connection(added.then.what) && asks) complain(entry, "`refuse` and `reset_in_request` are decided before a request is there: match by count, probability or time only.");
  }
}

void reader::top(const YAML::Node& node, script& out) {
  if (node.IsNull()) return;
  mapping(node, "A script", [&](std::string_view key, const YAML::Node& value) {
    if (key == "seed") return number(value, out.seed, 0, 1e15);
    if (key == "keys") return words(value, out.keys);
    if (key == "models") return words(value, out.models);
    if (key == "canned") return canned(value, out.canned);
    if (key == "rules") return rules(value, out.rules), true;
    if (key != "defaults") return false;
    mapping(value, "defaults", [&](std::string_view name, const YAML::Node& wanted) { return behaviour_field(name, wanted, out.defaults); });
    return true;
  });
}

}  // namespace

std::string_view to_string(fault what) { return fault_names[static_cast<std::size_t>(what)]; }
std::string_view to_string(canned_error what) { return error_names[static_cast<std::size_t>(what)]; }

result<script> parse_script(std::string_view yaml, std::string_view name) {
  reader r{name};
  script out;
  try {
    r.top(YAML::Load(std::string{yaml}), out);
  } catch (const YAML::Exception& problem) {
    return fail(errc::invalid_argument, fmt::format("{}:{}:{}: {}", name, problem.mark.line + 1, problem.mark.column + 1, problem.msg));
  }
  if (!r.problems.empty()) return fail(errc::invalid_argument, std::move(r.problems));
  return out;
}

result<script> load_script(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) return fail(errc::io_error, fmt::format("The script {} cannot be read.", file));
  return parse_script(text.str(), file);
}

}  // namespace andon::sim
