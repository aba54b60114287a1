#include "andon/slo/counts.hpp"

#include <bit>
#include <cmath>

#include "andon/base/varint.hpp"

namespace andon::slo {
namespace {

void put_double(std::string& out, double value) {
  auto bits = std::bit_cast<std::uint64_t>(value);
  for (int i = 0; i < 8; ++i, bits >>= 8U) out.push_back(static_cast<char>(bits & 0xffU));
}

bool take_double(std::string_view& bytes, double& out) {
  if (bytes.size() < 8) return false;
  std::uint64_t bits = 0;
  for (int i = 7; i >= 0; --i) bits = bits << 8U | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  bytes.remove_prefix(8);
  out = std::bit_cast<double>(bits);
  return true;
}

}  // namespace

std::optional<double> counts::good_ratio() const {
  if (empty()) return std::nullopt;
  return static_cast<double>(good) / static_cast<double>(total);
}

std::optional<double> counts::bad_ratio() const {
  if (empty()) return std::nullopt;
  return static_cast<double>(bad()) / static_cast<double>(total);
}

void counts::encode(std::string& out) const {
  put_signed(out, total);
  put_signed(out, bad());
}

bool counts::decode(std::string_view& bytes, counts& out) {
  std::int64_t bad = 0;
  if (!take_signed(bytes, out.total) || !take_signed(bytes, bad)) return false;
  out.good = out.total - bad;
  return true;
}

void distribution::add(double value, bool good) {
  if (!std::isfinite(value)) return;
  events += counts{good ? 1 : 0, 1};
  sum += value;
  values.add(value);
}

std::optional<double> distribution::mean() const {
  if (events.empty()) return std::nullopt;
  return sum / static_cast<double>(events.total);
}

void distribution::merge(const distribution& other) {
  events += other.events;
  sum += other.sum;
  values.merge(other.values);
}

void distribution::encode(std::string& out) const {
  events.encode(out);
  put_double(out, sum);
  values.encode(out);
}

bool distribution::decode(std::string_view& bytes, distribution& out) {
  if (!counts::decode(bytes, out.events) || !take_double(bytes, out.sum)) return false;
  auto values = quantile_sketch::decode(bytes);
  if (!values) return false;
  out.values = std::move(*values);
  return true;
}

}  // namespace andon::slo
