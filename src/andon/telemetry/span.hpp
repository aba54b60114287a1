#pragma once
// Spans as they wait for export: owned copies, bounded in size.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "andon/telemetry/exchange_facts.hpp"

namespace andon::telemetry {

/// Texts longer than this are clipped (at a character's boundary).
inline constexpr std::size_t max_span_text = 512;

/// Keys are string literals of this room.
using attribute_value = std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>>;
using attribute = std::pair<std::string_view, attribute_value>;

enum class span_kind : std::uint8_t { internal = 1, server = 2, client = 3 };  ///< numbers of OTLP

struct span {
  trace_id trace{};
  span_id id{};
  span_id parent{};
  std::string trace_state;
  std::string name;
  span_kind kind = span_kind::internal;
  wall_time start{};
  wall_time end{};
  bool failed = false;
  std::string status_message;
  std::vector<attribute> attributes;
};

/// The exchange's spans by the conventions' profile 1.41.1: one SERVER span for the exchange, and below it one CLIENT
/// span `{operation} {model}` per attempt with the GenAI attributes. Bytes are about 1 KB a span.
std::vector<span> spans_of(const exchange_facts&);

}  // namespace andon::telemetry
