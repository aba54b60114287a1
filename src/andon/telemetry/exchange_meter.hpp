#pragma once
// The metric families of the path, and the counting of one finished exchange.
//
// Life cycle: one exchange_meter per core, on one registry; the families exist from the first one's construction.
// Threads: a meter belongs to its core's thread. Series are found by a hash of their labels in a table of pointers, so
// that counting allocates only when a set of labels is seen for the first time.
#include <cstdint>
#include <memory>
#include <string_view>

#include "andon/base/metrics.hpp"
#include "andon/telemetry/exchange_facts.hpp"

namespace andon::telemetry {

class exchange_meter {
public:
  /// Label sets that one core keeps at hand; further ones are counted under "other".
  static constexpr std::size_t max_sets = 4'096;

  explicit exchange_meter(metrics::registry&);
  ~exchange_meter();
  exchange_meter(const exchange_meter&) = delete;
  exchange_meter& operator=(const exchange_meter&) = delete;

  void began() noexcept;                     ///< an exchange is in flight …
  void ended() noexcept;                     ///< … and is over
  void stream_opened() noexcept;             ///< a streamed reply has begun …
  void stream_closed() noexcept;
  void observe(const exchange_facts&);       ///< once per exchange, after ended()

  /// Where to count the seconds between two chunks of a stream's reply (every chunk after the first): ask once per
  /// stream, then observe() each. Lives as long as the registry.
  metrics::histogram& chunk_seconds(std::string_view operation, const attempt_facts& of);

  // Events. With `times` 0 the series is there at 0: a counter that appears with its first event has no increase that a
  // rate could see.

  /// A stream that broke after its first bytes was brought to its end by another target.
  void continued(std::string_view route, std::uint64_t times = 1);

  /// A second target was asked beside a silent one; what became of it (won, lost, failed, dropped); why none was asked.
  void hedge_started(std::string_view route, std::uint64_t times = 1);
  void hedge_ended(std::string_view route, std::string_view outcome, std::uint64_t times = 1);
  void hedge_denied(std::string_view route, std::string_view reason, std::uint64_t times = 1);

  /// So many embeddings calls went to a provider as one; such a call was taken apart again.
  void batched(std::string_view route, std::size_t calls, std::uint64_t times = 1);
  void batch_split(std::string_view route, std::uint64_t times = 1);

  /// A target was taken out after failures; a credential or model name was refused by the provider.
  void cooled(std::string_view model, std::uint64_t times = 1);
  void credential_refused(std::string_view model, std::uint64_t times = 1);
  /// A limit or budget refused: `scope` is gateway, key, project, model, user or tag, or load; `reason` the errc's name. All
  /// that are usual are there from the start.
  void refused(std::string_view scope, errc reason);
  /// A request refused without a known caller: malformed HTTP, no or a wrong key, and the like. All that are usual are there
  /// from the start.
  void rejected(errc reason);
  /// Calls of known callers that ended and have no Record.
  void unrecorded(std::uint64_t count);

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace andon::telemetry
