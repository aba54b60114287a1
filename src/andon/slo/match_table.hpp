#pragma once
// Which of many series a Record may concern, without asking each: a filter that demands one route, project or model is
// looked up by that name, and only the rest is asked for every Record. Built once for a set of filters; then immutable.
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "andon/ledger/filter_match.hpp"

namespace andon::slo {

class match_table {
public:
  match_table() = default;
  explicit match_table(const std::vector<const ledger::record_filter*>& filters);
  /// Calls each(i) for every filter that may match; the filter itself still has to be asked.
  template <class F>
  void each_candidate(const ledger::record_view& of, F&& call) const {
    for (const auto i : others_) call(i);
    each_of(by_route_, of.route(), call);
    each_of(by_project_, of.project(), call);
    each_of(by_model_, of.model(), call);
  }

private:
  using names = std::unordered_map<std::string, std::vector<std::uint32_t>>;
  static std::string folded(std::string_view name);
  template <class F>
  static void each_of(const names& in, std::string_view name, F& call) {
    if (in.empty()) return;
    if (const auto found = in.find(folded(name)); found != in.end())
      for (const auto i : found->second) call(i);
  }

  std::vector<std::uint32_t> others_;
  names by_route_, by_project_, by_model_;
};

}  // namespace andon::slo
