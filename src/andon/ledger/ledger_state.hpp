#pragma once
// A few numbers that outlive the store: how many Records each stream has had and how many were dropped. Only needed when
// the store is lost or the end of the journal was; written at a clean stop.
#include <filesystem>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/ledger/journal_position.hpp"

namespace andon::ledger {

class ledger_state_file {
public:
  explicit ledger_state_file(std::filesystem::path file) : file_(std::move(file)) {}
  /// Empty if there is none or it is damaged: everything in it can be missed.
  [[nodiscard]] result<std::vector<checkpoint>> load() const;
  [[nodiscard]] result<void> save(const std::vector<checkpoint>& streams) const;

private:
  std::filesystem::path file_;
};

}  // namespace andon::ledger
