#include "andon/access/keyring.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "andon/access/key_text.hpp"
#include "andon/base/testing_place.hpp"
#include "andon/sql/statement.hpp"

namespace andon::access {
namespace {

using namespace std::chrono_literals;

class keyring_test : public testing::Test {
protected:
  void SetUp() override { std::filesystem::remove_all(folder_); open(); }
  void TearDown() override { ring_.reset(); std::filesystem::remove_all(folder_); }

  void open() {
    ring_.reset();
    auto opened = keyring::open(folder_, time_, board_);
    ASSERT_TRUE(opened) << opened.error().message;
    ring_ = std::move(*opened);
  }
  errc identify(const secret& text) {
    caller owner;
    const auto who = directory::identify(reader_.get(), text.reveal(), time_.wall(), &owner);
    const bool known = who || who.error().code == errc::blocked_key || who.error().code == errc::expired_key;
    EXPECT_EQ(static_cast<bool>(owner), known) << "the owner is told of good, expired and blocked keys";
    if (who) EXPECT_EQ(&**who, &*owner);
    return who ? errc::none : who.error().code;
  }
  new_key make(std::string name, project_id project = project_id{"shop"}) {
    auto key = ring_->create_key({.name = std::move(name), .project = std::move(project)});
    EXPECT_TRUE(key) << key.error().message;
    return std::move(*key);
  }
  void shop() { ASSERT_TRUE(ring_->create_project({.id = project_id{"shop"}})); }

  std::filesystem::path folder_ = andon::testing_support::testing_place() / ("andon-keyring-" + std::to_string(::getpid()));
  simulated_clock time_;
  directory_board board_;
  directory_reader reader_{board_};
  std::unique_ptr<keyring> ring_;
};

TEST_F(keyring_test, life_of_a_key) {
  shop();
  const auto key = make("web");
  EXPECT_EQ(identify(key.text), errc::none);
  ASSERT_TRUE(ring_->block_key(key.id));
  EXPECT_EQ(identify(key.text), errc::blocked_key) << "in force at once";
  ASSERT_TRUE(ring_->unblock_key(key.id));
  EXPECT_EQ(identify(key.text), errc::none);
  auto settings = ring_->key(key.id)->settings;
  settings.expires = time_.wall() + 1h;
  ASSERT_TRUE(ring_->update_key(key.id, settings));
  EXPECT_EQ(identify(key.text), errc::none);
  time_.advance(1h);
  EXPECT_EQ(identify(key.text), errc::expired_key);
  settings.expires.reset();
  ASSERT_TRUE(ring_->update_key(key.id, settings));
  EXPECT_EQ(identify(key.text), errc::none);
  ASSERT_TRUE(ring_->delete_key(key.id));
  EXPECT_EQ(identify(key.text), errc::invalid_key);
  EXPECT_EQ(ring_->delete_key(key.id).error().code, errc::not_found);
  EXPECT_EQ(ring_->block_key(key.id).error().code, errc::not_found);
}

TEST_F(keyring_test, rotation_overlaps) {
  shop();
  const auto first = make("web");
  const auto second = ring_->rotate_key(first.id, 1h).value();
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(identify(first.text), errc::none);
  EXPECT_EQ(identify(second.text), errc::none);
  EXPECT_EQ(ring_->key(first.id)->old_secret_until, time_.wall() + 1h);
  time_.advance(1h - 1ns);
  EXPECT_EQ(identify(first.text), errc::none);
  time_.advance(1ns);
  EXPECT_EQ(identify(first.text), errc::expired_key);
  EXPECT_FALSE(ring_->key(first.id)->old_secret_until);
  const auto third = ring_->rotate_key(first.id, 1h).value();
  EXPECT_EQ(identify(first.text), errc::invalid_key) << "only one old secret at a time";
  EXPECT_EQ(identify(second.text), errc::none);
  const auto fourth = ring_->rotate_key(first.id, 0s).value();
  EXPECT_EQ(identify(third.text), errc::invalid_key);
  EXPECT_EQ(identify(fourth.text), errc::none);
  EXPECT_EQ(ring_->rotate_key(first.id, -1s).error().code, errc::invalid_argument);
}

key_settings everything() {
  key_settings s{.name = "all", .project = project_id{"shop"}, .role = role::developer};
  s.limits = {{.per = {scope::user, scope::route}, .only_route = route_name{"chat"}, .requests_per_minute = 5, .parallel = 7}, {.tokens_per_minute = 100}};
  s.budgets = {{.per = {scope::tag}, .only_tag = "a", .period = window::week, .limit = nano_usd{123}, .alarm_percent = 50}, {.period = window::day, .limit = nano_usd{1}}};
  s.routes = {route_name{"chat"}, route_name{"code"}};
  s.scopes = {"chat", "embeddings"};
  s.tags = {"x", "y"};
  s.metadata = {{"team", "red"}, {"note", "it's \"quoted\"; -- \xE2\x82\xAC"}};
  s.expires = wall_time{std::chrono::seconds{2'000'000'000}};
  return s;
}

TEST_F(keyring_test, everything_survives_a_restart) {
  project_settings project{.id = project_id{"shop"}, .title = "Shop", .zone = "Europe/Berlin", .on_unknown_price = unknown_price::refuse};
  project.limits = {{.requests_per_minute = 600, .tokens_per_minute = 200'000}};
  project.budgets = {{.period = window::month, .limit = nano_usd{500'000'000'000}}};
  project.routes = {route_name{"chat"}};
  project.tags = {"shop"};
  project.metadata = {{"cost_centre", "42"}};
  ASSERT_TRUE(ring_->create_project(project));
  const auto key = ring_->create_key(everything()).value();
  const auto rotated = ring_->rotate_key(key.id, 24h).value();
  ASSERT_TRUE(ring_->block_key(key.id));
  ASSERT_TRUE(ring_->save_checkpoint({{{"core-0", 77}, {"core-1", UINT64_MAX}}, {{UINT64_MAX, 10, 20, nano_usd{5}}, {3, 10, 20, nano_usd{6}}}}));
  const auto before = ring_->key(key.id).value();
  open();
  EXPECT_EQ(ring_->project(project.id).value(), project);
  const auto after = ring_->key(key.id).value();
  EXPECT_EQ(after.settings, everything());
  EXPECT_EQ(after.created, before.created);
  EXPECT_EQ(after.old_secret_until, before.old_secret_until);
  EXPECT_EQ(after.hint, before.hint);
  EXPECT_EQ(identify(key.text), errc::blocked_key);
  ASSERT_TRUE(ring_->unblock_key(key.id));
  EXPECT_EQ(identify(key.text), errc::none);
  EXPECT_EQ(identify(rotated.text), errc::none);
  const auto state = ring_->load_checkpoint().value();
  EXPECT_EQ(state.positions, (std::vector<std::pair<std::string, std::uint64_t>>{{"core-0", 77}, {"core-1", UINT64_MAX}}));
  EXPECT_EQ(state.rows.size(), 2U);
}

TEST_F(keyring_test, no_file_of_the_data_directory_holds_a_secret) {
  shop();
  const auto key = make("web");
  ring_.reset();
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    EXPECT_FALSE(bytes.contains(key.text.reveal().substr(key_prefix.size(), 20))) << file.path();
    struct stat about {};
    ASSERT_EQ(::stat(file.path().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 077U, 0U) << file.path();
  }
}

TEST_F(keyring_test, names_are_data_never_sql) {
  shop();
  for (const char* name : {"'; DROP TABLE key; --", "x' OR '1'='1", "\"", "`", "%", "_", "a\\", "k\xC3\xA9y", "); DELETE FROM key WHERE (1=1"}) {
    const auto key = make(name);
    EXPECT_EQ(ring_->key(key.id)->settings.name, name);
    EXPECT_EQ(identify(key.text), errc::none) << name;
    EXPECT_EQ(ring_->create_key({.name = name, .project = project_id{"shop"}}).error().code, errc::already_exists);
  }
  for (const char* id : {"key_' OR 1=1 --", "' OR ''='", "key_%", "*"}) {
    EXPECT_EQ(ring_->delete_key(key_id{id}).error().code, errc::not_found) << id;
    EXPECT_EQ(ring_->block_key(key_id{id}).error().code, errc::not_found) << id;
    EXPECT_EQ(ring_->delete_project(project_id{id}).error().code, errc::not_found) << id;
    EXPECT_FALSE(ring_->create_project({.id = project_id{id}})) << id;
  }
  open();
  EXPECT_EQ(ring_->keys()->size(), 9U);
}

TEST_F(keyring_test, refuses_impossible_settings) {
  shop();
  using rules = std::vector<limit_rule>;
  auto refused = [&](key_settings s) { const auto r = ring_->create_key(std::move(s)); return r ? errc::none : r.error().code; };
  const project_id p{"shop"};
  EXPECT_EQ(refused({.name = "", .project = p}), errc::invalid_argument);
  EXPECT_EQ(refused({.name = "a\nb", .project = p}), errc::invalid_argument);
  EXPECT_EQ(refused({.name = std::string(300, 'a'), .project = p}), errc::invalid_argument);
  EXPECT_EQ(refused({.name = "\xff", .project = p}), errc::invalid_argument);
  EXPECT_EQ(refused({.name = "a"}), errc::invalid_argument) << "a caller belongs to a project";
  EXPECT_EQ(refused({.name = "a", .project = project_id{"absent"}}), errc::not_found);
  EXPECT_EQ(refused({.name = "a", .project = p, .limits = rules{{.requests_per_minute = -1}}}), errc::invalid_argument);
  EXPECT_EQ(refused({.name = "a", .project = p, .limits = rules{{}}}), errc::invalid_argument);
  EXPECT_EQ(refused({.name = "a", .project = p, .limits = rules{{.parallel = 1}, {.tokens_per_minute = 1}}}), errc::invalid_argument) << "the same meter twice";
  EXPECT_EQ(refused({.name = "a", .project = p, .limits = rules{{.per = {scope::tag}, .parallel = 1}}}), errc::invalid_argument);
  EXPECT_EQ(refused({.name = "a", .project = p, .budgets = {{.limit = nano_usd{-1}}}}), errc::invalid_argument);
  EXPECT_EQ(refused({.name = "a", .project = p}), errc::none);
  EXPECT_EQ(ring_->create_project({.id = project_id{"z"}, .zone = "Mars/Olympus"}).error().code, errc::invalid_argument);
}

TEST_F(keyring_test, first_key_and_admin_token) {
  const auto first = ring_->ensure_first_key().value();
  ASSERT_TRUE(first);
  EXPECT_EQ(identify(first->text), errc::none);
  EXPECT_FALSE(ring_->ensure_first_key().value()) << "only once";
  ASSERT_TRUE(ring_->delete_key(first->id));
  EXPECT_FALSE(ring_->ensure_first_key().value()) << "not again after it was deleted";
  const auto token = ring_->ensure_admin_token().value();
  EXPECT_EQ(identify(token), errc::none);
  struct stat about {};
  ASSERT_EQ(::stat((folder_ / "admin-token").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
  open();
  EXPECT_FALSE(ring_->ensure_first_key().value());
  EXPECT_EQ(ring_->ensure_admin_token()->reveal(), token.reveal());
  const auto who = directory::identify(reader_.get(), token.reveal(), time_.wall()).value();
  EXPECT_EQ(who->role, role::admin);
  EXPECT_TRUE(who->may(permission::config_write));
  EXPECT_EQ(ring_->delete_key(who->key).error().code, errc::conflict);
  std::filesystem::remove(folder_ / "admin-token");
  const auto replaced = ring_->ensure_admin_token().value();
  EXPECT_EQ(identify(token), errc::invalid_key);
  EXPECT_EQ(identify(replaced), errc::none);
}

TEST_F(keyring_test, declares_what_the_configuration_says) {
  auto config = [] {
    declared_access c;
    c.routes = {{.name = route_name{"chat"}}};
    c.projects = {{.id = project_id{"shop"}, .routes = {route_name{"chat"}}}};
    c.keys.push_back({key_id{"key_web"}, secret{"any text of 16 bytes or more"}, {.name = "web", .project = project_id{"shop"}}});
    return c;
  };
  ASSERT_TRUE(ring_->declare(config()));
  EXPECT_EQ(identify(secret{"any text of 16 bytes or more"}), errc::none);
  EXPECT_EQ(ring_->update_key(key_id{"key_web"}, {.name = "x", .project = project_id{"shop"}}).error().code, errc::conflict);
  EXPECT_EQ(ring_->create_project({.id = project_id{"shop"}}).error().code, errc::already_exists);
  const auto made = make("other");
  auto bad = config();
  bad.projects[0].routes = {route_name{"absent"}};
  EXPECT_EQ(ring_->declare(std::move(bad)).error().code, errc::invalid_argument);
  auto short_secret = config();
  short_secret.keys[0].text = secret{"short"};
  EXPECT_EQ(ring_->declare(std::move(short_secret)).error().code, errc::invalid_argument);
  EXPECT_EQ(identify(secret{"any text of 16 bytes or more"}), errc::none) << "a bad file changes nothing";
  declared_access empty;
  ASSERT_TRUE(ring_->declare(std::move(empty)));
  EXPECT_EQ(identify(secret{"any text of 16 bytes or more"}), errc::invalid_key);
  EXPECT_EQ(identify(made.text), errc::blocked_key) << "its project is gone";
  ASSERT_TRUE(ring_->declare(config()));
  EXPECT_EQ(identify(made.text), errc::none);
}

TEST_F(keyring_test, last_used_is_coarse_and_kept) {
  shop();
  const auto key = make("web");
  EXPECT_FALSE(ring_->key(key.id)->last_used);
  (void)identify(key.text);
  const auto minute = wall_time{std::chrono::floor<std::chrono::minutes>(time_.wall())};
  EXPECT_EQ(ring_->key(key.id)->last_used, minute);
  ASSERT_TRUE(ring_->flush_last_used());
  open();
  EXPECT_EQ(ring_->key(key.id)->last_used, minute);
}

TEST_F(keyring_test, projects_are_guarded) {
  shop();
  const auto key = make("web");
  EXPECT_EQ(ring_->delete_project(project_id{"shop"}).error().code, errc::conflict);
  ASSERT_TRUE(ring_->update_project({.id = project_id{"shop"}, .blocked = true}));
  EXPECT_EQ(identify(key.text), errc::blocked_key);
  ASSERT_TRUE(ring_->delete_key(key.id));
  ASSERT_TRUE(ring_->delete_project(project_id{"shop"}));
  EXPECT_EQ(ring_->update_project({.id = project_id{"shop"}}).error().code, errc::not_found);
}

TEST_F(keyring_test, a_lost_pepper_or_a_newer_schema_is_said) {
  shop();
  make("web");
  ring_.reset();
  std::filesystem::rename(folder_ / "pepper", folder_ / "hidden");
  EXPECT_EQ(keyring::open(folder_, time_, board_).error().code, errc::corrupt);
  std::filesystem::rename(folder_ / "hidden", folder_ / "pepper");
  {
    auto db = sql::database::open(folder_ / "access.db").value();
    ASSERT_TRUE(db.run("INSERT INTO migration VALUES(1000, 'later', 0)"));
  }
  EXPECT_EQ(keyring::open(folder_, time_, board_).error().code, errc::corrupt);
  std::ofstream(folder_ / "access.db", std::ios::trunc) << "this is not a database, it is text of some length";
  std::filesystem::remove(folder_ / "access.db-wal");
  EXPECT_FALSE(keyring::open(folder_, time_, board_));
}

}  // namespace
}  // namespace andon::access
