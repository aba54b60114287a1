#pragma once
// Follows the journal for a watch: hands it every Record once, from where it was saved on, and in between the past ones that
// new series still need.
//
// Life cycle: make over a watch that has a plan → turn() about once a second → save(). One thread; the watch and the
// segments outlive it.
#include "andon/ledger/journal_reader.hpp"
#include "andon/slo/watch.hpp"

namespace andon::slo {

class follower {
public:
  static result<follower> make(watch& to, std::shared_ptr<ledger::segment_directory> segments, const std::vector<std::uint32_t>& streams);

  /// Reads what is there (at most `most` entries, so that the time moves on under any load), then tells the watch the time.
  /// Until everything that lay there at the start was read once, nothing is judged, nor while it is blind: what cannot be
  /// read now is tried again each turn. A past segment that cannot be read ever (its key is gone, it is damaged) is left out
  /// with a warning in the log. True: there is more to read. errc of the watch's store.
  result<bool> turn(instant now, std::size_t most = 50'000);
  /// After watch::adopt.
  void plan_changed() { past_.clear(); }
  result<void> save();
  [[nodiscard]] std::vector<ledger::checkpoint> reached() const;
  /// Why the journal could not be read in the last turn; empty: it could.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// Present Records could not be read, so that nothing was judged; otherwise a problem is one of past Records.
  [[nodiscard]] bool is_blind() const { return blind_; }

private:
  struct past_reader { ledger::journal_reader reader; ledger::position stop; bool done = false; };
  follower(watch& to, std::shared_ptr<ledger::segment_directory> segments) : watch_(&to), segments_(std::move(segments)) {}
  result<std::size_t> read_live(std::size_t most);
  result<std::size_t> read_past(std::size_t most);
  enum class progress : std::uint8_t { more, done, stuck };  ///< stuck: what lies there cannot be read now
  result<progress> step(past_reader& one);
  bool skip(ledger::journal_reader& reader, const error& why);

  watch* watch_;
  std::shared_ptr<ledger::segment_directory> segments_;
  std::vector<ledger::journal_reader> live_;
  std::vector<past_reader> past_;
  std::string problem_;
  bool caught_up_ = false, blind_ = false;
};

}  // namespace andon::slo
