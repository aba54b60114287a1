#include "andon/slo/grafana_dashboard.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

namespace andon::slo {
namespace {

namespace json = boost::json;

struct box {
  std::int64_t x, y, w, h;
  [[nodiscard]] bool overlaps(const box& other) const { return x < other.x + other.w && other.x < x + w && y < other.y + other.h && other.y < y + h; }
};

box box_of(const json::value& panel) {
  const auto& at = panel.at("gridPos");
  return {at.at("x").as_int64(), at.at("y").as_int64(), at.at("w").as_int64(), at.at("h").as_int64()};
}

TEST(grafana_dashboard, has_what_grafana_asks_for_at_import) {
  std::set<std::string> uids;
  for (const auto& one : dashboard_table()) {
    const auto made = json::parse(grafana_dashboard(one));
    EXPECT_EQ(made.at("__inputs").at(0).at("name"), "DS_PROMETHEUS");
    EXPECT_TRUE(uids.insert(std::string(made.at("uid").as_string())).second);
    for (const auto& panel : made.at("panels").as_array())
      for (const auto& target : panel.at("targets").as_array()) EXPECT_EQ(target.at("datasource").at("uid"), "${DS_PROMETHEUS}");
  }
}

TEST(grafana_dashboard, panels_lie_beside_each_other) {
  for (const auto& one : dashboard_table()) {
    const auto made = json::parse(grafana_dashboard(one));
    const auto& panels = made.at("panels").as_array();
    EXPECT_EQ(panels.size(), one.panels.size());
    for (std::size_t i = 0; i < panels.size(); ++i) {
      EXPECT_LE(box_of(panels[i]).x + box_of(panels[i]).w, 24);
      for (std::size_t k = 0; k < i; ++k) EXPECT_FALSE(box_of(panels[i]).overlaps(box_of(panels[k]))) << one.name << " " << k << " " << i;
    }
  }
}

TEST(grafana_dashboard, low_is_bad_where_less_is_worse) {
  const auto made = json::parse(grafana_dashboard(dashboard_table()[0]));
  const auto& steps = made.at("panels").at(1).at("fieldConfig").at("defaults").at("thresholds").at("steps").as_array();
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].at("color"), "red");
  EXPECT_EQ(steps[2].at("color"), "green");
  EXPECT_EQ(steps[2].at("value").as_double(), 0.25);
}

TEST(grafana_dashboard, an_objective_is_chosen_where_it_is_asked_for) {
  for (const auto& one : dashboard_table()) {
    const auto text = grafana_dashboard(one);
    EXPECT_EQ(text.find("$objective") != std::string::npos, one.by_objective);
    EXPECT_EQ(json::parse(text).at("templating").at("list").as_array().size(), one.by_objective ? 1U : 0U);
  }
}

}  // namespace
}  // namespace andon::slo
