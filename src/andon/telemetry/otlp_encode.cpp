#include "andon/telemetry/otlp_encode.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <zlib.h>

#include <cmath>
#include <stdexcept>

#include "andon/base/json_text.hpp"
#include "andon/telemetry/trace_context.hpp"

namespace andon::telemetry {
namespace {

constexpr std::string_view schema = "https://opentelemetry.io/schemas/1.41.0";
constexpr int cumulative = 2;
constexpr int status_error = 2;

// Appends JSON; knows when a comma is due.
class writer {
public:
  std::string out;

  void open(char bracket) { separate(); out += bracket; fresh_ = true; }
  void close(char bracket) { out += bracket; fresh_ = false; }
  void key(std::string_view name) { separate(); append_json_string(out, name); out += ':'; fresh_ = true; }
  void text(std::string_view value) { separate(); append_json_string(out, value); }
  void raw(std::string_view value) { separate(); out += value; }
  void integer(std::int64_t value) { separate(); fmt::format_to(std::back_inserter(out), "{}", value); }
  template <class Integer>
  void long_integer(Integer value) { separate(); fmt::format_to(std::back_inserter(out), "\"{}\"", value); }
  void real(double value) {
    separate();
    if (std::isfinite(value)) fmt::format_to(std::back_inserter(out), "{}", value);
    else out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }

private:
  void separate() {
    if (!fresh_) out += ',';
    fresh_ = false;
  }
  bool fresh_ = true;
};

void write_value(writer& to, const attribute_value& value) {
  to.open('{');
  if (const auto* text = std::get_if<std::string>(&value)) { to.key("stringValue"); to.text(*text); }
  else if (const auto* integer = std::get_if<std::int64_t>(&value)) { to.key("intValue"); to.long_integer(*integer); }
  else if (const auto* real = std::get_if<double>(&value)) { to.key("doubleValue"); to.real(*real); }
  else if (const auto* flag = std::get_if<bool>(&value)) { to.key("boolValue"); to.raw(*flag ? "true" : "false"); }
  else {
    to.key("arrayValue");
    to.open('{');
    to.key("values");
    to.open('[');
    for (const auto& one : std::get<std::vector<std::string>>(value)) write_value(to, one);
    to.close(']');
    to.close('}');
  }
  to.close('}');
}

template <class Attributes>
void write_attributes(writer& to, const Attributes& attributes) {
  to.key("attributes");
  to.open('[');
  for (const auto& [key, value] : attributes) {
    to.open('{');
    to.key("key");
    to.text(key);
    to.key("value");
    write_value(to, value);
    to.close('}');
  }
  to.close(']');
}

void write_scope(writer& to) {
  to.key("scope");
  to.open('{');
  to.key("name");
  to.text("andon");
  to.close('}');
}

// {"resourceXs":[{"resource":…,"scopeXs":[{"scope":…,"schemaUrl":…,"XS":[ … ]}]}]}
template <class Body>
std::string envelope(const resource& who, std::string_view outer, std::string_view scopes, std::string_view items, const Body& body) {
  writer to;
  to.open('{');
  to.key(outer);
  to.open('[');
  to.open('{');
  to.key("resource");
  to.open('{');
  write_attributes(to, who.attributes);
  to.close('}');
  to.key(scopes);
  to.open('[');
  to.open('{');
  write_scope(to);
  to.key("schemaUrl");
  to.text(schema);
  to.key(items);
  to.open('[');
  body(to);
  for (char bracket : std::string_view{"]}]}]}"}) to.close(bracket);
  return std::move(to.out);
}

void write_time(writer& to, std::string_view key, wall_time at) {
  to.key(key);
  to.long_integer(at.time_since_epoch().count());
}

void write_span(writer& to, const span& s) {
  to.open('{');
  to.key("traceId");
  to.text(hex(s.trace));
  to.key("spanId");
  to.text(hex(s.id));
  if (!is_nil(s.parent)) { to.key("parentSpanId"); to.text(hex(s.parent)); }
  if (!s.trace_state.empty()) { to.key("traceState"); to.text(s.trace_state); }
  to.key("name");
  to.text(s.name);
  to.key("kind");
  to.integer(static_cast<int>(s.kind));
  write_time(to, "startTimeUnixNano", s.start);
  write_time(to, "endTimeUnixNano", s.end);
  write_attributes(to, s.attributes);
  to.key("status");
  to.open('{');
  if (s.failed) {
    to.key("message");
    to.text(s.status_message);
    to.key("code");
    to.integer(status_error);
  }
  to.close('}');
  to.close('}');
}

struct period { wall_time start, now; };

void write_point(writer& to, const metrics::registry::series& one, const period& when) {
  to.open('{');
  write_attributes(to, one.with);
  write_time(to, "startTimeUnixNano", when.start);
  write_time(to, "timeUnixNano", when.now);
  if (one.what == metrics::kind::histogram) {
    to.key("count");
    to.long_integer(one.buckets.count);
    to.key("sum");
    to.real(one.buckets.sum);
    to.key("bucketCounts");
    to.open('[');
    for (std::uint64_t n : one.buckets.buckets) to.long_integer(n);
    to.close(']');
    to.key("explicitBounds");
    to.open('[');
    for (double bound : one.boundaries) to.real(bound);
    to.close(']');
  } else if (one.what == metrics::kind::counter && one.value == std::floor(one.value) && std::abs(one.value) < 9e15) {
    to.key("asInt");
    to.long_integer(static_cast<std::int64_t>(one.value));
  } else {
    to.key("asDouble");
    to.real(one.value);
  }
  to.close('}');
}

void open_metric(writer& to, const metrics::registry::series& one) {
  static constexpr std::array<std::string_view, 3> kinds{"sum", "gauge", "histogram"};
  to.open('{');
  to.key("name");
  to.text(one.about.name);
  to.key("description");
  to.text(one.about.help);
  to.key("unit");
  to.text(one.about.unit);
  to.key(kinds[static_cast<std::size_t>(one.what)]);
  to.open('{');
  if (one.what != metrics::kind::gauge) { to.key("aggregationTemporality"); to.integer(cumulative); }
  if (one.what == metrics::kind::counter) { to.key("isMonotonic"); to.raw("true"); }
  to.key("dataPoints");
  to.open('[');
}

}  // namespace

std::string encode_traces(const resource& who, std::span<const span> spans) {
  return envelope(who, "resourceSpans", "scopeSpans", "spans", [&](writer& to) {
    for (const auto& one : spans) write_span(to, one);
  });
}

std::string encode_metrics(const resource& who, const metrics::registry& of, wall_time start, wall_time now) {
  return envelope(who, "resourceMetrics", "scopeMetrics", "metrics", [&](writer& to) {
    const metrics::description* current = nullptr;
    of.visit([&](const metrics::registry::series& one) {
      if (&one.about != current) {
        if (current != nullptr) { to.close(']'); to.close('}'); to.close('}'); }
        current = &one.about;
        open_metric(to, one);
      }
      write_point(to, one, {start, now});
    });
    if (current != nullptr) { to.close(']'); to.close('}'); to.close('}'); }
  });
}

std::string gzip(std::string_view bytes) {
  constexpr int gzip_window = 15 + 16, memory_level = 8, fast = 1;
  z_stream stream{};
  if (deflateInit2(&stream, fast, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc{};
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<unsigned>(bytes.size());
  stream.next_out = reinterpret_cast<unsigned char*>(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::int64_t rejected_items(std::string_view reply_body) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(reply_body.data(), reply_body.size()).get(root) != simdjson::SUCCESS) return 0;
  for (const char* field : {"rejectedSpans", "rejectedDataPoints"}) {
    simdjson::dom::element value;
    if (root["partialSuccess"][field].get(value) != simdjson::SUCCESS) continue;
    if (std::int64_t number = 0; value.get(number) == simdjson::SUCCESS) return number;
    if (std::string_view text; value.get(text) == simdjson::SUCCESS) return std::strtoll(std::string{text}.c_str(), nullptr, 10);
  }
  return 0;
}

}  // namespace andon::telemetry
