#include "andon/app/plan/compile_business.hpp"

#include <gtest/gtest.h>

#include "andon/app/plan/compile_testing.hpp"

namespace andon::app {
namespace {

using testing_support::compilation;
using testing_support::smallest;

TEST(compile_business, agreements_and_kpis) {
  const compilation c(smallest + R"(
time_zone: Europe/Berlin
objectives:
  up:   { target: 99.95 }
  fast: { measure: latency, at_most: 2, target: 95 }
agreements:
  acme:
    counterparty: Acme Ltd
    objectives: [ up, { objective: fast, target: 90, credits: [ { below: 90, percent: 5 } ] } ]
    time_zone: America/New_York
    credits: [ { below: 99.9, percent: 10 }, { below: 99, percent: 25 } ]
    exclusions: [ { from: 2026-01-01T00:00:30Z, to: 2026-01-01T02:00:10Z, reason: theirs } ]
    fee: { amount: 1200.5, currency: EUR }
kpis:
  cost: { indicator: cost, statistic: sum, per: resolved, per_statistic: good_count, at_most: 0.5, unit: USD, objectives: [ up ] }
  churn: { at_most: 3, calendar: quarter, fold: sum }
)");
  ASSERT_TRUE(c.made) << c.found.text();
  const auto& acme = c.made->business.agreements.at(0);
  EXPECT_EQ(acme.zone_name, "America/New_York");
  ASSERT_EQ(acme.promises.size(), 2U);
  EXPECT_EQ(acme.promises[0].promised, business::share_of_percent(99.95)) << "the objective's own";
  EXPECT_EQ(acme.promises[0].credits.size(), 2U);
  EXPECT_EQ(acme.promises[1].promised, business::share_of_percent(90));
  EXPECT_EQ(acme.promises[1].credits.size(), 1U);
  EXPECT_EQ(acme.exclusions.at(0).when.to - acme.exclusions.at(0).when.from, slo::seconds{7'260}) << "whole minutes, outwards";
  EXPECT_EQ(acme.fee, (business::money{120'050, "EUR"}));
  const auto& kpis = c.made->business.kpis;
  ASSERT_EQ(kpis.size(), 2U);
  EXPECT_TRUE(kpis[0].from_outside());
  EXPECT_EQ(kpis[0].over.follows->zone_name, "Europe/Berlin");
  EXPECT_EQ(kpis[0].fold, business::folding::sum);
  EXPECT_EQ(kpis[1].part->of, slo::statistic::sum);
  EXPECT_EQ(kpis[1].per->indicator, "resolved");
  EXPECT_EQ(kpis[1].how, slo::comparison::lte);
}

TEST(compile_business, what_is_wrong_is_told_with_its_place) {
  struct row { const char *text, *complaint; };
  const std::string agreement = smallest + "objectives: { up: { target: 99.9 }, b: { target: 99 }, both: { target: 99, parts: [ up, b ] } }\nagreements: { a: { counterparty: x, ";
  for (const auto& [text, complaint] : {
           row{"objectives: [ upp ] } }", "agreements.a.objectives[0].objective: there is no objective 'upp'"},
           row{"objectives: [ upp ] } }", "did you mean 'up'?"},
           row{"objectives: [ up, up ] } }", "agreements.a.objectives[1].objective: 'up' is promised twice"},
           row{"objectives: [ both ] } }", "its parts weigh differently"},
           row{"objectives: [ ] } }", "promises nothing"},
           row{"objectives: [ up ], credits: [ { below: 99.95, percent: 10 } ] } }", "agreements.a.credits[0]: credit below 99.95 % although only 99.9 %"},
           row{"objectives: [ up ], credits: [ { below: 99, percent: 10 }, { below: 99.5, percent: 20 } ] } }", "agreements.a.credits[1]: tiers descend"},
           row{"objectives: [ { objective: up, credits: [ { below: 99, percent: 10 }, { below: 98, percent: 10 } ] } ] } }", "agreements.a.objectives[0].credits[1]"},
           row{"objectives: [ up ], time_zone: Moon/Crater } }", "agreements.a.time_zone"},
           row{"objectives: [ up ], exclusions: [ { from: soon, to: 2026-01-01T00:00:00Z, reason: r } ] } }", "agreements.a.exclusions[0].from"},
           row{"objectives: [ up ], exclusions: [ { from: 2026-01-02T00:00:00Z, to: 2026-01-01T00:00:00Z, reason: r } ] } }", "agreements.a.exclusions[0].to: is not after"},
           row{"objectives: [ up ], exclusions: [ { from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z } ] } }", "'reason' is missing"},
           row{"objectives: [ up ], fee: { amount: 1.234 } } }", "agreements.a.fee.amount"},
           row{"objectives: [ up ], fee: { amount: 1, currency: euro } } }", "agreements.a.fee.currency"},
           row{"objectives: [ up ] }, \"b/c\": { counterparty: x, objectives: [ up ] } }", "names files"},
           row{"objectives: [ up ] }, b: { objectives: [ up ] } }", "'counterparty' is missing"},
           row{"objectives: [ up ] } }\nkpis: { k: { } }", "kpis.k: needs a target"},
           row{"objectives: [ up ] } }\nkpis: { k: { at_most: 1, at_least: 0 } }", "kpis.k.at_most: either"},
           row{"objectives: [ up ] } }\nkpis: { k: { at_most: 1, indicator: nothing } }", "kpis.k.indicator: there is no indicator 'nothing'"},
           row{"objectives: [ up ] } }\nkpis: { k: { at_most: 1, per: cost } }", "kpis.k.per: needs `indicator`"},
           row{"objectives: [ up ] } }\nkpis: { k: { at_most: 1, indicator: cost, statistic: p42 } }", "kpis.k.statistic"},
           row{"objectives: [ up ] } }\nkpis: { k: { at_most: 1, window: 90m } }", "whole hours"},
           row{"objectives: [ up ] } }\nkpis: { k: { at_most: 1, objectives: [ gone ] } }", "kpis.k.objectives[0]: there is no objective 'gone'"},
       }) {
    const compilation c(agreement + text + "\n");
    EXPECT_FALSE(c.made) << text;
    EXPECT_NE(c.found.text().find(complaint), std::string::npos) << text << "\n" << c.found.text();
    EXPECT_EQ(c.found.text().find("a.yaml:0"), std::string::npos) << c.found.text();
  }
}

}  // namespace
}  // namespace andon::app
