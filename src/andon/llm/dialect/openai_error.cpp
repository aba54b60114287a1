#include "andon/llm/dialect/openai_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cmath>

#include "andon/base/json_text.hpp"
#include "andon/llm/json_cursor.hpp"

namespace andon::llm {

std::string_view to_string(failure_class what) {
  constexpr std::array<std::string_view, 13> names{"none", "bad_request", "context_length", "content_filter", "authentication", "permission", "not_found",
                                                   "rate_limited", "quota", "overloaded", "server_error", "timeout", "unknown"};
  return names[static_cast<std::size_t>(what)];
}

namespace openai {
namespace {

using type = json_cursor::type;
constexpr std::size_t max_message = 2'000;

void append_or_null(std::string& out, std::string_view text) {
  if (text.empty()) out += "null";
  else append_json_string(out, text);
}

bool contains(std::string_view text, std::string_view part) {
  auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

bool same_name(std::string_view a, std::string_view lower) { return a.size() == lower.size() && contains(a, lower); }

// Printable, valid UTF-8, bounded.
std::string excerpt(std::string_view text) {
  std::string out;
  bool gap = false;
  while (!text.empty() && out.size() < max_message) {
    std::size_t size = utf8_sequence(text);
    bool blank = size == 1 && static_cast<unsigned char>(text.front()) <= 0x20;
    if (blank) gap = !out.empty();
    if (size == 0) out += "\xEF\xBF\xBD";
    if (!blank && size > 0 && text.front() != 0x7f) {
      if (gap) out += ' ';
      gap = false;
      out.append(text.substr(0, size));
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

// The title of an HTML page, else its text without tags.
std::string html_text(std::string_view page) {
  auto open = page.find("<title>");
  auto close = page.find("</title>");
  if (open != std::string_view::npos && close != std::string_view::npos && close > open + 7) return excerpt(page.substr(open + 7, close - open - 7));
  std::string text;
  bool tag = false;
  for (char c : page.substr(0, 16'384)) {
    if (c == '<') tag = true, text += ' ';
    else if (c == '>') tag = false;
    else if (!tag) text += c;
  }
  return excerpt(text);
}

class error_reader {
public:
  error_reader(std::string_view body, provider_error& out) : body_(body), at_(body), out_(out) {}

  bool read() {
    if (!valid_utf8(body_) || body_.size() >= UINT32_MAX) return false;
    value(0);
    at_.finish();
    return !at_.failed() && found_;
  }

private:
  std::string_view body_;
  json_cursor at_;
  provider_error& out_;
  bool found_ = false;
  std::string storage_;

  void value(unsigned level) {
    switch (at_.peek()) {
      case type::object: return level < 6 ? object(level) : void(at_.skip());
      case type::array: return level < 6 ? array(level) : void(at_.skip());
      case type::string: return text(out_.message);
      default: at_.skip();
    }
  }

  void array(unsigned level) {
    at_.begin_array();
    for (bool first = true; at_.next_element(first);) value(level + 1);
  }

  void text(std::string& into) {
    if (at_.peek() == type::number) {
      auto digits = at_.number();
      if (into.empty()) into = digits;
      return;
    }
    if (at_.peek() != type::string) return void(at_.skip());
    auto found = text_of(at_.string(), storage_);
    if (!into.empty()) return;
    into = excerpt(found);
    found_ = found_ || &into == &out_.message;
  }

  void object(unsigned level) {
    at_.begin_object();
    json_cursor::token key;
    for (bool first = true; at_.next_member(first, key);) member(std::string{text_of(key, storage_)}, level);
  }

  void member(std::string_view name, unsigned level) {
    if (name == "error" || name == "message" || name == "msg" || name == "detail") return value(level + 1);
    if (name == "type" || (name == "status" && at_.peek() == type::string)) return text(out_.type);
    if (name == "code") return text(out_.code);
    if (name == "param") return text(out_.param);
    if (name == "innererror") return inner();
    at_.skip();
  }

  // Azure: the code that tells content filters apart from other refusals.
  void inner() {
    if (at_.peek() != type::object) return void(at_.skip());
    at_.begin_object();
    json_cursor::token key;
    for (bool first = true; at_.next_member(first, key);) {
      if (text_of(key, storage_) != "code" || at_.peek() != type::string) at_.skip();
      else out_.code = text_of(at_.string(), storage_);
    }
  }
};

struct rule {
  std::string_view word;  // lower case, looked for in code and type, and in the message where `in_message`
  failure_class what;
  bool in_message;
};
constexpr rule rules[] = {
    {"context_length_exceeded", failure_class::context_length, false},
    {"maximum context length", failure_class::context_length, true},
    {"exceeds the available context size", failure_class::context_length, true},
    {"exceed_context_size", failure_class::context_length, false},
    {"prompt is too long", failure_class::context_length, true},
    {"content_filter", failure_class::content_filter, false},
    {"content_policy_violation", failure_class::content_filter, false},
    {"responsibleaipolicyviolation", failure_class::content_filter, false},
    {"insufficient_quota", failure_class::quota, false},
    {"billing_hard_limit", failure_class::quota, false},
    {"insufficient balance", failure_class::quota, true},
    {"invalid_api_key", failure_class::authentication, false},
    {"authentication", failure_class::authentication, false},
    {"model_not_found", failure_class::not_found, false},
    {"deploymentnotfound", failure_class::not_found, false},
    {"rate_limit", failure_class::rate_limited, false},
    {"overloaded", failure_class::overloaded, false},
    {"slow_down", failure_class::overloaded, false},
    {"timeout", failure_class::timeout, false},
};

failure_class by_status(int status) {
  switch (status) {
    case 401: return failure_class::authentication;
    case 402: return failure_class::quota;
    case 403: return failure_class::permission;
    case 404: return failure_class::not_found;
    case 408: case 504: return failure_class::timeout;
    case 429: return failure_class::rate_limited;
    case 503: case 529: return failure_class::overloaded;
    default: break;
  }
  if (status >= 500) return failure_class::server_error;
  return status >= 400 ? failure_class::bad_request : failure_class::unknown;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<nanoseconds> bounded(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return std::nullopt;
  return nanoseconds{static_cast<std::int64_t>(std::min(seconds, 86'400.0) * 1e9)};
}

std::optional<double> decimal(std::string_view text) {
  double value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// RFC 9110 section 5.6.7, the preferred form: `Sun, 06 Nov 1994 08:49:37 GMT`.
std::optional<wall_time> http_date(std::string_view text) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
  auto month = months.find(text.substr(8, 3));
  auto day = whole_number(text.substr(5, 2)), year = whole_number(text.substr(12, 4));
  auto hour = whole_number(text.substr(17, 2)), minute = whole_number(text.substr(20, 2)), second = whole_number(text.substr(23, 2));
  if (month == std::string_view::npos || month % 3 != 0 || !day || !year || !hour || !minute || !second) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{static_cast<unsigned>(month / 3 + 1)},
                                   std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *year < 1970 || *year > 2200) return std::nullopt;
  return wall_time{std::chrono::sys_days{date}} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second};
}

double unit_seconds(std::string_view unit) {
  if (unit == "ms") return 1e-3;
  if (unit == "us" || unit == "µs") return 1e-6;
  if (unit == "ns") return 1e-9;
  if (unit == "s") return 1;
  if (unit == "m") return 60;
  if (unit == "h") return 3'600;
  return unit == "d" ? 86'400 : -1;
}

}  // namespace

std::string error_body(std::string_view message, std::string_view kind, std::string_view param, std::string_view code) {
  std::string out;
  out.reserve(80 + message.size() + kind.size() + param.size() + code.size());
  out += R"({"error":{"message":)";
  append_json_string(out, message);
  out += R"(,"type":)";
  append_json_string(out, kind.empty() ? "api_error" : kind);
  out += R"(,"param":)";
  append_or_null(out, param);
  out += R"(,"code":)";
  append_or_null(out, code);
  out += "}}";
  return out;
}

std::string error_body(const error& why) {
  const auto& kind = kind_of(why.code);
  return error_body(why.message.empty() ? kind.meaning : std::string_view{why.message}, kind.wire_type, why.param, kind.wire_code);
}

std::string error_event(const error& why) { return "data: " + error_body(why) + "\n\n"; }

header_list error_headers(const error& why, std::optional<nanoseconds> retry_after) {
  header_list out{{"content-type", "application/json"}};
  if (!kind_of(why.code).client_may_retry) out.emplace_back("x-should-retry", "false");
  if (retry_after) {
    auto wait = std::max<std::int64_t>(retry_after->count(), 0);
    out.emplace_back("retry-after", fmt::to_string((wait + 999'999'999) / 1'000'000'000));
    out.emplace_back("retry-after-ms", fmt::to_string((wait + 999'999) / 1'000'000));
  }
  return out;
}

provider_error parse_error(int status, std::string_view body) {
  provider_error out;
  out.status = status;
  if (!error_reader{body, out}.read()) {
    bool html = contains(body.substr(0, 512), "<html") || contains(body.substr(0, 512), "<!doctype");
    if (out.message.empty()) out.message = html ? html_text(body) : excerpt(body);
  }
  if (out.message.empty()) out.message = status == 0 ? "The provider reported an error without a text." : fmt::format("The provider answered with status {} and no text.", status);
  int said = status;
  if (auto number = whole_number(out.code); said == 0 && number && *number >= 400 && *number < 600) said = static_cast<int>(*number);
  out.what = classify(said, out.type, out.code, out.message);
  return out;
}

failure_class classify(int status, std::string_view kind, std::string_view code, std::string_view message) {
  // A refusal may repeat the caller's own words, which must not make a full account of it.
  const bool of_the_call = status == 400 || status == 422;
  for (const auto& r : rules) {
    const bool read_message = r.in_message && !(of_the_call && r.what == failure_class::quota);
    if (contains(code, r.word) || contains(kind, r.word) || (read_message && contains(message, r.word))) return r.what;
  }
  if (auto by = by_status(status); by != failure_class::unknown) return by;
  if (kind == "invalid_request_error" || same_name(kind, "badrequesterror")) return failure_class::bad_request;
  if (kind == "server_error" || kind == "api_error" || same_name(kind, "internalservererror")) return failure_class::server_error;
  if (kind == "requests" || kind == "tokens") return failure_class::rate_limited;
  return failure_class::unknown;
}

errc to_errc(failure_class what) {
  switch (what) {
    case failure_class::none: return errc::none;
    case failure_class::rate_limited:
    case failure_class::quota: return errc::upstream_rate_limited;
    case failure_class::bad_request:
    case failure_class::context_length:
    case failure_class::content_filter:
    case failure_class::not_found: return errc::upstream_rejected;
    default: return errc::upstream_error;
  }
}

bool worth_another_target(failure_class what) {
  return what != failure_class::none && what != failure_class::bad_request && what != failure_class::content_filter;
}

std::optional<nanoseconds> parse_retry_after(std::string_view retry_after, std::string_view retry_after_ms, wall_time now) {
  if (auto ms = decimal(trimmed(retry_after_ms))) return bounded(*ms / 1e3);
  auto text = trimmed(retry_after);
  if (auto seconds = decimal(text)) return bounded(*seconds);
  auto date = http_date(text);
  if (!date) return std::nullopt;
  return std::clamp<nanoseconds>(*date - now, nanoseconds{0}, std::chrono::hours{24});
}

std::optional<nanoseconds> parse_reset(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text.size() > 64) return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    std::size_t digits = text.find_first_not_of("0123456789.");
    auto amount = decimal(text.substr(0, digits));
    if (!amount) return std::nullopt;
    if (digits == std::string_view::npos) return seconds == 0 ? bounded(*amount) : std::nullopt;
    text.remove_prefix(digits);
    std::size_t end = text.find_first_of("0123456789.");
    double unit = unit_seconds(text.substr(0, end));
    if (unit < 0) return std::nullopt;
    seconds += *amount * unit;
    text.remove_prefix(std::min(end, text.size()));
  }
  return bounded(seconds);
}

bool read_limit(provider_limits& limits, std::string_view name, std::string_view value) {
  constexpr std::string_view prefix = "x-ratelimit-";
  if (name.size() <= prefix.size() || !same_name(name.substr(0, prefix.size()), prefix)) return false;
  auto what = name.substr(prefix.size());
  value = trimmed(value);
  auto count = [&](std::int64_t& into) { into = whole_number(value).value_or(-1); return true; };
  if (same_name(what, "limit-requests")) return count(limits.limit_requests);
  if (same_name(what, "limit-tokens")) return count(limits.limit_tokens);
  if (same_name(what, "remaining-requests")) return count(limits.remaining_requests);
  if (same_name(what, "remaining-tokens")) return count(limits.remaining_tokens);
  if (same_name(what, "reset-requests")) return limits.reset_requests = parse_reset(value), true;
  if (same_name(what, "reset-tokens")) return limits.reset_tokens = parse_reset(value), true;
  return false;
}

}  // namespace openai
}  // namespace andon::llm
