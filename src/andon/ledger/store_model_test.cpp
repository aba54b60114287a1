// The store against a naive model: the same ids, in the same order, for every filter.
#include <algorithm>

#include "andon/ledger/filter_match.hpp"
#include "andon/ledger/fts_extract.hpp"
#include "andon/ledger/fts_tokenizer.hpp"
#include "andon/ledger/store_fixture_test.hpp"

namespace andon::ledger {
namespace {

using namespace testing_support;

std::string folded(std::string_view text) {
  std::string out{text};
  for (char& c : out) if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

bool name_matches(const filter_node& n, std::string_view name) {
  const std::string low = folded(name);
  if (n.how == comparison::equal) return low == n.text;
  if (n.how == comparison::prefix) return low.starts_with(n.text);
  if (n.how == comparison::substring) return low.find(n.text) != std::string::npos;
  return !low.empty();
}

std::vector<std::string> words_of_text(std::string_view text) {
  std::vector<std::string> words;
  fts::tokenize(text, [&](std::string_view w) { words.emplace_back(w); }, [&] { words.emplace_back("\n"); });
  return words;
}

bool text_matches(const filter_node& n, std::string_view body) {
  std::string text;
  fts::extract_text(body, text);
  const auto have = words_of_text(text);
  const auto want = words_of_text(n.text);
  for (std::size_t i = 0; !want.empty() && i + want.size() <= have.size(); ++i) {
    bool good = true;
    for (std::size_t k = 0; k < want.size() && good; ++k) {
      const bool front = n.match == text_match::substring && k == 0;
      const bool back = n.match != text_match::words && k + 1 == want.size();
      const std::string& h = have[i + k];
      good = front && back ? h.find(want[k]) != std::string::npos : front ? h.ends_with(want[k]) : back ? h.starts_with(want[k]) : h == want[k];
    }
    if (good) return true;
  }
  return false;
}

std::int64_t number_of(field f, const record& r) {
  switch (f) {
    case field::status: return r.http_status;
    case field::cost: return r.cost.value();
    case field::tokens: return r.use.total().value();
    case field::latency: return r.duration.count();
    case field::ttft: return r.first_token.count();
    case field::started: return r.started.time_since_epoch().count();
    default: ADD_FAILURE(); return 0;
  }
}

bool compare_matches(const filter_node& n, const record& r) {
  switch (n.which) {
    case field::project: return name_matches(n, r.project.view());
    case field::user: return name_matches(n, r.user);
    case field::model: return name_matches(n, r.model.view());
    case field::tag: return std::ranges::any_of(r.tags, [&](const auto& t) { return name_matches(n, t); });
    case field::meta: return std::ranges::any_of(r.metadata, [&](const auto& m) { return folded(m.first + "=" + m.second) == n.text; });
    case field::outcome: return (n.members >> static_cast<int>(r.outcome) & 1) != 0;
    case field::origin: return (n.members >> static_cast<int>(kind_of(r.outcome).from) & 1) != 0;
    case field::stream: return (n.members >> (r.stream ? 1 : 0) & 1) != 0;
    case field::http: return (n.members >> static_cast<int>(r.http) & 1) != 0;
    case field::upstream_http: return (n.members >> static_cast<int>(upstream_http(r)) & 1) != 0;
    default: return number_of(n.which, r) >= n.low && number_of(n.which, r) <= n.high;
  }
}

bool matches(const filter_node& n, const record& r) {
  switch (n.kind) {
    case node_kind::everything: return true;
    case node_kind::all_of: return std::ranges::all_of(n.children, [&](const auto& c) { return matches(c, r); });
    case node_kind::any_of: return std::ranges::any_of(n.children, [&](const auto& c) { return matches(c, r); });
    case node_kind::none_of: return !matches(n.children.front(), r);
    case node_kind::compare: return compare_matches(n, r);
    case node_kind::text:
      return (n.side != text_side::reply && text_matches(n, r.request_body)) || (n.side != text_side::prompt && text_matches(n, r.reply_body));
  }
  return false;
}

std::vector<request_id> expected(const std::deque<record>& records, const filter& f, const scope& visible) {
  std::vector<const record*> found;
  for (const auto& r : records) if (matches(f.root, r) && (!visible.project() || *visible.project() == r.project)) found.push_back(&r);
  std::ranges::sort(found, std::ranges::greater{}, [](const record* r) { return std::pair(r->started, r->id); });
  std::vector<request_id> ids;
  for (const record* r : found) ids.push_back(r->id);
  return ids;
}

std::string random_filter(random_source& random, int depth = 0) {
  constexpr std::string_view leaves[]{"refund", "\"refund order\"", "ref*", "~fund", "late", "\"the late*\"", "中文", "文", "fun-ding", "in:prompt refund", "in:reply \"order late\"", "nosuch",
      "model:gpt-4o", "model:gpt*", "model:~mini", "user:u1", "user:*", "project:shop", "project:none", "status>=500", "cost>0.01", "latency>2s", "tokens<500", "ttft:100ms..200ms", "tag:x", "tag:z",
      "meta.team:a", "outcome:idle_timeout", "error:tim*", "origin:provider", "stream:true", "http:2", "http:1.0,none", "upstream_http:1.1", "since:50m", "until:55m", "~\"ing re\"", "\"please the\""};
  if (depth > 2 || random.below(2) == 0) return std::string{leaves[random.below(std::size(leaves))]};
  const std::string a = random_filter(random, depth + 1), b = random_filter(random, depth + 1);
  switch (random.below(4)) {
    case 0: return "(" + a + ") (" + b + ")";
    case 1: return "((" + a + ") OR (" + b + "))";
    case 2: return "-(" + a + ")";
    default: return "(" + a + ") -(" + b + ")";
  }
}

class store_model : public store_test {};

TEST_F(store_model, finds_what_a_naive_search_finds) {
  fill(730);  // seven segments and a tail
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 730));
  EXPECT_GT(index->status().segments, 5u);
  EXPECT_LT(index->status().durable_rows, 730u);
  std::size_t found = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string text = random_filter(maker.random);
    const scope visible = i % 3 == 0 ? scope::only(project_id{"shop"}) : scope::everything();
    const auto want = expected(journal.records, parse(text), visible);
    ASSERT_EQ(ids(*index, text, visible, 1 + maker.random.below(200)), want) << text;
    found += want.size();
  }
  EXPECT_GT(found, 1000u);
}

TEST_F(store_model, one_record_is_matched_as_the_index_matches_many) {
  fill(300);
  random_source random{7};
  record_encoder encoder;
  int asked = 0;
  for (int i = 0; i < 400; ++i) {
    const auto parsed = parse_filter(random_filter(random), clock.wall());
    ASSERT_TRUE(parsed);
    const auto filter = record_filter::make(*parsed);
    if (!filter) {
      EXPECT_EQ(filter.error().code, errc::invalid_argument);
      continue;
    }
    ++asked;
    for (const auto& r : journal.records) {
      const auto view = record_view::over(encoder.encode(r)).value();
      ASSERT_EQ(filter->matches(view), matches(parsed->root, r)) << to_text(*parsed);
    }
  }
  EXPECT_GT(asked, 100);
}

TEST_F(store_model, aggregates_what_a_naive_sum_gives) {
  fill(430);
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 430));
  const auto got = index->aggregate({.where = parse("stream:true"), .group_by = {"model", "tag"}, .bucket = std::chrono::minutes{2}, .percentiles_of = {measure::latency}, .percentiles = {0.5, 1.0}});
  ASSERT_TRUE(got);
  std::map<std::tuple<std::int64_t, std::string, std::string>, std::pair<std::uint64_t, nano_usd>> want;
  std::uint64_t all = 0;
  std::vector<std::int64_t> latencies;
  for (const auto& r : journal.records) {
    if (!r.stream) continue;
    ++all;
    latencies.push_back(r.duration.count());
    const std::int64_t width = std::chrono::nanoseconds{std::chrono::minutes{2}}.count();
    const std::int64_t bucket = r.started.time_since_epoch().count() / width * width;
    auto tags = r.tags;
    if (tags.empty()) tags.emplace_back();
    for (const auto& t : tags) { auto& [count, cost] = want[{bucket, r.model.str(), t}]; ++count; cost += r.cost; }
  }
  EXPECT_EQ(got->total.count, all);
  ASSERT_EQ(got->groups.size(), want.size());
  for (const auto& g : got->groups) {
    const auto& [count, cost] = want.at({g.bucket_start.time_since_epoch().count(), g.keys[0], g.keys[1]});
    EXPECT_EQ(g.count, count);
    EXPECT_EQ(g.cost, cost);
  }
  std::ranges::sort(latencies);
  const auto exact = static_cast<double>(latencies[(latencies.size() + 1) / 2 - 1]);
  EXPECT_NEAR(got->total.percentiles[0][0], exact, exact * 0.0101);
  const auto few = index->aggregate({.where = {}, .group_by = {"user"}, .max_groups = 2});
  ASSERT_TRUE(few && few->other);
  EXPECT_EQ(few->groups.size(), 2u);
  EXPECT_EQ(few->groups[0].count + few->groups[1].count + few->other->count, 430u);
}

TEST_F(store_model, a_summary_says_what_the_record_says) {
  fill(250);
  const auto index = open();
  ASSERT_TRUE(journal.feed(*index, 250));
  for (const auto& r : journal.records) {
    const auto found = index->find(r.id, scope::everything());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->started, r.started);
    EXPECT_EQ(found->model, r.model.str());
    EXPECT_EQ(found->tags, r.tags);
    EXPECT_EQ(found->metadata, r.metadata);
    EXPECT_EQ(found->cost, r.cost);
    EXPECT_EQ(*get_record(*index, journal, r.id, scope::everything()), r);
    const bool own = r.project == project_id{"shop"};
    EXPECT_EQ(index->find(r.id, scope::only(project_id{"shop"})).has_value(), own);
  }
}

}  // namespace
}  // namespace andon::ledger
