#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "andon/sql/damage.hpp"
#include "andon/sql/encrypted_vfs.hpp"
#include "andon/sql/statement.hpp"

namespace andon::sql {
namespace {

class sql_test : public testing::Test {
protected:
  sql_test() {
    std::string made = std::filesystem::temp_directory_path() / "andon-sql-XXXXXX";
    folder = mkdtemp(made.data());
  }
  ~sql_test() override { std::filesystem::remove_all(folder); }
  std::filesystem::path folder;
};

constexpr wall_time now{std::chrono::seconds{1'800'000'000}};
using integer = std::int64_t;

TEST_F(sql_test, every_type_goes_in_and_comes_out) {
  auto db = database::open(folder / "x.db").value();
  ASSERT_TRUE(db.run("CREATE TABLE t(i INTEGER, d REAL, s TEXT, b BLOB, n INTEGER)"));
  statement<params<integer, double, std::string_view, blob, std::optional<integer>>, columns<>> put(db, "INSERT INTO t VALUES(?,?,?,?,?)");
  ASSERT_TRUE(put.run(-5, 0.25, std::string_view{"a\0b", 3}, blob{std::string("\xff\0\x01", 3)}, std::nullopt));
  ASSERT_TRUE(put.run(7, 1e300, "", blob{}, 8));
  statement<params<integer>, columns<integer, double, std::string, blob, std::optional<integer>>> get(db, "SELECT i, d, s, b, n FROM t WHERE i < ? ORDER BY i");
  std::vector<std::string> seen;
  const auto rows = get.each([&](integer i, double d, const std::string& s, const blob& b, const std::optional<integer>& n) {
    seen.push_back(std::to_string(i) + "," + std::to_string(d == 0.25) + "," + std::to_string(s.size()) + "," + std::to_string(b.bytes.size()) + "," + std::to_string(n.value_or(-1)));
  }, 100);
  ASSERT_TRUE(rows);
  EXPECT_EQ(*rows, 2U);
  EXPECT_EQ(seen, (std::vector<std::string>{"-5,1,3,3,-1", "7,0,0,0,8"}));
}

TEST_F(sql_test, errors_are_of_their_kind) {
  auto db = database::open(folder / "x.db").value();
  ASSERT_TRUE(db.run("CREATE TABLE t(i INTEGER PRIMARY KEY, b BLOB NOT NULL) STRICT"));
  statement<params<integer, blob_view>, columns<>> put(db, "INSERT INTO t VALUES(?,?)");
  const std::vector<unsigned char> small(10), large(2000);
  ASSERT_TRUE(put.run(1, small));
  EXPECT_EQ(put.run(1, small).error().code, errc::already_exists);
  sqlite3_limit(db.handle(), SQLITE_LIMIT_LENGTH, 1000);
  EXPECT_EQ(put.run(2, large).error().code, errc::invalid_argument);
  EXPECT_TRUE(put.run(2, small)) << "a refusal leaves the statement usable";
  statement<params<>, columns<>> wrong(db, "SELECT nothing FROM nowhere");
  EXPECT_FALSE(wrong.run());
  EXPECT_FALSE((statement<params<>, columns<>>::prepare(db, "SELECT nothing FROM nowhere")));
  auto other = database::open(folder / "x.db").value();
  const auto change = transaction::begin(db);
  EXPECT_EQ(transaction::begin(other).error().code, errc::locked);
  std::ofstream(folder / "no.db") << std::string(5000, 'x');
  auto no = database::open(folder / "no.db");
  EXPECT_EQ(no->run("SELECT * FROM sqlite_schema").error().code, errc::corrupt);
}

TEST_F(sql_test, a_transaction_that_is_not_committed_leaves_nothing) {
  auto db = database::open(folder / "x.db").value();
  ASSERT_TRUE(db.run("CREATE TABLE t(i INTEGER)"));
  {
    auto change = transaction::begin(db).value();
    ASSERT_TRUE(db.run("INSERT INTO t VALUES(1)"));
  }
  auto change = transaction::begin(db).value();
  ASSERT_TRUE(db.run("INSERT INTO t VALUES(2)"));
  ASSERT_TRUE(change.commit());
  integer sum = 0;
  statement<params<>, columns<integer>> all(db, "SELECT i FROM t");
  ASSERT_TRUE(all.each([&](integer i) { sum += i; }));
  EXPECT_EQ(sum, 2);
}

TEST_F(sql_test, migrations_run_once_in_order_and_all_or_nothing) {
  constexpr std::array first{migration{1, "one", "CREATE TABLE a(i INTEGER)"}};
  constexpr std::array bad{migration{1, "one", "CREATE TABLE a(i INTEGER)"}, migration{2, "two", "ALTER TABLE a ADD j INTEGER; nonsense"}};
  constexpr std::array good{migration{1, "one", "CREATE TABLE a(i INTEGER)"}, migration{2, "two", "ALTER TABLE a ADD j INTEGER"}};
  auto db = database::open(folder / "x.db").value();
  ASSERT_TRUE(migrate(db, first, now));
  EXPECT_FALSE(migrate(db, bad, now));
  EXPECT_FALSE(db.run("SELECT j FROM a")) << "half a migration is none";
  ASSERT_TRUE(migrate(db, good, now));
  ASSERT_TRUE(migrate(db, good, now));
  EXPECT_TRUE(db.run("SELECT j FROM a"));
  const auto older = migrate(db, first, now);
  EXPECT_EQ(older.error().code, errc::corrupt);
  EXPECT_NE(older.error().message.find("x.db was written by a newer version"), std::string::npos) << older.error().message;
}

TEST_F(sql_test, files_are_private_and_folders_may_be_links) {
  std::filesystem::create_directory(folder / "real");
  std::filesystem::create_directory_symlink(folder / "real", folder / "link");
  EXPECT_TRUE(database::open(folder / "link" / "x.db"));
  struct stat about {};
  ASSERT_EQ(::stat((folder / "real" / "x.db").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
  std::filesystem::create_symlink(folder / "real" / "x.db", folder / "file-link.db");
  EXPECT_FALSE(database::open(folder / "file-link.db"));
}

TEST_F(sql_test, a_second_connection_leaves_the_locks_of_the_first) {
  const auto file = folder / "x.db";
  auto first = database::open(file).value();
  ASSERT_TRUE(first.run(durable_settings));
  ASSERT_TRUE(first.run("CREATE TABLE t(a INTEGER)"));
  { auto second = database::open(file).value(); }
  const auto rows_elsewhere = [&] {  // another process that opens, reads and closes as the last of all, if it may
    const auto child = fork();
    if (child == 0) {
      int rows = 100;
      {
        auto other = database::open(file);
        std::int64_t found = 0;
        auto count = statement<params<>, columns<std::int64_t>>::prepare(*other, "SELECT count(*) FROM t");
        if (count && count->each([&](std::int64_t n) { found = n; })) rows = static_cast<int>(found);
      }
      _exit(rows);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  };
  ASSERT_TRUE(first.run("INSERT INTO t VALUES(1)"));
  EXPECT_EQ(rows_elsewhere(), 1);
  EXPECT_TRUE(std::filesystem::exists(file.native() + "-wal")) << "it is in use here";
  ASSERT_TRUE(first.run("INSERT INTO t VALUES(2)"));
  EXPECT_EQ(rows_elsewhere(), 2);
}

TEST_F(sql_test, a_damaged_file_is_told_from_others_and_set_aside) {
  const auto file = folder / "x.db";
  const auto write = [&](const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; };
  const auto grow = [&] {
    auto db = database::open(file).value();
    ASSERT_TRUE(db.run(durable_settings));
    ASSERT_TRUE(db.run("CREATE TABLE t(a TEXT)"));
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(db.run("INSERT INTO t VALUES(hex(randomblob(500)))"));
  };
  EXPECT_FALSE(is_damaged(file)) << "there is none";
  grow();
  EXPECT_FALSE(is_damaged(file));
  {
    std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
    bytes.seekp(3 * 4096);
    bytes << std::string(8192, 'x');
  }
  EXPECT_TRUE(is_damaged(file)) << "pages in its middle";
  write("no database at all, but a text that is longer than the head of one, so that SQLite looks at it and says what it is");
  EXPECT_TRUE(is_damaged(file));
  std::ofstream(file.native() + "-wal") << "rest";
  EXPECT_EQ(set_aside(file).value(), folder / "x.db.damaged");
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_FALSE(std::filesystem::exists(file.native() + "-wal"));
  EXPECT_EQ(files_set_aside(folder), std::vector{folder / "x.db.damaged"});
  write("again");
  EXPECT_TRUE(set_aside(file)) << "in the place of the one before";
  EXPECT_EQ(files_set_aside(folder).size(), 1U);
}

TEST_F(sql_test, an_encrypted_file_holds_nothing_readable_and_opens_with_its_key_alone) {
  const std::string word = "CANARY-of-the-database";
  const auto vfs = encrypted_vfs::make(secret{std::string(32, 'k')}, 4096).value();
  {
    auto db = database::open(folder / "x.db", open_mode::read_write_create, vfs->name()).value();
    ASSERT_TRUE(db.run(durable_settings));
    ASSERT_TRUE(db.run("CREATE TABLE t(s TEXT)"));
    statement<params<std::string_view>, columns<>> put(db, "INSERT INTO t VALUES(?)");
    ASSERT_TRUE(put.run(word));
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      std::ifstream in(file.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      EXPECT_EQ(bytes.find(word), std::string::npos) << file.path();
    }
  }
  std::string found;
  auto again = database::open(folder / "x.db", open_mode::read_only, vfs->name()).value();
  statement<params<>, columns<std::string>> get(again, "SELECT s FROM t");
  ASSERT_TRUE(get.each([&](const std::string& s) { found = s; }));
  EXPECT_EQ(found, word);
  const auto other = encrypted_vfs::make(secret{std::string(32, 'x')}, 4096).value();
  auto locked_out = database::open(folder / "x.db", open_mode::read_only, other->name()).value();
  EXPECT_EQ(locked_out.run("SELECT * FROM t").error().code, errc::corrupt);
}

}  // namespace
}  // namespace andon::sql
