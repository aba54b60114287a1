#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "andon/alert/render.hpp"
#include "andon/base/hashing.hpp"

namespace andon::alert::render {
namespace {

constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 2047 where it has to be, in words of at most 75 characters; line breaks never come through.
std::string header_text(std::string_view text) {
  std::string plain;
  for (const char c : text) plain += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  if (std::ranges::all_of(plain, [](char c) { return static_cast<unsigned char>(c) < 0x7f; })) return plain;
  std::string out;
  for (std::size_t from = 0; from < plain.size();) {
    auto end = std::min(plain.size(), from + 42);
    while (end < plain.size() && (static_cast<unsigned char>(plain[end]) & 0xc0) == 0x80) --end;
    out += fmt::format("{}=?UTF-8?B?{}?=", out.empty() ? "" : "\r\n ", base64(std::string_view(plain).substr(from, end - from)));
    from = end;
  }
  return out;
}

std::string lines_76(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 76) out.append(text.substr(i, 76)).append("\r\n");
  return out;
}

/// `Thu, 26 Nov 2026 03:25:35 +0000`
std::string mail_date(wall_time at) {
  static constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto midnight = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{midnight};
  const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(at - midnight)};
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", days[std::chrono::weekday{midnight}.c_encoding()], static_cast<unsigned>(date.day()),
                     months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()), time.hours().count(), time.minutes().count(), time.seconds().count());
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    const auto here = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) word = (word << 8) | (k < here ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= here ? base64_alphabet[(word >> (18 - 6 * k)) & 63] : '=';
  }
  return out;
}

result<std::optional<outgoing>> email(const rendering& in) {
  outgoing out{.by = outgoing::transport::mail, .method = {}, .recipients = in.to.to, .smtp = in.to.smtp, .ca_file = in.to.smtp.ca_file};
  const auto domain = out.smtp.from.substr(out.smtp.from.find('@') + 1);
  // Messages of one group refer to one that does not exist, which is what makes mail programs show them together.
  const auto thread = fmt::format("<{}.alert@{}>", dedup_key(in.what).substr(0, 32), header_text(domain));
  std::string to;
  for (const auto& one : in.to.to) to.append(to.empty() ? "" : ", ").append(one);
  const auto marks = severity_of(in.what) == "critical" && in.what.firing() > 0 ? "Importance: high\r\nX-Priority: 1\r\n" : "";
  out.body = fmt::format("Date: {}\r\nFrom: {}\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: <{}@{}>\r\nReferences: {}\r\nIn-Reply-To: {}\r\nAuto-Submitted: auto-generated\r\n{}"
                         "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
                         mail_date(in.what.at), header_text(out.smtp.from), header_text(to), header_text(in.words.title), in.idempotency_key, header_text(domain), thread, thread, marks,
                         lines_76(base64(in.words.text)));
  return std::optional(std::move(out));
}

}  // namespace andon::alert::render
