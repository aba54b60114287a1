#include "andon/app/plan/compile_policies.hpp"

#include <gtest/gtest.h>

#include "andon/app/plan/compile_testing.hpp"

namespace andon::app {
namespace {

using testing_support::compilation;

const std::string base = R"(
providers: { p: { url: "http://127.0.0.1:1/v1" } }
models: { m: { provider: p, price: { free: true } }, n: { provider: p, price: { free: true } } }
routes: { r: { targets: [ m, n ] }, one: { targets: [ m ] } }
objectives: { chat: { target: 99 }, embed: { target: 99 } }
)";

TEST(compile_policies, become_steps_with_their_bounds) {
  const compilation c(base + R"(
policies:
  strict:
    objectives: [ chat ]
    margin: 10
    hold: 1m
    min_events: 5
    steps:
      - { left: 50, act: notify, severity: page }
      - { burn: 10, act: notify }
      - { left: 25, act: freeze }
      - { left: 25, act: tighten, routes: [ r ], avoid: [ m ], avoid_worst: true, attempts: 1, queue: 0, hedging: false }
      - { left: -20, burn: 2, act: roll-back, within: 2h }
  all: { steps: [ { left: 0, act: notify } ] }
)");
  ASSERT_TRUE(c.made) << c.found.text();
  ASSERT_EQ(c.made->policies.size(), 2U);
  EXPECT_EQ(c.made->policies[0].objectives, (std::vector<std::string>{"chat", "embed"}));
  const auto& strict = c.made->policies[1];
  EXPECT_EQ(strict.objectives, std::vector<std::string>{"chat"});
  EXPECT_DOUBLE_EQ(strict.margin, 0.1);
  EXPECT_EQ(strict.least, slo::seconds{60});
  EXPECT_EQ(strict.min_events, 5);
  ASSERT_EQ(strict.steps.size(), 5U);
  EXPECT_EQ(strict.steps[0].severity, "page");
  EXPECT_EQ(strict.steps[1].name(), "notify at burn rate 10");
  EXPECT_EQ(strict.steps[3].tighten, (slo::tightening{{"r"}, {"m"}, true, 1, 0, true}));
  EXPECT_EQ(strict.steps[4].name(), "roll-back at -20 % left and burn rate 2");
  EXPECT_EQ(strict.steps[4].within, slo::seconds{7'200});
}

TEST(compile_policies, an_objective_may_name_its_policy) {
  const compilation c(R"(
providers: { p: { url: "http://127.0.0.1:1/v1" } }
models: { m: { provider: p, price: { free: true } } }
routes: { r: { targets: [ m ] } }
objectives: { a: { target: 99, policy: soft }, b: { target: 99 }, c: { target: 99 } }
policies: { soft: { objectives: [ c ], steps: [ { left: 0, act: freeze } ] } }
)");
  ASSERT_TRUE(c.made) << c.found.text();
  EXPECT_EQ(c.made->policies[0].objectives, (std::vector<std::string>{"c", "a"}));
}

TEST(compile_policies, what_is_wrong_is_told_with_its_place) {
  struct row { const char *text, *complaint; };
  for (const auto& [text, complaint] : {
           row{"policies: { p: { objectives: [ chatt ], steps: [ { left: 1, act: notify } ] } }", "policies.p.objectives[0]: there is no objective 'chatt' that is measured (did you mean 'chat'?)"},
           row{"policies: { p: { objectives: [ chat, chat ], steps: [ { left: 1, act: notify } ] } }", "policies.p.objectives[1]: 'chat' stands here twice"},
           row{"policies: { p: { steps: [ ] } }", "policies.p.steps: has no step"},
           row{"policies: { p: { } }", "'steps' is missing"},
           row{"policies: { p: { steps: [ { act: notify } ] } }", "policies.p.steps[0]: says nothing of when it begins"},
           row{"policies: { p: { steps: [ { left: 1, act: explode } ] } }", "policies.p.steps[0].act: 'explode'"},
           row{"policies: { p: { steps: [ { left: 101, act: notify } ] } }", "policies.p.steps[0].left: '101' is out of bounds"},
           row{"policies: { p: { steps: [ { left: 10, act: notify }, { left: 20, act: freeze } ] } }", "policies.p.steps[1].left: 20 is more than the step before it has"},
           row{"policies: { p: { steps: [ { left: 10, act: notify }, { left: 10, act: notify } ] } }", "policies.p.steps[1]: 'notify at 10 % left' stands here twice"},
           row{"policies: { p: { steps: [ { left: 10, act: tighten } ] } }", "policies.p.steps[0]: tightens nothing"},
           row{"policies: { p: { steps: [ { left: 10, act: tighten, routes: [ q ], attempts: 1 } ] } }", "policies.p.steps[0].routes[0]: there is no route 'q'"},
           row{"policies: { p: { steps: [ { left: 10, act: tighten, avoid: [ q ] } ] } }", "policies.p.steps[0].avoid[0]: there is no model 'q'"},
           row{"policies: { p: { steps: [ { left: 10, act: tighten, routes: [ one ], avoid: [ n ] } ] } }", "policies.p.steps[0].avoid[0]: no route of the step has the target 'n'"},
           row{"policies: { p: { steps: [ { left: 10, act: tighten, routes: [ one ], avoid: [ m ] } ] } }", "policies.p.steps[0].avoid[0]: 'm' is the only target wherever it stands"},
           row{"policies: { p: { steps: [ { left: 10, act: tighten, routes: [ one ], avoid_worst: true } ] } }", "policies.p.steps[0].avoid_worst: no route of the step has a second target"},
           row{"policies: { p: { steps: [ { left: 10, act: freeze, routes: [ r ] } ] } }", "policies.p.steps[0].routes: belongs to act `tighten` alone"},
           row{"policies: { p: { steps: [ { left: 10, act: freeze, within: 1h } ] } }", "policies.p.steps[0].within: belongs to act `roll-back` alone"},
           row{"policies: { p: { steps: [ { left: 10, act: notify, severity: \"\" } ] } }", "policies.p.steps[0].severity: is empty"},
           row{"policies: { p: { steps: [ { left: 10, act: notify, whom: me } ] } }", "policies.p.steps[0].whom: unknown setting"},
           row{"plan_history: 1", "plan_history: '1' is out of bounds"},
       }) {
    const compilation c(base + text);
    EXPECT_FALSE(c.made) << text;
    EXPECT_NE(c.found.text().find(complaint), std::string::npos) << text << "\n" << c.found.text();
  }
  const compilation unknown("providers: { p: { url: \"http://127.0.0.1:1/v1\" } }\nmodels: { m: { provider: p, price: { free: true } } }\nroutes: { r: { targets: [ m ] } }\n"
                            "objectives: { a: { target: 99, policy: sofd } }\npolicies: { soft: { steps: [ { left: 0, act: freeze } ] } }\n");
  EXPECT_NE(unknown.found.text().find("objectives.a.policy: there is no policy 'sofd' (did you mean 'soft'?)"), std::string::npos) << unknown.found.text();
  const compilation none("providers: { p: { url: \"http://127.0.0.1:1/v1\" } }\nmodels: { m: { provider: p, price: { free: true } } }\nroutes: { r: { targets: [ m ] } }\n"
                         "policies: { soft: { steps: [ { left: 0, act: freeze } ] } }\n");
  EXPECT_NE(none.found.text().find("policies.soft: there is no objective whose budget it could look after"), std::string::npos) << none.found.text();
  const compilation off(base + "ledger: { enabled: false }\npolicies: { p: { steps: [ { left: 1, act: notify } ] } }\n");
  EXPECT_FALSE(off.made) << "an objective that is not measured has no budget";
}

}  // namespace
}  // namespace andon::app
