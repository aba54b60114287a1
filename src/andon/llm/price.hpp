#pragma once
// What a model's tokens cost: a table shipped in the program (prices.tsv), overridable by configuration.
//
// Rates are integers of nano-dollars per million tokens, so every published price is exact. A cost is the sum over token
// classes of tokens × rate / 1,000,000, computed in 128 bits and rounded half up once per class.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/quantity.hpp"
#include "andon/llm/usage.hpp"

namespace andon::llm {

/// `unknown` is never a cost of 0: count it and raise an alarm. `unknown_tier`: the service tier has no price of its own,
/// the amount is what the standard tier costs; an estimate, to be alarmed likewise.
enum class price_state : std::uint8_t { unknown, known, free, unknown_tier };

enum class token_class : std::uint8_t {
  input, cached_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, count_
};
inline constexpr std::size_t token_classes = static_cast<std::size_t>(token_class::count_);
std::string_view to_string(token_class);

/// The rates of one context-size tier. A class without a rate of its own is billed as the class it is part of (cached,
/// written and audio input as input; reasoning and audio output as output).
struct rate_card {
  static constexpr std::int64_t none = -1;
  std::int64_t above_input = 0;  ///< the card holds when the call's input tokens exceed this; 0 in the first card
  std::array<std::int64_t, token_classes> per_million{none, none, none, none, none, none, none, none};  ///< nano-dollars

  [[nodiscard]] std::int64_t rate(token_class c) const { return per_million[static_cast<std::size_t>(c)]; }
  bool operator==(const rate_card&) const = default;
};

/// A resolved price: what one model costs during one period.
struct price {
  price_state state = price_state::unknown;  ///< unknown: the model is listed, its price is not
  std::vector<rate_card> cards;              ///< ascending above_input; the last one exceeded holds for all tokens
  nano_usd per_request;                      ///< beside the tokens
};

/// Limits and the name of the row, for reservations and for display.
struct model_limits {
  std::int64_t context_window = 0;  ///< input tokens; 0: unknown
  std::int64_t max_output = 0;      ///< 0: unknown
};

struct cost_answer {
  price_state state = price_state::unknown;
  nano_usd amount;  ///< 0 unless known
};

/// The answer of a price that stands in for a tier's: its amount, but never `known` or `free`.
constexpr cost_answer as_stand_in(cost_answer answer) {
  return answer.state == price_state::unknown ? answer : cost_answer{price_state::unknown_tier, answer.amount};
}

/// Exact cost of one call. `unknown` without a price, or when a class that was used has no rate and no parent's rate.
/// Parts beyond their whole (a provider's miscount) are billed in full and the plain rest is 0. No allocation; any thread.
cost_answer cost(const price*, const usage&);

/// The highest cost so many tokens can have, whatever class and tier they turn out to be: for reservations. Reasoning and
/// audio rates count only where the model has them.
cost_answer cost_bound(const price*, tokens input, tokens output);

/// The tier that costs what the price lists say: none named, `default`, `standard`, `auto`, `on_demand`.
bool is_standard_tier(std::string_view tier);

/// A price from the configuration. It replaces the shipped one entirely; it is never mixed with it.
struct price_override {
  std::string provider;   ///< empty: any
  std::string model;      ///< exact name, case-insensitive
  std::string tier;       ///< service tier (`flex`, `batch`, `priority`, …); empty: the standard one
  std::string from;       ///< RFC 3339 date or time from which it holds; empty: always
  bool free = false;      ///< then no rates may be given
  /// Dollars per million tokens as decimal text (`0.15`, `3 USD`). Empty: as the parent class. `input` is required.
  std::string input, cached_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio;
  std::string per_request;          ///< dollars
  std::int64_t context_window = 0;  ///< 0: as shipped
  std::int64_t max_output = 0;
};

/// Immutable after make(); any thread. A Plan owns one; pointers from find() live as long as the table.
class price_table {
public:
  /// The shipped table with overrides. Any malformed override is an error naming it (`param` = its place, `prices[3].input`);
  /// there is no silent fallback.
  static result<price_table> make(std::span<const price_override> overrides = {});
  /// The same over another text in the format of prices.tsv. An error names the line.
  static result<price_table> parse(std::string_view tsv, std::span<const price_override> overrides = {});

  price_table(price_table&&) noexcept;
  price_table& operator=(price_table&&) noexcept;
  ~price_table();

  /// The price in force at a time, or nullptr: unknown. `provider` is an id of the table (`openai`, `anthropic`, `google`,
  /// `azure`, `aws`, `groq`, …) or a name its rules accept (`bedrock`, `vertex`); a provider the table does not know has
  /// no prices but overridden ones. An empty provider means: whose models are called so. Names compare without case;
  /// exact names win over patterns, longer patterns over shorter ones.
  /// `tier`: the service tier as requests and replies name it. The shipped table knows standard prices only, so for any
  /// other tier there is an override of just that tier, or no price: never the standard one.
  [[nodiscard]] const price* find(std::string_view provider, std::string_view model, wall_time at, std::string_view tier = {}) const;
  /// The tier's own price; where it has none, the standard one, which then stands in for it. Null: neither is known.
  struct tier_price {
    const price* what = nullptr;
    bool stands_in = false;
  };
  [[nodiscard]] tier_price find_tier(std::string_view provider, std::string_view model, wall_time at, std::string_view tier) const;
  [[nodiscard]] model_limits limits(std::string_view provider, std::string_view model) const;

  /// The provider id that serves an upstream host (`api.openai.com` → `openai`), or empty.
  [[nodiscard]] std::string_view provider_of_host(std::string_view host) const;

  [[nodiscard]] std::size_t models() const;  ///< rows of the shipped table
  static std::optional<wall_time> shipped_on();  ///< the day on which the shipped prices were taken from their source, by the head of prices.tsv
  static std::string_view shipped_text();    ///< prices.tsv as embedded; its head states source and licence

private:
  struct state;
  explicit price_table(std::unique_ptr<state>);
  std::unique_ptr<state> state_;
};

}  // namespace andon::llm
