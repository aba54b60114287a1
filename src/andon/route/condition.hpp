#pragma once
// Conditions on an exchange, compiled once with the Plan and evaluated without allocation.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/route/facts.hpp"

namespace andon::route {

enum class field : std::uint8_t { project, user, model, operation, stream, tags, metadata, request_bytes, input_tokens, output_tokens };
enum class comparison : std::uint8_t { eq, ne, in, nin, gt, gte, lt, lte, prefix, contains };

/// One comparison. Absent metadata is different from every value: `ne` and `nin` hold, everything else does not.
/// `tags` holds when any tag does; `ne` and `nin` hold when no tag equals. gt … lte compare numbers; a text that is not
/// a number does not hold. `stream` is `true` or `false`. Immutable, so usable from every thread.
class condition {
public:
  /// `name` is `model`, `tags`, `request_bytes`, `input_tokens`, …, or `metadata.KEY`; `op` is `eq`, `$eq`, `in`, … .
  /// Errors: invalid_argument for an unknown name or operator, no value, several values for an operator that takes one,
  /// a value that is not a number where one is needed, or text operators on a number.
  static result<condition> make(std::string_view name, std::string_view op, std::vector<std::string> values);

  [[nodiscard]] bool holds(const facts&) const;

private:
  [[nodiscard]] bool holds_for_text(std::string_view text) const;
  [[nodiscard]] bool holds_for_number(double number) const;
  [[nodiscard]] bool holds_for_tags(std::span<const std::string> tags) const;
  [[nodiscard]] bool holds_for_metadata(const facts&) const;

  field field_{};
  comparison op_{};
  std::string key_;                  // of metadata
  std::vector<std::string> values_;
  std::vector<double> numbers_;      // values_ as numbers, where the field or the operator is numeric
};

/// Alternatives of conjunctions: holds when every condition of any clause does. Without clauses it always holds.
struct requirement {
  std::vector<std::vector<condition>> any;
  [[nodiscard]] bool holds(const facts&) const;
};

}  // namespace andon::route
