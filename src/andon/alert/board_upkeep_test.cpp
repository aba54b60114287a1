// What is long over goes; what is not, stays.
#include "andon/alert/board_fixture_test.hpp"

namespace andon::alert {
namespace {

using namespace testing_support;

class upkeep_test : public board_fixture {
protected:
  upkeep_test() { board_->adopt(settings()); }
  configuration_ptr settings() override {
    const auto out = std::const_pointer_cast<configuration>(board_fixture::settings());
    out->schedules["week"] = {.zone = "UTC", .offsets = std::make_shared<const time_zone>(time_zone::utc()), .rotations = {{.people = {"alice"}}}};
    out->seal();
    return out;
  }
  struct kept {
    std::vector<std::int64_t> incidents;
    std::size_t events = 0, overrides = 0;
    bool operator==(const kept&) const = default;
  };
  [[nodiscard]] kept seen() const {
    kept out;
    board_->read([&](const board_view& from) {
      for (const auto& one : from.store.incidents({}, 100).value()) out.incidents.push_back(one.number);
      out.events = from.store.events(1).value().size();
      out.overrides = from.store.overrides({}).value().size();
    });
    return out;
  }
  void resolve(std::int64_t number) { ASSERT_TRUE(board_->resolve(number, "me", time_.wall())); }
};

TEST_F(upkeep_test, incidents_and_overrides_go_after_400_days) {
  for (const auto* title : {"first", "open since", "newest"}) ASSERT_TRUE(board_->open_incident("primary", title, "me", time_.wall()));
  ASSERT_TRUE(board_->put_override({.schedule = "week", .person = "bob", .from = time_.wall(), .until = time_.wall() + 1h, .by = "me"}, time_.wall()));
  run(1min);
  resolve(1);
  resolve(3);
  const auto all = seen();
  EXPECT_EQ(all.incidents.size(), 3U);
  EXPECT_GT(all.events, 1U);
  EXPECT_EQ(all.overrides, 1U);
  time_.advance(std::chrono::days{399});
  run(2min);
  EXPECT_EQ(seen().incidents, all.incidents);
  EXPECT_GT(seen().events, 1U);
  time_.advance(std::chrono::days{1} + 1h);
  run(2min);
  const auto left = seen();
  EXPECT_EQ(left.incidents, (std::vector<std::int64_t>{3, 2})) << "one that is open stays, and the newest, whose number must not come again";
  EXPECT_EQ(left.events, 0U);
  EXPECT_EQ(left.overrides, 0U);
  crash();
  EXPECT_EQ(seen(), left);
}

}  // namespace
}  // namespace andon::alert
