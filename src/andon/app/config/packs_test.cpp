#include "andon/app/config/packs.hpp"

#include <gtest/gtest.h>

namespace andon::app {
namespace {

struct reading_of {
  explicit reading_of(const std::string& text) : got(read_settings(text, found, [](const std::string&) { return std::optional<std::string>{}; })) {}
  diagnostics found{"a.yaml"};
  settings got;
};

TEST(packs, are_good_settings) {
  for (const auto& one : pack_table()) {
    const reading_of all("packs: [ " + std::string(one.name) + " ]\n");
    EXPECT_EQ(all.found.text(), "");
    EXPECT_FALSE(all.got.objectives.entries.empty());
  }
}

TEST(packs, an_entry_of_the_file_takes_the_place_of_the_packs) {
  const reading_of own("packs: [ standard ]\nobjectives: { available: { target: 95, title: ours } }\n");
  EXPECT_EQ(own.found.text(), "");
  EXPECT_EQ(own.got.objectives.entries.at("available").title, "ours");
  EXPECT_TRUE(own.got.objectives.entries.contains("errors"));
  ASSERT_EQ(own.found.warnings().size(), 1U);
  EXPECT_EQ(to_string(own.found.warnings()[0]), "a.yaml:2:15: warning: objectives.available: takes the place of 'available' of the pack 'standard' (if that is meant, say so: `without: [ available ]` at the pack)");
  const reading_of meant("packs: [ { name: standard, without: [ available ] } ]\nobjectives: { available: { target: 95 } }\n");
  EXPECT_TRUE(meant.found.warnings().empty());
  EXPECT_TRUE(meant.got.objectives.entries.contains("available"));
}

TEST(packs, leave_out_what_is_not_wanted) {
  const reading_of without("packs: [ { name: standard, without: [ probes, silence ] } ]\n");
  EXPECT_EQ(without.found.text(), "");
  EXPECT_FALSE(without.got.objectives.entries.contains("probes"));
  EXPECT_FALSE(without.got.alert_rules.entries.contains("silence"));
}

TEST(packs, count_only_the_calls_that_were_asked_for) {
  const reading_of narrow("packs: [ { name: standard, filter: \"project:shop\" } ]\n");
  EXPECT_EQ(narrow.got.objectives.entries.at("available").filter, "project:shop");
  EXPECT_EQ(narrow.got.objectives.entries.at("headroom").filter, "");  // a sample is of the gateway as a whole
}

TEST(packs, tell_what_is_unknown) {
  EXPECT_EQ(reading_of("packs: [ standart ]\n").found.text(), "a.yaml:1:10: packs[0]: there is no pack 'standart' (one of standard)");
  EXPECT_NE(reading_of("packs: [ { name: standard, without: [ prob ] } ]\n").found.text().find("packs[0].without[0]: the pack has no 'prob'"), std::string::npos);
  EXPECT_NE(reading_of("packs: [ standard, standard ]\n").found.text().find("named twice"), std::string::npos);
}

}  // namespace
}  // namespace andon::app
