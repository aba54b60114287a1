#include "andon/drill/backup.hpp"

#include <fstream>
#include <thread>

#include "andon/drill/drill_testing.hpp"
#include "andon/ledger/keyring.hpp"
#include "andon/sql/statement.hpp"

namespace andon::drill {
namespace {

namespace fs = std::filesystem;
using namespace testing_support;

void make_database(const fs::path& file, std::int64_t rows) {
  auto db = sql::database::open(file).value();
  ASSERT_TRUE(db.run(sql::durable_settings));
  ASSERT_TRUE(db.run("CREATE TABLE t(n INTEGER)"));
  sql::statement<sql::params<std::int64_t>, sql::columns<>> insert(db, "INSERT INTO t VALUES(?)");
  for (std::int64_t n = 0; n < rows; ++n) ASSERT_TRUE(insert.run(n));
}

std::int64_t rows_of(const fs::path& file) {
  auto db = sql::database::open(file).value();
  std::int64_t out = -1;
  sql::statement<sql::params<>, sql::columns<std::int64_t>> count(db, "SELECT count(*) FROM t");
  EXPECT_TRUE(count.each([&](std::int64_t n) { out = n; }));
  return out;
}

void write(const fs::path& file, std::string_view text) { std::ofstream(file, std::ios::binary | std::ios::trunc) << text; }

class backup : public ::testing::Test {
protected:
  result<backed_up> make(const ledger::keyring* keys = nullptr) { return make_backup({.data = data(), .to = saved(), .keys = keys, .version = "1", .now = clk.wall()}); }
  [[nodiscard]] fs::path data() const { return home.path() / "data"; }
  [[nodiscard]] fs::path saved() const { return home.path() / "saved"; }
  [[nodiscard]] fs::path back() const { return home.path() / "back"; }
  const temporary_directory home;
  const system_clock clk;
};

TEST_F(backup, of_a_ledger_in_use_brings_every_record_back) {
  auto live = open_ledger(data(), clk);
  append(*live, 300, clk);
  make_database(data() / "access.db", 5);
  write(data() / "pepper", "secret");
  write(data() / "alerts.db.ballast", "room");
  fs::create_directories(data() / "statements");
  write(data() / "statements" / "acme-2026-10.json", "{}");
  const auto made = make();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->records, 300u);
  EXPECT_TRUE(made->verified);
  append(*live, 10, clk);   // not in it
  const auto restored = restore_backup(saved(), back());
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(rows_of(back() / "access.db"), 5);
  EXPECT_TRUE(fs::exists(back() / "pepper"));
  EXPECT_TRUE(fs::exists(back() / "statements" / "acme-2026-10.json"));
  EXPECT_FALSE(fs::exists(back() / "ledger.lock"));
  EXPECT_FALSE(fs::exists(back() / "alerts.db.ballast"));
  auto opened = open_ledger(back(), clk);
  ASSERT_TRUE(opened->wait_indexed(std::chrono::seconds{20}));
  EXPECT_EQ(opened->status().appended, 300u);
  EXPECT_EQ(opened->status().indexed, 300u);
  EXPECT_TRUE(opened->status().balanced());
}

/// Whatever moment the copy catches, nothing from before its beginning is missing and nothing in it is damaged.
TEST_F(backup, while_records_are_appended_is_whole) {
  auto live = open_ledger(data(), clk);
  append(*live, 50, clk);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int n = 0; n < 4'000 && !stop; ++n) append(*live, 1, clk);   // some fifty segments
  });
  for (int n = 0; n < 5; ++n) {
    const auto before = live->status().appended;
    const auto made = make_backup({.data = data(), .to = saved() / std::to_string(n), .version = "1", .now = clk.wall()});
    ASSERT_TRUE(made || (stop = true, writer.join(), false)) << made.error().message;
    EXPECT_GE(made->records, before);
    EXPECT_TRUE(made->verified);
  }
  stop = true;
  writer.join();
}

TEST_F(backup, of_an_encrypted_ledger_is_read_with_its_key) {
  const secret key(std::string(64, 'a'));
  { append(*open_ledger(data(), clk, key), 20, clk); }
  const auto blind = make();
  ASSERT_TRUE(blind) << blind.error().message;
  EXPECT_FALSE(blind->verified);
  fs::remove_all(saved());
  const auto ring = ledger::keyring::open(data() / "keyring", ledger::parse_master_key(key).value()).value();
  const auto made = make(&ring);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->records, 20u);
  ASSERT_TRUE(restore_backup(saved(), back()));
  EXPECT_EQ(open_ledger(back(), clk, key)->status().appended, 20u);
}

/// Statements are dated by their files.
TEST_F(backup, brings_files_back_with_their_times) {
  { append(*open_ledger(data(), clk), 3, clk); }
  fs::create_directories(data() / "statements");
  const auto statement = fs::path("statements") / "acme-2026-10.json";
  write(data() / statement, "{}");
  const auto then = fs::file_time_type::clock::now() - std::chrono::hours{24 * 40};
  fs::last_write_time(data() / statement, then);
  const auto kept = fs::last_write_time(data() / statement);
  ASSERT_TRUE(make());
  ASSERT_TRUE(restore_backup(saved(), back()));
  EXPECT_EQ(fs::last_write_time(back() / statement), kept);
}

TEST_F(backup, takes_only_a_free_directory) {
  { append(*open_ledger(data(), clk), 3, clk); }
  fs::create_directories(saved());
  write(saved() / "mine", "x");
  EXPECT_EQ(make().error().code, errc::already_exists);
  EXPECT_TRUE(fs::exists(saved() / "mine"));
  fs::remove(saved() / "mine");
  ASSERT_TRUE(make());
  fs::create_directories(back());
  write(back() / "mine", "x");
  EXPECT_EQ(restore_backup(saved(), back()).error().code, errc::already_exists);
  fs::remove_all(back());
  fs::create_directories(back().string() + ".partial");   // somebody's
  EXPECT_EQ(restore_backup(saved(), back()).error().code, errc::already_exists);
  EXPECT_TRUE(fs::exists(back().string() + ".partial"));
}

TEST_F(backup, knows_which_records_of_each_stream_it_has) {
  { append(*open_ledger(data(), clk), 120, clk); }
  const auto count = read_journal(data() / "journal", nullptr);
  ASSERT_TRUE(count) << count.error().message;
  ASSERT_TRUE(count->streams.contains(0));
  EXPECT_EQ(count->streams.at(0).first, 0U);
  EXPECT_EQ(count->streams.at(0).end, 120U);
}

/// What came since, or in another stream, makes up for nothing.
TEST(records, that_are_missing_are_counted_by_stream) {
  EXPECT_EQ(records_missing({{0, {0, 100}}}, {{0, {0, 100}}}), 0U);
  EXPECT_EQ(records_missing({{0, {0, 100}}, {1, {0, 50}}}, {{0, {0, 40}}, {1, {0, 500}}}), 60U);
  EXPECT_EQ(records_missing({{0, {20, 100}}}, {{0, {30, 200}}}), 10U);
  EXPECT_EQ(records_missing({{0, {20, 100}}}, {{0, {150, 200}}}), 80U);
  EXPECT_EQ(records_missing({{0, {20, 100}}, {1, {7, 7}}}, {}), 80U);
  EXPECT_EQ(records_missing({}, {{0, {0, 5}}}), 0U);
}

TEST_F(backup, that_was_altered_is_refused_with_the_file) {
  { append(*open_ledger(data(), clk), 3, clk); }
  write(data() / "pepper", "secret");
  ASSERT_TRUE(make());
  const auto refused = [&](const char* what) {
    const auto got = restore_backup(saved(), back());
    ASSERT_FALSE(got) << what;
    EXPECT_EQ(got.error().code, errc::corrupt) << what;
    EXPECT_NE(got.error().message.find("pepper"), std::string::npos) << got.error().message;
    EXPECT_FALSE(fs::exists(back()));
    EXPECT_FALSE(fs::exists(back().string() + ".partial"));
  };
  write(saved() / "data" / "pepper", "altered");
  refused("altered");
  fs::remove(saved() / "data" / "pepper");
  refused("missing");
  write(saved() / "data" / "pepper", "secret");
  write(saved() / "data" / "pepper-too", "stranger");
  refused("added");
}

TEST_F(backup, that_names_a_file_outside_is_refused) {
  fs::create_directories(saved() / "data");
  write(saved() / "MANIFEST.json", R"({"format":1,"encrypted":false,"files":[{"path":"../../evil","bytes":0,"sha256":""}]})");
  EXPECT_EQ(restore_backup(saved(), back()).error().code, errc::corrupt);
  write(saved() / "MANIFEST.json", "{");
  EXPECT_EQ(restore_backup(saved(), back()).error().code, errc::corrupt);
  fs::remove(saved() / "MANIFEST.json");
  EXPECT_EQ(restore_backup(saved(), back()).error().code, errc::not_found);
}

TEST_F(backup, of_a_damaged_journal_is_not_made) {
  { append(*open_ledger(data(), clk), 100, clk); }
  for (const auto& one : fs::directory_iterator(data() / "journal")) {
    std::fstream file(one.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(6'000);
    file.write("\xff\xff\xff\xff", 4);
    break;
  }
  const auto made = make();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::corrupt);
  EXPECT_FALSE(fs::exists(saved()));
}

TEST_F(backup, that_is_ended_leaves_nothing) {
  { append(*open_ledger(data(), clk), 3, clk); }
  int left = 1;
  const auto made = make_backup({.data = data(), .to = saved(), .version = "1", .now = clk.wall(), .go_on = [&] { return left-- > 0; }});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::cancelled);
  EXPECT_FALSE(fs::exists(saved().string() + ".partial"));
  const auto audit = saved().string() + ".partial/data/audit";   // what is copied last; then the copy is read
  fs::create_directories(data() / "audit");
  const auto unread = make_backup({.data = data(), .to = saved(), .version = "1", .now = clk.wall(), .go_on = [&] { return !fs::exists(audit); }});
  ASSERT_FALSE(unread);
  EXPECT_EQ(unread.error().code, errc::cancelled);
  EXPECT_FALSE(fs::exists(saved().string() + ".partial"));
  EXPECT_EQ(make_backup({.data = home.path() / "none", .to = saved(), .version = "1", .now = clk.wall()}).error().code, errc::not_found);
}

}  // namespace
}  // namespace andon::drill
