// What outsiders can send to this room: headers, key texts, and (by an operator's hand) compiled time zones.
#include <array>
#include <cstdlib>

#include "andon/access/calendar.hpp"
#include "andon/access/credential.hpp"
#include "andon/access/key_text.hpp"

namespace {

struct header { std::string_view name, value; };

void try_headers(std::string_view text) {
  const auto cut = text.size() / 2;
  constexpr std::array<std::string_view, 4> names{"Authorization", "x-api-key", "api-key", "x-goog-api-key"};
  for (const auto name : names) {
    const std::array<header, 2> headers{{{name, text.substr(0, cut)}, {text.substr(cut), text}}};
    const auto found = andon::access::find_credential(headers);
    if (found && (found->empty() || text.find(*found) == std::string_view::npos)) std::abort();
  }
}

void try_zone(std::string_view text) {
  using namespace std::chrono;
  const auto zone = andon::time_zone::parse(text);
  if (!zone) return;
  const andon::access::calendar in{"fuzzed", *zone};
  for (int i = 0; i < 20; ++i) {
    const andon::wall_time now{hours{24 * 137 * i}};
    (void)zone->offset(floor<seconds>(now));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  try_headers(text);
  (void)andon::access::well_formed(text);
  if (!andon::access::well_formed(text) && andon::access::masked(text) != "…") std::abort();
  try_zone(text);
  return 0;
}
