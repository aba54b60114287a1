#pragma once
// Records made up for tests of the store, and a store in a directory of its own.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>
#include <fstream>

#include "andon/base/random.hpp"
#include "andon/base/testing_place.hpp"
#include "andon/ledger/filter.hpp"
#include "andon/ledger/store.hpp"

namespace andon::ledger::testing_support {

inline const wall_time start{std::chrono::seconds{1'760'000'000}};

class record_maker {
public:
  explicit record_maker(std::uint64_t seed) : random(seed) {}
  record make() {
    record r;
    ++n_;
    r.started = start + std::chrono::seconds{n_ + static_cast<std::int64_t>(random.below(3))};
    r.id = request_id::make(r.started, random);
    r.project = project_id{pick({"shop", "bank", "Shop", ""})};
    r.key = key_id{pick({"key_1", "key_2"})};
    r.user = pick({"u1", "u2", "u3", ""});
    r.op = operation::chat;
    r.method = "POST";
    r.path = "/v1/chat/completions";
    r.route = route_name{"chat"};
    r.model = model_name{pick({"gpt-4o", "gpt-4o-mini", "haiku"})};
    r.provider = provider_name{pick({"openai", "claude"})};
    r.stream = random.below(2) == 0;
    r.http_status = random.below(4) == 0 ? 504 : 200;
    r.http = static_cast<http_version>(n_ % 4);
    if (n_ % 5 != 0) r.attempts.emplace_back().http = static_cast<http_version>(n_ % 3);
    r.outcome = r.http_status == 200 ? errc::none : random.below(2) == 0 ? errc::idle_timeout : errc::connect_failed;
    r.duration = std::chrono::milliseconds{random.below(4000)};
    r.first_token = std::chrono::milliseconds{random.below(400)};
    r.cost = nano_usd{static_cast<std::int64_t>(random.below(20'000'000))};
    r.price = price_state::known;
    r.use.input = tokens{static_cast<std::int64_t>(random.below(2000))};
    r.use.output = tokens{static_cast<std::int64_t>(random.below(100))};
    if (random.below(3) == 0) r.tags.push_back(pick({"x", "y"}));
    if (random.below(3) == 0) r.tags.push_back("z");
    if (random.below(3) == 0) r.metadata.emplace_back("team", pick({"a", "b"}));
    r.request_body = fmt::format(R"({{"model":"chat","messages":[{{"role":"user","content":"{}"}}]}})", words());
    r.reply_body = fmt::format(R"({{"id":"x","choices":[{{"message":{{"role":"assistant","content":"{}"}}}}]}})", words());
    r.request_bytes = r.request_body.size();
    r.reply_bytes = r.reply_body.size();
    return r;
  }
  std::string words() {
    std::string out;
    for (std::uint64_t n = 1 + random.below(6); n != 0; --n) out += pick({"refund", "order", "late", "Refunded", "please", "中文", "the", "fun-ding"}) + " ";
    return out;
  }
  std::string pick(std::initializer_list<const char*> from) { return *(from.begin() + random.below(from.size())); }
  random_source random;

private:
  std::int64_t n_ = 0;
};

/// The journal's stand-in: Records in order, position = number.
class fake_journal final : public record_source {
public:
  void append(record r) {
    record_encoder encoder;
    const auto bytes = encoder.encode(r);
    bytes_.emplace_back(bytes.begin(), bytes.end());
    records.push_back(std::move(r));
  }
  [[nodiscard]] placed_record at(std::size_t i) const { return {*record_view::over(bytes_[i]), {0, 1, i + 1}}; }
  result<record> read(position p) const override {
    if (p.offset == 0 || p.offset > records.size()) return fail(errc::not_found, "no such entry");
    return records[p.offset - 1];
  }
  /// Applies everything from the store's visible position to `end`.
  result<applied> feed(store& to, std::size_t end, std::size_t batch_rows = 50) const {
    std::size_t from = 0;
    for (const auto& c : to.visible_until()) from = c.next.offset - 1;
    applied sum;
    while (from < end) {
      std::vector<placed_record> batch;
      for (; from < end && batch.size() < batch_rows; ++from) batch.push_back(at(from));
      const checkpoint reached{{0, 1, from + 1}, from, 0};
      const auto done = to.apply(batch, {&reached, 1});
      if (!done) return done;
      sum.added += done->added;
      sum.duplicates += done->duplicates;
    }
    return sum;
  }
  std::deque<record> records;

private:
  std::deque<std::vector<unsigned char>> bytes_;
};

class store_test : public ::testing::Test {
protected:
  store_test() : directory(andon::testing_support::testing_place() / fmt::format("andon-store-{}-{}", ::getpid(), ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(directory);
  }
  ~store_test() override { std::filesystem::remove_all(directory); }

  std::unique_ptr<store> open() {
    auto opened = open_sqlite_store({.directory = directory, .encryption_key = key, .seal_rows = 100}, clock);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    return opened ? std::move(*opened) : nullptr;
  }
  void fill(std::size_t n) { while (journal.records.size() < n) journal.append(maker.make()); }
  static filter parse(std::string_view text) {
    auto f = parse_filter(text, start + std::chrono::hours{1});
    EXPECT_TRUE(f) << text;
    return f ? *f : filter{};
  }
  std::vector<request_id> ids(const store& from, std::string_view text, scope visible = scope::everything(), std::size_t page_rows = 1000) {
    std::vector<request_id> out;
    search_request ask{.where = parse(text), .visible = std::move(visible), .cursor = {}, .limit = page_rows};
    do {
      const auto page = from.search(ask);
      EXPECT_TRUE(page) << (page ? "" : page.error().message);
      if (!page) break;
      for (const auto& row : page->rows) out.push_back(row.id);
      ask.cursor = page->next;
    } while (!ask.cursor.empty());
    return out;
  }

  std::filesystem::path directory;
  secret key{};
  simulated_clock clock;
  record_maker maker{11};
  fake_journal journal;
};

}  // namespace andon::ledger::testing_support
