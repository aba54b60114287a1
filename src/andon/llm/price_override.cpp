#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"
#include "andon/llm/price_rows.hpp"

namespace andon::llm::detail {
namespace {

struct named_rate { std::string_view name; const std::string price_override::* text; token_class is; };
constexpr named_rate rate_fields[] = {
    {"input", &price_override::input, token_class::input},
    {"cached_read", &price_override::cached_read, token_class::cached_read},
    {"cache_write_5m", &price_override::cache_write_5m, token_class::cache_write_5m},
    {"cache_write_1h", &price_override::cache_write_1h, token_class::cache_write_1h},
    {"output", &price_override::output, token_class::output},
    {"reasoning", &price_override::reasoning, token_class::reasoning},
    {"input_audio", &price_override::input_audio, token_class::input_audio},
    {"output_audio", &price_override::output_audio, token_class::output_audio},
};

result<price> read_rates(const price_override& from, const std::string& place) {
  price what{price_state::known, {rate_card{}}, {}};
  for (const named_rate& field : rate_fields) {
    const std::string& text = from.*field.text;
    if (text.empty()) continue;
    if (from.free) return fail(errc::invalid_argument, "a free model has no rates", place + "." + std::string(field.name));
    const auto dollars = parse_usd(text);
    if (!dollars) return fail(errc::invalid_argument, dollars.error().message, place + "." + std::string(field.name));
    what.cards[0].per_million[static_cast<std::size_t>(field.is)] = dollars->value();
  }
  if (!from.per_request.empty()) {
    const auto dollars = parse_usd(from.per_request);
    if (!dollars || from.free)
      return fail(errc::invalid_argument, dollars ? "a free model has no rates" : dollars.error().message, place + ".per_request");
    what.per_request = *dollars;
  }
  if (from.free) return price{price_state::free, {}, {}};
  if (from.input.empty()) return fail(errc::invalid_argument, "the input price is missing: dollars per million tokens, or free: true", place + ".input");
  return what;
}

}  // namespace

result<dated_price> read_override(const price_override& from, const std::string& place) {
  if (from.model.empty()) return fail(errc::invalid_argument, "a price needs the model it is for", place + ".model");
  if (from.context_window < 0) return fail(errc::invalid_argument, "a context window cannot be negative", place + ".context_window");
  if (from.max_output < 0) return fail(errc::invalid_argument, "a largest output cannot be negative", place + ".max_output");
  auto what = read_rates(from, place);
  if (!what) return std::unexpected(what.error());
  period when;
  if (!from.from.empty()) {
    const auto start = parse_rfc3339(from.from);
    if (!start) return fail(errc::invalid_argument, start.error().message, place + ".from");
    when.from = *start;
  }
  return dated_price{when, std::move(*what)};
}

}  // namespace andon::llm::detail
