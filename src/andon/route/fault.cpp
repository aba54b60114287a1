#include "andon/route/fault.hpp"

#include <array>
#include <charconv>
#include <optional>

namespace andon::route {
namespace {

struct code_row { errc code; fault_kind kind; };
constexpr std::array by_code{
    code_row{errc::dns_failed, fault_kind::connect},
    code_row{errc::connect_failed, fault_kind::connect},
    code_row{errc::tls_failed, fault_kind::connect},
    code_row{errc::connect_timeout, fault_kind::connect},
    code_row{errc::first_token_timeout, fault_kind::timeout},
    code_row{errc::idle_timeout, fault_kind::timeout},
    code_row{errc::upstream_reset, fault_kind::reset},
    code_row{errc::stream_truncated, fault_kind::reset},
    code_row{errc::upstream_bad_reply, fault_kind::bad_reply},
    code_row{errc::upstream_rate_limited, fault_kind::rate_limit},
    code_row{errc::upstream_error, fault_kind::server_error},
};

struct status_row { int status; fault_kind kind; errc code; };
// Statuses below 500 that are not simply the caller's mistake.
constexpr std::array by_status{
    status_row{401, fault_kind::credential, errc::upstream_error},   // our key
    status_row{402, fault_kind::credential, errc::upstream_error},   // our account
    status_row{403, fault_kind::credential, errc::upstream_error},
    status_row{404, fault_kind::credential, errc::upstream_error},   // our model name or path
    status_row{405, fault_kind::credential, errc::upstream_error},   // our path
    status_row{407, fault_kind::credential, errc::upstream_error},
    status_row{408, fault_kind::timeout, errc::upstream_error},
    status_row{409, fault_kind::server_error, errc::upstream_error},  // official clients try again
    status_row{410, fault_kind::credential, errc::upstream_error},   // our model name: retired
    status_row{425, fault_kind::server_error, errc::upstream_error},
    status_row{429, fault_kind::rate_limit, errc::upstream_rate_limited},
};

const status_row* find_status(int status) {
  for (const auto& row : by_status)
    if (row.status == status) return &row;
  return nullptr;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (problem != std::errc{} || end != text.data() + text.size() || !(value >= 0) || value > 1e9) return std::nullopt;
  return value;
}

int digits(std::string_view text) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc{} && end == text.data() + text.size() && value >= 0 ? value : -1;
}

// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that HTTP lets senders make (RFC 9110, 5.6.7).
std::optional<wall_time> parse_http_date(std::string_view text) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" || text[19] != ':' || text[22] != ':') return std::nullopt;
  const auto month = months.find(text.substr(8, 3));
  const int day = digits(text.substr(5, 2)), year = digits(text.substr(12, 4));
  const int hour = digits(text.substr(17, 2)), minute = digits(text.substr(20, 2)), second = digits(text.substr(23, 2));
  if (month == months.npos || month % 3 != 0 || day < 0 || year < 0) return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month / 3 + 1)}, std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || year < 1970 || year > 2200) return std::nullopt;
  return wall_time{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} + std::chrono::seconds{second};
}

nanoseconds from_seconds(double seconds) { return nanoseconds{static_cast<std::int64_t>(seconds * 1e9)}; }

}  // namespace

fault_kind fault_of(errc code, int http_status) {
  for (const auto& row : by_code) {
    if (row.code != code) continue;
    if (row.kind != fault_kind::server_error) return row.kind;
    const auto* status = find_status(http_status);
    return status != nullptr ? status->kind : row.kind;
  }
  return fault_kind::none;
}

errc error_of_status(int http_status) {
  if (const auto* row = find_status(http_status)) return row->code;
  return http_status >= 500 ? errc::upstream_error : errc::upstream_rejected;
}

nanoseconds parse_retry_after(std::string_view retry_after, std::string_view retry_after_ms, wall_time now) {
  if (const auto millis = number(trimmed(retry_after_ms))) return from_seconds(*millis / 1e3);
  const std::string_view text = trimmed(retry_after);
  if (const auto seconds = number(text)) return from_seconds(*seconds);
  const auto date = parse_http_date(text);
  return date && *date > now ? *date - now : nanoseconds::zero();
}

}  // namespace andon::route
