#include "andon/slo/feedback_summary.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace andon::slo {
namespace {

std::optional<double> number_within(std::string_view text, double least, double most) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = code == std::errc{} && end == text.data() + text.size();
  return whole && value >= least && value <= most ? std::optional(value) : std::nullopt;
}

void add_csat(feedback_row& to, std::string_view text) {
  if (const auto value = number_within(text, 1, 5)) to.csat.add(*value), to.csat_satisfied.add(*value >= 4);
}

void add_nps(feedback_row& to, std::string_view text) {
  const auto value = number_within(text, 0, 10);
  if (!value) return;
  ++to.nps_answers;
  if (*value >= 9) ++to.promoters;
  else if (*value < 7) ++to.detractors;
}

void add_score(feedback_row& to, std::string_view text) {
  if (const auto value = number_within(text, 0, 1)) to.score.add(*value);
}

struct answer {
  std::string_view name;
  void (*add)(feedback_row& to, std::string_view text);
};
constexpr std::array answers{
    answer{"feedback.csat", add_csat},
    answer{"feedback.nps", add_nps},
    answer{"feedback.score", add_score},
    answer{"feedback.thumbs", [](feedback_row& to, std::string_view text) { to.thumbs.add(text == "up"); }},
    answer{"feedback.resolved", [](feedback_row& to, std::string_view text) { to.resolved.add(text == "true"); }},
};

}  // namespace

std::optional<double> answer_share::share() const {
  return total == 0 ? std::nullopt : std::optional(static_cast<double>(good) / static_cast<double>(total));
}

answer_share feedback_row::response() const { return {.good = std::min<std::uint64_t>(rated.size(), calls), .total = calls}; }

std::optional<double> feedback_row::nps() const {
  if (nps_answers == 0) return std::nullopt;
  return 100 * (static_cast<double>(promoters) - static_cast<double>(detractors)) / static_cast<double>(nps_answers);
}

void feedback_summary::add_feedback(const feedback_row_name& to, const std::optional<request_id>& about, metadata said) {
  auto& row = rows_[to];
  ++row.answers;
  if (about) row.rated.insert(*about);
  for (const auto& [name, value] : said)
    if (const auto found = std::ranges::find(answers, name, &answer::name); found != answers.end()) found->add(row, value);
}

}  // namespace andon::slo
