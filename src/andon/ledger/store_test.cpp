// What happens to the store when things go wrong around it.
#include <sqlite3.h>
#include <sys/wait.h>

#include <set>

#include "andon/ledger/export.hpp"
#include "andon/ledger/fts_extract.hpp"
#include "andon/ledger/fts_tokenizer.hpp"
#include "andon/ledger/record_json.hpp"
#include "andon/ledger/retention.hpp"
#include "andon/ledger/store_fixture_test.hpp"

namespace andon::ledger {
namespace {

using namespace testing_support;

TEST_F(store_test, takes_the_same_batch_twice_once) {
  fill(60);
  const auto index = open();
  std::vector<placed_record> batch;
  for (std::size_t i = 0; i < 60; ++i) batch.push_back(journal.at(i));
  EXPECT_EQ(index->apply(batch, {})->added, 60u);
  EXPECT_EQ(index->apply(batch, {})->duplicates, 60u);
  EXPECT_EQ(index->status().rows, 60u);
  EXPECT_EQ(ids(*index, "").size(), 60u);
}

TEST_F(store_test, after_a_kill_at_any_batch_every_record_is_there_once) {
  fill(400);
  std::size_t kept = 0;
  for (std::size_t batches = 1; batches < 9; ++batches) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto index = open_sqlite_store({.directory = directory, .seal_rows = 100}, clock);
      for (std::size_t n = 1; n <= batches; ++n) if (!journal.feed(**index, n * 45, 45)) ::_exit(1);
      ::_exit(0);  // nothing is closed, nothing flushed
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
    const auto index = open();
    for (const auto& c : index->checkpoints()) EXPECT_EQ(c.records, index->status().durable_rows);
    kept = std::max<std::size_t>(kept, index->status().durable_rows);
    ASSERT_TRUE(journal.feed(*index, 400));
    const auto found = ids(*index, "");
    EXPECT_EQ(found.size(), 400u);
    EXPECT_EQ(std::set<request_id>(found.begin(), found.end()).size(), 400u);
    std::filesystem::remove_all(directory);
  }
  EXPECT_GE(kept, 200u);
}

TEST_F(store_test, resumes_where_the_durable_part_ends) {
  fill(250);
  std::size_t durable = 0;
  {
    const auto index = open();
    EXPECT_EQ(index->status().why_rebuilding, "no store");
    ASSERT_TRUE(journal.feed(*index, 250));
    index->rebuilt();
    durable = index->status().durable_rows;
  }
  const auto index = open();
  EXPECT_FALSE(index->status().rebuilding);
  EXPECT_EQ(index->status().rows, durable);
  ASSERT_EQ(index->checkpoints().size(), 1u);
  EXPECT_EQ(index->checkpoints()[0].records, durable);
  EXPECT_EQ(journal.feed(*index, 250)->added, 250 - durable);
  EXPECT_EQ(ids(*index, "").size(), 250u);
}

TEST_F(store_test, a_locked_store_refuses_and_later_takes_the_same_batch) {
  fill(260);
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 120));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((directory / "index.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto refused = journal.feed(*index, 260);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::locked);
  const auto seen = ids(*index, "");
  EXPECT_GE(seen.size(), 120u);
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  ASSERT_TRUE(journal.feed(*index, 260));
  EXPECT_EQ(ids(*index, "").size(), 260u);
}

TEST_F(store_test, a_deleted_store_begins_anew) {
  fill(260);
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 220));
  for (const char* name : {"index.db", "index.db-wal", "index.db-shm"}) std::filesystem::remove(directory / name);
  clock.advance(std::chrono::seconds{1});
  const auto lost = journal.feed(*index, 260);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, errc::corrupt);
  EXPECT_TRUE(index->checkpoints().empty());
  EXPECT_TRUE(index->status().rebuilding);
  EXPECT_FALSE(index->search({.where = {}})->complete);
  ASSERT_TRUE(journal.feed(*index, 260));
  index->rebuilt();
  EXPECT_TRUE(index->search({.where = {}})->complete);
  EXPECT_EQ(ids(*index, "").size(), 260u);
}

TEST_F(store_test, a_corrupt_store_is_put_aside_and_rebuilt) {
  fill(260);
  { const auto index = open(); ASSERT_TRUE(journal.feed(*index, 260)); ASSERT_TRUE(index->flush()); }
  std::fstream file(directory / "index.db", std::ios::in | std::ios::out | std::ios::binary);
  file.write("this was a database once", 24);
  file.close();
  const auto index = open();
  ASSERT_TRUE(index);
  EXPECT_TRUE(index->status().rebuilding);
  EXPECT_TRUE(std::filesystem::exists(directory / "index.db.damaged"));
  ASSERT_TRUE(journal.feed(*index, 260));
  EXPECT_EQ(ids(*index, "").size(), 260u);
}

TEST_F(store_test, damage_inside_is_noticed_and_answered_by_a_rebuild) {
  fill(260);
  { const auto index = open(); ASSERT_TRUE(journal.feed(*index, 260)); ASSERT_TRUE(index->flush()); }
  sqlite3* db = nullptr;
  sqlite3_open((directory / "index.db").c_str(), &db);
  sqlite3_exec(db, "UPDATE chunk SET data = x'00' || data WHERE id % 16777216 >= 65536", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  const auto index = open();
  const auto found = index->search({.where = parse("refund")});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, errc::corrupt);
  EXPECT_EQ(index->apply({}, {}).error().code, errc::corrupt);
  EXPECT_TRUE(std::filesystem::exists(directory / "index.db.damaged"));
  ASSERT_TRUE(journal.feed(*index, 260));
  EXPECT_EQ(ids(*index, "").size(), 260u);
}

TEST_F(store_test, a_store_of_another_schema_is_put_aside_but_is_not_damaged) {
  fill(10);
  { const auto index = open(); ASSERT_TRUE(journal.feed(*index, 10)); ASSERT_TRUE(index->flush()); }
  sqlite3* db = nullptr;
  sqlite3_open((directory / "index.db").c_str(), &db);
  sqlite3_exec(db, "PRAGMA user_version = 77", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  const auto index = open();
  ASSERT_TRUE(index);
  EXPECT_TRUE(index->status().rebuilding);
  EXPECT_TRUE(std::filesystem::exists(directory / "index.db.aside"));
  EXPECT_FALSE(std::filesystem::exists(directory / "index.db.damaged"));
  ASSERT_TRUE(journal.feed(*index, 10));
  EXPECT_EQ(ids(*index, "").size(), 10u);
}

TEST_F(store_test, a_directory_that_cannot_be_written_is_an_error) {
  std::ofstream(directory) << "a file where the directory should be";
  const auto opened = open_sqlite_store({.directory = directory}, clock);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::io_error);
}

TEST_F(store_test, cursors_are_stable_while_records_arrive) {
  fill(500);
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 200));
  const auto before = ids(*index, "");
  std::vector<request_id> seen;
  search_request ask{.where = {}, .limit = 17};
  std::size_t fed = 200;
  do {
    const auto page = index->search(ask);
    ASSERT_TRUE(page);
    for (const auto& row : page->rows) seen.push_back(row.id);
    ask.cursor = page->next;
    ASSERT_TRUE(journal.feed(*index, fed = std::min<std::size_t>(500, fed + 23)));
  } while (!ask.cursor.empty());
  EXPECT_EQ(seen, before);
  ask.cursor = "nonsense";
  EXPECT_EQ(index->search(ask).error().code, errc::invalid_argument);
}

TEST_F(store_test, following_sees_every_match_once) {
  fill(450);
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 40));
  follow_request ask{.where = parse("stream:true"), .after = index->follow_from(), .limit = 7};
  std::vector<request_id> seen, want;
  for (std::size_t i = 40; i < 450; ++i) if (journal.records[i].stream) want.push_back(journal.records[i].id);
  for (std::size_t fed = 40; fed < 450;) {
    ASSERT_TRUE(journal.feed(*index, fed = std::min<std::size_t>(450, fed + 61)));
    for (;;) {
      const auto got = index->follow(ask);
      ASSERT_TRUE(got);
      for (const auto& row : got->rows) seen.push_back(row.id);
      ask.after = got->next;
      if (got->rows.empty()) break;
    }
  }
  EXPECT_EQ(seen, want);
}

TEST_F(store_test, a_question_ends_at_its_deadline_or_when_stopped) {
  fill(260);
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 260));
  EXPECT_EQ(index->search({.where = {}, .wait = {.until = deadline{clock.mono()}}}).error().code, errc::total_timeout);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(index->aggregate({.where = {}, .wait = {.until = {}, .stop = stop.get_token()}}).error().code, errc::cancelled);
}

TEST_F(store_test, encryption_leaves_no_content_in_any_file) {
  key = secret(std::string(32, 'k'));
  fill(350);
  record canary = maker.make();
  canary.request_body = R"({"messages":[{"role":"user","content":"zanzibarcanary flies"}]})";
  canary.user = "zanzibaruser";
  canary.started = start;
  journal.append(canary);
  fill(600);
  const auto clear = [&] {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(in)), {});
      for (const char* word : {"zanzibar", "refund", "gpt-4o", "SQLite format"}) if (bytes.find(word) != std::string::npos) return false;
    }
    return true;
  };
  const pid_t child = ::fork();
  if (child == 0) {
    auto index = open_sqlite_store({.directory = directory, .encryption_key = key, .seal_rows = 100}, clock);
    ::_exit(index && journal.feed(**index, 600) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(clear());
  {
    const auto index = open();
    EXPECT_GE(index->status().durable_rows, 400u);
    ASSERT_TRUE(journal.feed(*index, 600));
    EXPECT_EQ(ids(*index, "zanzibarcanary").size(), 1u);
    EXPECT_EQ(ids(*index, "user:zanzibaruser \"zanzibarcanary flies\"").size(), 1u);
    ASSERT_TRUE(index->flush());
    EXPECT_TRUE(clear());
  }
  key = secret(std::string(32, 'w'));
  const auto other = open();
  EXPECT_TRUE(other->status().rebuilding);
  EXPECT_EQ(other->status().rows, 0u);
}

TEST_F(store_test, retention_removes_rows_and_words_by_project) {
  fill(350);
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 350));
  const wall_time now = start + std::chrono::seconds{360};
  const nanoseconds keep = std::chrono::seconds{100};
  std::uint64_t old_shop = 0, old_all = 0;
  for (const auto& r : journal.records) {
    if (r.started >= now - keep) continue;
    ++old_all;
    if (r.project == project_id{"shop"}) ++old_shop;
  }
  const auto shop = apply_retention(*index, {.keep = {}, .projects = {{project_id{"shop"}, keep}}}, now);
  ASSERT_TRUE(shop);
  EXPECT_EQ(shop->removed, old_shop);
  EXPECT_EQ(ids(*index, "").size(), 350 - old_shop);
  std::size_t words = 0;
  for (const auto& id : ids(*index, "refund")) words += id.is_nil() ? 0 : 1;
  EXPECT_GT(words, 0u);
  ASSERT_EQ(shop->first_needed.size(), 1u);
  EXPECT_LT(shop->first_needed[0].offset, 20u);
  const auto rest = apply_retention(*index, {.keep = keep, .projects = {}}, now);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->removed, old_all - old_shop);
  EXPECT_EQ(ids(*index, "").size(), 350 - old_all);
  EXPECT_GT(rest->first_needed[0].offset, 200u);
  const auto reopened = open();
  ASSERT_TRUE(journal.feed(*reopened, 350));
  EXPECT_EQ(reopened->status().rows, 350 - old_all);
}

TEST_F(store_test, retention_tells_projects_apart_that_differ_in_case) {
  fill(200);
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 200));
  const wall_time now = start + std::chrono::seconds{1000};
  const nanoseconds keep = std::chrono::seconds{100};
  const retention_policy policy{.keep = keep, .projects = {{project_id{"Shop"}, std::chrono::hours{1}}}};
  ASSERT_TRUE(apply_retention(*index, policy, now));
  const auto kept = std::ranges::count(journal.records, project_id{"Shop"}, &record::project);
  EXPECT_GT(kept, 0);
  EXPECT_EQ(static_cast<std::ptrdiff_t>(ids(*index, "").size()), kept);
  EXPECT_TRUE(ids(*index, "", scope::only(project_id{"shop"})).empty());
}

TEST_F(store_test, names_of_any_size_take_little_memory) {
  for (std::size_t i = 0; i < 40; ++i) {
    auto r = maker.make();
    r.error_message = r.user_agent = r.path = std::string(100'000, static_cast<char>('a' + i % 26)) + std::to_string(i);
    r.metadata.clear();
    for (std::size_t n = 0; n < 100; ++n) r.metadata.emplace_back("k" + std::to_string(n), std::to_string(i) + std::string(5'000, 'v'));
    journal.append(std::move(r));
  }
  auto index = open_sqlite_store({.directory = directory, .seal_bytes = 1 << 20}, clock).value();
  std::size_t most = 0;
  for (std::size_t end = 1; end <= 40; ++end) {
    ASSERT_TRUE(journal.feed(*index, end));
    most = std::max<std::size_t>(most, index->status().memory_bytes);
  }
  EXPECT_LT(most, 3u << 20);
  EXPECT_GT(index->status().segments, 0u);
  ASSERT_TRUE(index->flush());
  const auto row = index->find(journal.records[3].id, scope::everything()).value();
  EXPECT_EQ(row.error_message.size(), 1024u);
  EXPECT_EQ(row.user_agent.size(), 256u);
  ASSERT_EQ(row.metadata.size(), 64u);
  EXPECT_EQ(row.metadata[2].second, journal.records[3].metadata[2].second.substr(0, 1024));
}

TEST_F(store_test, a_row_that_cannot_be_sealed_does_not_stop_the_rest) {
  fill(60);
  auto heavy = maker.make();
  heavy.request_body = R"({"messages":[{"role":"user","content":")";
  for (int i = 0; i < 40'000; ++i) heavy.request_body += "again ";
  heavy.request_body += R"("}]})";
  journal.append(std::move(heavy));
  fill(90);
  const store_options options{.directory = directory, .part_bytes = 16 << 10};
  auto index = open_sqlite_store(options, clock).value();
  ASSERT_TRUE(journal.feed(*index, 90));
  ASSERT_TRUE(index->flush());
  EXPECT_EQ(index->status().lost, 1u);
  EXPECT_EQ(index->status().rows, 89u);
  EXPECT_EQ(ids(*index, "").size(), 89u);
  EXPECT_TRUE(ids(*index, "again").empty());
  index.reset();
  index = open_sqlite_store(options, clock).value();
  EXPECT_EQ(ids(*index, "").size(), 89u);
  ASSERT_EQ(index->checkpoints().size(), 1u);
  EXPECT_EQ(index->checkpoints()[0].records, 90u);
  EXPECT_EQ(index->checkpoints()[0].dropped, 1u);
}

TEST_F(store_test, exports_one_object_a_line) {
  fill(130);
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 130));
  std::vector<std::string> lines;
  const auto done = export_jsonl(*index, journal, {.where = parse("stream:true")}, [&](std::string_view line) -> result<void> { lines.emplace_back(line); return {}; });
  ASSERT_TRUE(done);
  const auto want = ids(*index, "stream:true");
  ASSERT_EQ(lines.size(), want.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_TRUE(lines[i].starts_with("{\"id\":\"" + want[i].str() + "\"")) << lines[i];
    EXPECT_EQ(lines[i].find('\n'), lines[i].size() - 1);
    EXPECT_NE(lines[i].find(R"("request":{"model":"chat")"), std::string::npos);
  }
}

TEST(fts, cuts_words_as_documented) {
  const auto words = [](std::string_view text) { std::string out; fts::tokenize(text, [&](std::string_view w) { out.append(w).append("|"); }); return out; };
  EXPECT_EQ(words("Hello, World_1!"), "hello|world_1|");
  EXPECT_EQ(words("ÄRGER Ωmega ПРИВЕТ Ｆｕｌｌ"), "ärger|ωmega|привет|full|");
  EXPECT_EQ(words("退款 in中文"), "退|款|in|中|文|");
  EXPECT_EQ(words("a\xff""b 😀x"), "a|b|😀|x|");
  EXPECT_EQ(words(std::string(100, 'a')), std::string(64, 'a') + "|");
}

TEST(fts, takes_text_from_bodies) {
  const auto text = [](std::string_view body) { std::string out; fts::extract_text(body, out); for (char& c : out) if (c == fts::piece_end) c = '|'; return out; };
  EXPECT_EQ(text(R"({"model":"m","messages":[{"role":"user","content":"hi \"you\"\n中\u4e2d\ud83d\ude00"}],"tools":[{"d":"no"}],"x":"yes"})"), "hi \"you\" 中中😀|yes|");
  EXPECT_EQ(text(R"({"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:x"}},{"text":"b"}]})"), "a|b|");
  EXPECT_EQ(text("plain words"), "plain words");
  EXPECT_EQ(text(R"({"a":"cut)"), R"({"a":"cut)");
  EXPECT_EQ(text(std::string(100'000, '[')), std::string(100'000, '['));
  EXPECT_EQ(text(""), "");
}

}  // namespace
}  // namespace andon::ledger
