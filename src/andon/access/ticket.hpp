#pragma once
// What one exchange holds of limits and budgets, from admission to close.
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "andon/access/directory.hpp"
#include "andon/access/user_meters.hpp"

namespace andon::access {

class admission;
struct refusal;

/// How near the tightest limit is: for x-ratelimit-* headers.
struct rate_reading {
  const bound_limit* rule = nullptr;  ///< null: nothing limits it
  std::int64_t limit = 0;
  std::int64_t remaining = 0;         ///< at least 0
  nanoseconds reset{};                ///< until it is full again
};
struct rate_readings { rate_reading requests, tokens, parallel; };

/// Move-only. Made by admission::admit; end it with settle() or release(), on any thread, once. A ticket destroyed
/// while it still holds something releases it, logs, and asserts in debug builds: an exchange must always close.
/// Holds up to 8 scopes without allocation, and keeps its directory alive.
class ticket {
public:
  ticket() = default;
  ticket(ticket&& other) noexcept;
  ticket& operator=(ticket&& other) noexcept;
  ~ticket();

  /// The call is over: tokens and money are corrected from the estimate to what was used. `cost` empty: unknown.
  void settle(tokens used, std::optional<nano_usd> cost, mono_time now) noexcept;
  /// The call did not take place: everything is given back, but for the request itself, which counts as made.
  void release() noexcept;

  /// Reserves more money, because the call will cost more than was estimated: from every budget held, or from none. The
  /// refusal names the budget that cannot; the ticket then holds what it held before.
  [[nodiscard]] std::optional<refusal> raise(nano_usd more, wall_time wall);

  [[nodiscard]] bool holds() const noexcept { return from_ != nullptr; }
  [[nodiscard]] tokens reserved_tokens() const noexcept { return estimate_; }
  [[nodiscard]] nano_usd reserved_cost() const noexcept { return cost_; }
  /// The tightest of each kind: least remaining.
  [[nodiscard]] rate_readings rates(mono_time now) const noexcept;
  /// Every limit held, for scoped headers.
  void each_limit(mono_time now, void (*visit)(void*, const bound_limit&, const rate_readings&), void* context) const;

private:
  friend class admission;
  enum class kind : std::uint8_t { limit, user_limit, budget, user_budget };
  struct hold {
    const void* rule = nullptr;       ///< bound_limit or bound_budget
    void* state = nullptr;            ///< limit_state, user entry, budget_account
    std::uint64_t id = 0;             ///< of a user's or tag's account
    period in{};
    kind what{};
    bool tokens_taken = false;        ///< the estimate's; not between enter() and reserve()
  };
  static constexpr std::size_t inline_holds = 8;
  enum class end : std::uint8_t { settled, released, refused };

  void push(const hold& h);
  [[nodiscard]] hold& at(std::size_t i) { return i < inline_holds ? few_[i] : more_[i - inline_holds]; }
  [[nodiscard]] const hold& at(std::size_t i) const { return i < inline_holds ? few_[i] : more_[i - inline_holds]; }
  [[nodiscard]] bool raise_one(const hold& h, nano_usd more, nano_usd& committed) const noexcept;
  void lower_one(const hold& h, nano_usd by) const noexcept;
  void back_to_entered(std::size_t entered, mono_time now) noexcept;
  void finish(end how, tokens used, nano_usd cost, mono_time now) noexcept;
  void undo(const hold& h, end how, tokens used, nano_usd cost, bucket_time now) noexcept;
  void take_from(ticket& other) noexcept;
  static limit_state& state_of(const hold& h) noexcept;
  static rate_readings read(const hold& h, bucket_time now) noexcept;

  admission* from_ = nullptr;
  std::shared_ptr<const directory> in_;
  tokens estimate_;
  nano_usd cost_;
  std::uint32_t size_ = 0;
  std::array<hold, inline_holds> few_;
  std::vector<hold> more_;
};

}  // namespace andon::access
