#include "andon/ledger/ledger_state.hpp"

#include <charconv>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "andon/base/hashing.hpp"
#include "andon/ledger/journal_file.hpp"

namespace andon::ledger {
namespace {

constexpr std::uint64_t max_bytes = 1 << 20;

bool take_number(std::string_view& text, std::uint64_t& into) {
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), into);
  if (wrong != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return true;
}

}  // namespace

result<std::vector<checkpoint>> ledger_state_file::load() const {
  std::vector<checkpoint> streams;
  auto text = read_file(file_operations::machine(), file_, max_bytes);
  if (!text) return text.error().code == errc::not_found || text.error().code == errc::corrupt ? streams : result<std::vector<checkpoint>>{std::unexpected(text.error())};
  std::string_view rest = *text;
  std::uint64_t sum = 0;
  if (!take_number(rest, sum) || sum != xxh3(rest)) return streams;
  while (!rest.empty()) {
    std::uint64_t stream = 0;
    checkpoint c;
    if (!take_number(rest, stream) || !take_number(rest, c.next.segment) || !take_number(rest, c.records) || !take_number(rest, c.dropped)) break;
    c.next.stream = static_cast<std::uint32_t>(stream);
    streams.push_back(c);
  }
  return streams;
}

result<void> ledger_state_file::save(const std::vector<checkpoint>& streams) const {
  std::string lines;
  for (const auto& c : streams) lines += fmt::format("{} {} {} {}\n", c.next.stream, c.next.segment, c.records, c.dropped);
  return replace_file(file_operations::machine(), file_, fmt::format("{}\n{}", xxh3(lines), lines));
}

}  // namespace andon::ledger
