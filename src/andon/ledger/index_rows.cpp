#include "andon/ledger/index_rows.hpp"

#include <algorithm>

#include "andon/ledger/index_postings.hpp"

namespace andon::ledger {
namespace {

std::uint64_t zigzag(std::int64_t v) { return static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63); }
std::int64_t unzigzag(std::uint64_t v) { return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1); }

template <class Summary, class F>
void each_name(Summary& s, F&& f) {
  f(s.project); f(s.key); f(s.user); f(s.session); f(s.route); f(s.model); f(s.provider); f(s.upstream_model); f(s.method);
  f(s.path); f(s.finish_reason); f(s.error_message); f(s.client_address); f(s.user_agent); f(s.content_type); f(s.trace_id);
}

std::array<std::int64_t, 23> numbers_of(const summary& s, const summary& before) {
  const std::int64_t flags = (s.stream ? flag_stream : 0) | (s.interrupted ? flag_interrupted : 0) | (s.estimated ? flag_estimated : 0) | (s.truncated ? flag_truncated : 0) |
                             static_cast<std::int64_t>(s.cache) << cache_shift | static_cast<std::int64_t>(s.http) << http_shift |
                             static_cast<std::int64_t>(s.upstream_http) << upstream_http_shift;
  return {(s.started - before.started).count(), s.duration.count(), s.first_token.count(), s.upstream.count(), s.at.stream,
          static_cast<std::int64_t>(s.at.segment - before.at.segment), static_cast<std::int64_t>(s.at.offset - before.at.offset),
          static_cast<std::int64_t>(s.op), static_cast<std::int64_t>(s.outcome), static_cast<std::int64_t>(s.delivered),
          static_cast<std::int64_t>(s.price), flags, s.http_status, s.attempts, s.cost.value(), s.input.value(), s.output.value(),
          s.cached.value(), s.reasoning.value(), static_cast<std::int64_t>(s.request_bytes), static_cast<std::int64_t>(s.reply_bytes),
          static_cast<std::int64_t>(s.id.high() - before.id.high()), static_cast<std::int64_t>(s.id.low())};
}

void apply_numbers(const std::array<std::int64_t, 23>& n, summary& s) {
  s.started += nanoseconds{n[0]};
  s.duration = nanoseconds{n[1]};
  s.first_token = nanoseconds{n[2]};
  s.upstream = nanoseconds{n[3]};
  s.at = {static_cast<std::uint32_t>(n[4]), s.at.segment + static_cast<std::uint64_t>(n[5]), s.at.offset + static_cast<std::uint64_t>(n[6])};
  s.op = static_cast<operation>(n[7]);
  s.outcome = static_cast<errc>(n[8]);
  s.delivered = static_cast<delivery>(n[9]);
  s.price = static_cast<price_state>(n[10]);
  s.stream = (n[11] & flag_stream) != 0;
  s.interrupted = (n[11] & flag_interrupted) != 0;
  s.estimated = (n[11] & flag_estimated) != 0;
  s.truncated = (n[11] & flag_truncated) != 0;
  s.cache = static_cast<cache_use>(n[11] >> cache_shift & 7);
  s.http = static_cast<http_version>(n[11] >> http_shift & 3);
  s.upstream_http = static_cast<http_version>(n[11] >> upstream_http_shift & 3);
  s.http_status = static_cast<std::uint16_t>(n[12]);
  s.attempts = static_cast<std::uint32_t>(n[13]);
  s.cost = nano_usd{n[14]};
  s.input = tokens{n[15]};
  s.output = tokens{n[16]};
  s.cached = tokens{n[17]};
  s.reasoning = tokens{n[18]};
  s.request_bytes = static_cast<std::uint64_t>(n[19]);
  s.reply_bytes = static_cast<std::uint64_t>(n[20]);
  s.id = request_id::from_words(s.id.high() + static_cast<std::uint64_t>(n[21]), static_cast<std::uint64_t>(n[22]));
}

void append_text(std::vector<unsigned char>& out, std::string_view text) {
  append_varint(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

std::string_view take_text(varint_reader& in, std::size_t size) {
  const auto bytes = in.take(size);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void decode_one(varint_reader& in, summary& s) {
  std::array<std::int64_t, 23> numbers{};
  for (auto& n : numbers) n = unzigzag(in.next());
  apply_numbers(numbers, s);
  const std::uint64_t changed = in.next();
  std::size_t bit = 0;
  each_name(s, [&](std::string& name) {
    if ((changed >> bit++ & 1) != 0) name.assign(take_text(in, in.next()));
  });
  s.tags.clear();
  for (std::uint64_t n = in.next(); n != 0 && !in.done(); --n) s.tags.emplace_back(take_text(in, in.next()));
  s.metadata.clear();
  for (std::uint64_t n = in.next(); n != 0 && !in.done(); --n) {
    std::string key{take_text(in, in.next())};
    s.metadata.emplace_back(std::move(key), take_text(in, in.next()));
  }
}

}  // namespace

void row_encoder::add(const summary& row) {
  for (const std::int64_t n : numbers_of(row, before_)) append_varint(bytes_, zigzag(n));
  std::array<const std::string*, name_count> old{};
  std::size_t i = 0;
  each_name(before_, [&](const std::string& name) { old[i++] = &name; });
  std::uint64_t changed = 0;
  i = 0;
  each_name(row, [&](const std::string& name) { changed |= static_cast<std::uint64_t>(name != *old[i]) << i; ++i; });
  append_varint(bytes_, changed);
  i = 0;
  each_name(row, [&](const std::string& name) { if ((changed >> i++ & 1) != 0) append_text(bytes_, name); });
  append_varint(bytes_, row.tags.size());
  for (const auto& tag : row.tags) append_text(bytes_, tag);
  append_varint(bytes_, row.metadata.size());
  for (const auto& [key, value] : row.metadata) { append_text(bytes_, key); append_text(bytes_, value); }
  before_ = row;
}

void row_encoder::clear() {
  bytes_.clear();
  before_ = summary{};
}

void decode_row(std::span<const unsigned char> chunk, std::uint32_t index, summary& out) {
  out = summary{};
  varint_reader in(chunk);
  for (std::uint32_t i = 0; i <= index; ++i) decode_one(in, out);
}

}  // namespace andon::ledger
