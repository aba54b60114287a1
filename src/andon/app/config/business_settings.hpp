#pragma once
// The sections `agreements` and `kpis` of the configuration file as plain values.
#include "andon/app/config/calendar_choice.hpp"
#include "andon/app/config/schema.hpp"
#include "andon/business/kpi.hpp"

namespace andon::app {

using namespace std::chrono_literals;

struct credit_settings {
  double below = 0, percent = 0;
};

struct promise_settings {
  std::string objective;
  std::optional<double> target;
  std::vector<credit_settings> credits;
};

struct exclusion_settings {
  std::string from, to, reason;
};

struct fee_settings {
  std::string amount, currency = "USD";
};

struct agreement_settings {
  std::string title, description, counterparty, notes;
  std::vector<promise_settings> objectives;
  std::string time_zone = "UTC";
  std::vector<credit_settings> credits;
  std::vector<exclusion_settings> exclusions;
  std::optional<fee_settings> fee;
  nanoseconds issue_after = 48h;
};

struct kpi_settings {
  std::string title, description, owner, unit;
  std::string indicator, statistic, per, per_statistic;
  business::folding fold = business::folding::last;
  std::optional<double> at_most, at_least;
  nanoseconds window = 30 * 24h;
  calendar_choice calendar = calendar_choice::none;
  std::string time_zone;
  std::vector<std::string> objectives;
};

template <> struct enum_names<business::folding> { static constexpr std::array<std::string_view, 3> names{"last", "mean", "sum"}; };

schema<agreement_settings> agreement_schema();
schema<kpi_settings> kpi_schema();

}  // namespace andon::app
