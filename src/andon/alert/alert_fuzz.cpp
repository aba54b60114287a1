// Whatever comes from outside is read or refused: matchers, posted alerts, silences, events, links. A matcher that is read
// has a text that reads as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "andon/alert/api_v2.hpp"

namespace {

using namespace andon;

void read_matchers(std::string_view text) {
  const auto parsed = alert::matcher::parse_all(text);
  if (!parsed) return;
  for (const auto& one : *parsed) {
    const auto again = alert::matcher::parse(one.text());
    if (!again || !(*again == one)) std::abort();
    (void)one.matches({{"a", "b"}});
  }
}

void read_alerts(std::string_view text, wall_time now) {
  const auto read = alert::api::read_posted(text);
  if (!read) return;
  alert::alert_book book(16);
  for (const auto& one : read->alerts)
    if (const auto got = book.post(one, std::chrono::minutes{5}, now); got && alert::fingerprint_of((*got)->labels) != (*got)->fingerprint) std::abort();
}

void read_silence(std::string_view text, wall_time now) {
  auto read = alert::api::read_silence(text);
  if (!read) return;
  alert::silence_book book(random_source(1));
  const auto made = book.set(std::move(*read), now);
  if (made && book.find(made->id)->starts_at >= book.find(made->id)->ends_at) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  const wall_time now{std::chrono::seconds{1'760'000'000}};
  switch (data[0]) {
    case 'm': read_matchers(text); break;
    case 'a': read_alerts(text, now); break;
    case 's': read_silence(text, now); break;
    case 'e': (void)alert::api::read_intake(text, "fresh"); break;
    case 'n': (void)alert::parse_notification(text); break;
    default:
      if (alert::read_link(text, "key", now)) std::abort();  // nobody guesses a signature
  }
  return 0;
}
