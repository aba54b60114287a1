#include <gtest/gtest.h>

#include "andon/base/error.hpp"
#include "andon/base/hashing.hpp"
#include "andon/base/ids.hpp"
#include "andon/base/json_text.hpp"
#include "andon/base/log.hpp"
#include "andon/base/money.hpp"
#include "andon/base/secret.hpp"
#include "andon/base/time_text.hpp"
#include "andon/base/time_zone.hpp"

namespace andon {
namespace {

using namespace std::chrono_literals;

TEST(money, reads_and_writes_exactly) {
  struct row { const char* text; std::int64_t nanos; const char* printed; };
  for (const auto& [text, nanos, printed] : {row{"500 USD", 500'000'000'000, "500"}, row{"0.15", 150'000'000, "0.15"},
                                             row{"$12.5", 12'500'000'000, "12.5"}, row{"0.000000001", 1, "0.000000001"},
                                             row{".5", 500'000'000, "0.5"}, row{"9223372036.854775807", INT64_MAX, "9223372036.854775807"}}) {
    const auto parsed = parse_usd(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->value(), nanos) << text;
    EXPECT_EQ(format_usd(*parsed), printed);
  }
  EXPECT_EQ(format_usd(nano_usd{INT64_MIN}), "-9223372036.854775808");
}

TEST(money, refuses_what_is_not_money) {
  for (const char* text : {"", "USD", "-1", "1e3", "1.0000000001", "1,5", "9223372036.854775808", "99999999999", ".", "1.2.3"})
    EXPECT_FALSE(parse_usd(text)) << text;
}

TEST(quantity, saturates) {
  EXPECT_EQ(nano_usd::max() + nano_usd{1}, nano_usd::max());
  EXPECT_EQ((nano_usd{INT64_MIN} - nano_usd{1}).value(), INT64_MIN);
  EXPECT_EQ((nano_usd{INT64_MAX / 2} * 3), nano_usd::max());
  EXPECT_EQ((nano_usd{-4} * INT64_MAX).value(), INT64_MIN);
}

TEST(request_id, round_trips_and_sorts_by_time) {
  random_source random{7};
  const wall_time t{1'760'000'000s};
  const auto early = request_id::make(t, random);
  const auto late = request_id::make(t + 1ms, random);
  EXPECT_LT(early, late);
  EXPECT_LT(early.str(), late.str());
  EXPECT_EQ(request_id::parse(early.str()), early);
  for (const char* text : {"", "req_", "req_zzzzzzzzzzzzzzzzzzzzzzzzzz", "key_00000000000000000000000000", "req_0000000000000000000000000l"})
    EXPECT_FALSE(request_id::parse(text)) << text;
}

TEST(time_text, reads_rfc3339) {
  const wall_time noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 12h};
  for (const char* text : {"2026-11-22T12:00:00Z", "2026-11-22T14:00:00+02:00", "2026-11-22T12:00:00.000Z", "2026-11-22 06:30:00-05:30"})
    EXPECT_EQ(parse_rfc3339(text).value(), noon) << text;
  EXPECT_EQ(format_rfc3339(noon + 1500us), "2026-11-22T12:00:00.001500Z");
  for (const char* text : {"", "2026", "2026-02-30", "2026-11-22T25:00:00Z", "2026-11-22T12:00:00", "2026-11-22T12:00:00.Z", "2262-11-22", "2026-11-22T12:00:00+2:00"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(time_text, reads_durations) {
  for (auto [text, span] : {std::pair{"250ms", nanoseconds{250ms}}, {"1h30m", nanoseconds{90min}}, {"7d", nanoseconds{168h}}, {"0s", 0ns}}) {
    EXPECT_EQ(parse_duration(text).value(), span);
  }
  for (nanoseconds span : {nanoseconds{0}, nanoseconds{1}, nanoseconds{90min}, nanoseconds{1500ms}, nanoseconds{25h}})
    EXPECT_EQ(parse_duration(format_duration(span)).value(), span);
  for (const char* text : {"", "5", "s", "-1s", "1.5s", "99999999999999w", "5x"}) EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(json_text, always_writes_valid_utf8) {
  EXPECT_EQ(json_string("a\"b\\c\n\x01"), R"("a\"b\\c\n\u0001")");
  EXPECT_EQ(json_string("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
  EXPECT_EQ(json_string("\xff"), "\"\xef\xbf\xbd\"");
  for (const char* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"}) EXPECT_FALSE(is_utf8(bad));
}

TEST(hashing, known_answers) {
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");  // RFC 4231, case 2
  EXPECT_EQ(to_base64url("\xff\xfe"), "__4");
  EXPECT_EQ(from_hex("00fF").value(), std::string("\x00\xff", 2));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
}

TEST(log, escapes_what_outside_bytes_could_forge) {
  EXPECT_EQ(log::render(log::level::info, log::format::text, "T", "started", {{"a", 1}, {"b", "x y\nERROR"}}),
            "T info  started a=1 b=\"x y\\nERROR\"");
  EXPECT_EQ(log::render(log::level::warn, log::format::json, "T", "full", {{"ok", false}, {"r", 0.5}}),
            R"({"time":"T","level":"warn","event":"full","ok":false,"r":0.5})");
}

TEST(error_table, every_kind_says_what_to_do) {
  for (const auto& kind : error_table()) {
    EXPECT_FALSE(kind.name.empty());
    EXPECT_FALSE(kind.meaning.empty()) << kind.name;
    EXPECT_EQ(&kind_of(kind.code), &kind);
  }
}

template <class T>
concept comparable = requires(T a, T b) { a == b; };
template <class T>
concept becomes_text = std::convertible_to<T, std::string_view> || std::convertible_to<T, std::string>;
static_assert(!comparable<secret> && !becomes_text<secret>, "a secret neither compares nor converts");

TEST(time_zone, refuses_what_is_none) {
  for (const char* name : {"../../etc/passwd", "/etc/localtime", "Europe/Atlantis", "Europe", "x y", "a\0b"}) EXPECT_FALSE(time_zone::load(name)) << name;
  EXPECT_FALSE(time_zone::parse(""));
  EXPECT_FALSE(time_zone::parse("TZif2"));
}

}  // namespace
}  // namespace andon
