#include "andon/route/condition.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace andon::route {
namespace {

struct field_row { std::string_view name; field which; bool numeric; };
constexpr std::array fields{
    field_row{"project", field::project, false},
    field_row{"user", field::user, false},
    field_row{"model", field::model, false},
    field_row{"operation", field::operation, false},
    field_row{"stream", field::stream, false},
    field_row{"tags", field::tags, false},
    field_row{"request_bytes", field::request_bytes, true},
    field_row{"input_tokens", field::input_tokens, true},
    field_row{"output_tokens", field::output_tokens, true},
};
constexpr std::array<std::string_view, 10> operators{"eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "prefix", "contains"};
constexpr std::string_view metadata_prefix = "metadata.";

bool is_order(comparison op) { return op >= comparison::gt && op <= comparison::lte; }
bool is_list(comparison op) { return op == comparison::in || op == comparison::nin; }
bool is_part(comparison op) { return op == comparison::prefix || op == comparison::contains; }
bool is_negative(comparison op) { return op == comparison::ne || op == comparison::nin; }

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool in_order(double a, comparison op, double b) {
  switch (op) {
    case comparison::gt: return a > b;
    case comparison::gte: return a >= b;
    case comparison::lt: return a < b;
    case comparison::lte: return a <= b;
    default: return a == b;
  }
}

}  // namespace

result<condition> condition::make(std::string_view name, std::string_view op, std::vector<std::string> values) {
  condition made;
  bool numeric = false;
  if (name.starts_with(metadata_prefix) && name.size() > metadata_prefix.size()) {
    made.field_ = field::metadata;
    made.key_ = name.substr(metadata_prefix.size());
  } else if (const auto* row = std::ranges::find(fields, name, &field_row::name); row != fields.end()) {
    made.field_ = row->which;
    numeric = row->numeric;
  } else {
    return fail(errc::invalid_argument, "unknown field '" + std::string{name} + "' in a condition: use project, user, model, operation, stream, tags, request_bytes, input_tokens, output_tokens or metadata.KEY");
  }
  const std::string_view bare = op.starts_with('$') ? op.substr(1) : op;
  const auto* known = std::ranges::find(operators, bare);
  if (known == operators.end()) return fail(errc::invalid_argument, "unknown operator '" + std::string{op} + "': use eq, ne, in, nin, gt, gte, lt, lte, prefix or contains");
  made.op_ = static_cast<comparison>(known - operators.begin());
  if (values.empty()) return fail(errc::invalid_argument, "the condition on '" + std::string{name} + "' has no value");
  if (values.size() > 1 && !is_list(made.op_)) return fail(errc::invalid_argument, "operator '" + std::string{bare} + "' takes one value; use in or nin for several");
  if (numeric && is_part(made.op_)) return fail(errc::invalid_argument, "'" + std::string{name} + "' is a number: prefix and contains do not apply");
  if (numeric || is_order(made.op_)) {
    for (const auto& value : values) {
      const auto number = number_of(value);
      if (!number) return fail(errc::invalid_argument, "'" + value + "' is not a number, which '" + std::string{name} + " " + std::string{bare} + "' needs");
      made.numbers_.push_back(*number);
    }
  }
  made.values_ = std::move(values);
  return made;
}

bool condition::holds_for_number(double number) const {
  if (is_order(op_)) return in_order(number, op_, numbers_[0]);
  return (std::ranges::find(numbers_, number) != numbers_.end()) != is_negative(op_);
}

bool condition::holds_for_text(std::string_view text) const {
  if (op_ == comparison::prefix) return text.starts_with(values_[0]);
  if (op_ == comparison::contains) return text.find(values_[0]) != text.npos;
  if (is_order(op_)) {
    const auto number = number_of(text);
    return number && in_order(*number, op_, numbers_[0]);
  }
  return (std::ranges::find(values_, text) != values_.end()) != is_negative(op_);
}

bool condition::holds_for_tags(std::span<const std::string> tags) const {
  const auto holds_one = [this](const std::string& tag) { return holds_for_text(tag); };
  return is_negative(op_) ? std::ranges::all_of(tags, holds_one) : std::ranges::any_of(tags, holds_one);
}

bool condition::holds_for_metadata(const facts& of) const {
  for (const auto& [key, value] : of.metadata)
    if (key == key_) return holds_for_text(value);
  return is_negative(op_);
}

bool condition::holds(const facts& of) const {
  switch (field_) {
    case field::project: return holds_for_text(of.project);
    case field::user: return holds_for_text(of.user);
    case field::model: return holds_for_text(of.model);
    case field::operation: return holds_for_text(of.operation);
    case field::stream: return holds_for_text(of.stream ? "true" : "false");
    case field::tags: return holds_for_tags(of.tags);
    case field::metadata: return holds_for_metadata(of);
    case field::request_bytes: return holds_for_number(static_cast<double>(of.request_size.value()));
    case field::input_tokens: return holds_for_number(static_cast<double>(of.input.value()));
    case field::output_tokens: return holds_for_number(static_cast<double>(of.output.value()));
  }
  return false;
}

bool requirement::holds(const facts& of) const {
  if (any.empty()) return true;
  return std::ranges::any_of(any, [&](const auto& clause) {
    return std::ranges::all_of(clause, [&](const condition& one) { return one.holds(of); });
  });
}

}  // namespace andon::route
