#pragma once
// Records that found no space when their calls ended: refusals while the quota or the disk is full. They wait here,
// with the start of each text only, and are written once there is space again; what is beyond the bound is
// counted as lost. Belongs to one core.
#include <cstdint>
#include <deque>
#include <optional>

#include "andon/ledger/journal.hpp"

namespace andon::gateway {

class record_backlog {
public:
  static constexpr std::size_t max_waiting = 1'000;   ///< of about 2 KB each
  static constexpr std::size_t max_bytes = 4u << 20;  ///< of memory for them all
  static constexpr std::size_t kept_text = 1'024;     ///< bytes of a body that stay
  static constexpr std::size_t kept_name = 256;       ///< bytes that stay of any other text
  static constexpr std::size_t kept_in_lists = 16;    ///< tags, metadata and attempts that stay: the first, of attempts the last

  enum class fate : std::uint8_t { written, waiting, lost };
  struct outcome {
    fate what = fate::lost;
    std::optional<ledger::position> at;   ///< where it was written
  };
  /// Takes a Record that could not be appended whole. Its bodies are cut and marked truncated; it is written at once if it
  /// then fits, and otherwise waits. `account` is as before afterwards.
  outcome keep(ledger::record& account, ledger::journal_writer& journal);

  /// Writes what waits as far as there is space, at most so many.
  void write(ledger::journal_writer& journal, std::size_t most = 16);

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
  struct late_record {
    ledger::record what;
    std::size_t bytes = 0;
  };
  std::deque<late_record> waiting_;
  std::size_t bytes_ = 0;
};

}  // namespace andon::gateway
