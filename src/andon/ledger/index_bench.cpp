// What indexing costs and how fast searches are.  andon_ledger_bench --benchmark_filter=index
// The rows that index_searches fills first come from ANDON_INDEX_ROWS (default 100,000).
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <unistd.h>

#include "andon/base/random.hpp"
#include "andon/ledger/filter.hpp"
#include "andon/ledger/store.hpp"

namespace andon::ledger {
namespace {

/// Words by Zipf's law from a vocabulary of 30,000.
class word_source {
public:
  explicit word_source(std::uint64_t seed) : random_(seed) {
    for (std::uint32_t i = 0; i < 30'000; ++i) {
      std::string word;
      for (std::uint64_t v = (i + 7) * 2654435761u % 4294967291u, n = 2 + random_.below(7); n != 0; --n, v /= 19) word.push_back("etaoinshrdlucmfwypv"[v % 19]);
      words_.push_back(word + (i < 400 ? "" : fmt::format("{}", static_cast<char>('a' + i % 26))));
    }
  }
  void append(std::string& out, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto rank = static_cast<std::size_t>(std::exp(random_.unit() * std::log(30'000.0))) - 1;
      out.append(words_[std::min<std::size_t>(rank, words_.size() - 1)]).push_back(' ');
    }
  }
  random_source& random() { return random_; }

private:
  random_source random_;
  std::vector<std::string> words_;
};

struct traffic {
  word_source words{7};
  record_encoder encoder;
  std::uint64_t n = 0;
  std::size_t least = 60, spread = 40;

  record make() {
    record r;
    auto& random = words.random();
    ++n;
    r.started = wall_time{std::chrono::seconds{1'760'000'000}} + std::chrono::milliseconds{n};
    r.id = request_id::make(r.started, random);
    r.project = project_id{fmt::format("p{}", random.below(20))};
    r.key = key_id{fmt::format("key_{}", random.below(200))};
    r.user = fmt::format("u{}", random.below(5000));
    r.op = operation::chat;
    r.method = "POST";
    r.path = "/v1/chat/completions";
    r.route = route_name{"chat"};
    r.model = model_name{random.below(3) == 0 ? "haiku" : "gpt-4o-mini"};
    r.provider = provider_name{"openai"};
    r.upstream_model = "gpt-4o-mini-2024-07-18";
    r.http_status = random.below(1000) == 0 ? 502 : 200;
    r.outcome = r.http_status == 200 ? errc::none : errc::upstream_error;
    r.duration = std::chrono::microseconds{200'000 + random.below(3'000'000)};
    r.first_token = r.duration / 3;
    r.cost = nano_usd{static_cast<std::int64_t>(random.below(2'000'000))};
    r.price = price_state::known;
    r.use.input = tokens{static_cast<std::int64_t>(80 + random.below(100))};
    r.use.output = tokens{static_cast<std::int64_t>(80 + random.below(100))};
    r.client_address = "10.0.0.7";
    r.user_agent = "OpenAI/Python 1.50.0";
    r.content_type = "application/json";
    r.request_body = R"({"model":"chat","messages":[{"role":"system","content":"You are helpful."},{"role":"user","content":")";
    words.append(r.request_body, least + random.below(spread));
    r.request_body += R"("}]})";
    r.reply_body = R"({"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":")";
    words.append(r.reply_body, least + random.below(spread));
    r.reply_body += R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":100}})";
    if (n % 100'000 == 77) r.reply_body.insert(r.reply_body.find("content\":\"") + 10, "rare needle found ");
    r.request_bytes = r.request_body.size();
    r.reply_bytes = r.reply_body.size();
    return r;
  }
  std::vector<unsigned char> encoded() {
    const record r = make();
    const auto bytes = encoder.encode(r);
    return {bytes.begin(), bytes.end()};
  }
};

struct scratch {
  std::filesystem::path path = std::filesystem::temp_directory_path() / fmt::format("andon-index-bench-{}", ::getpid());
  scratch() { std::filesystem::remove_all(path); std::filesystem::create_directories(path); }
  ~scratch() { std::filesystem::remove_all(path); }
};

void index_short_chats(benchmark::State& state) {
  const scratch dir;
  const andon::system_clock clock;
  store_options options{.directory = dir.path};
  if (state.range(1) != 0) options.encryption_key = secret(std::string(32, 'k'));
  auto index = open_sqlite_store(options, clock);
  traffic load;
  load.least = static_cast<std::size_t>(state.range(0));
  load.spread = std::max<std::size_t>(1, load.least * 2 / 3);
  std::vector<std::vector<unsigned char>> bytes;
  std::uint64_t offset = 0, rows = 0;
  for (auto _ : state) {
    state.PauseTiming();
    bytes.clear();
    for (int i = 0; i < 4096; ++i) bytes.push_back(load.encoded());
    state.ResumeTiming();
    std::vector<placed_record> batch;
    for (const auto& b : bytes) batch.push_back({*record_view::over(b), {0, 1, ++offset}});
    const checkpoint reached{{0, 1, offset + 1}, offset, 0};
    if (!(*index)->apply(batch, {&reached, 1})) state.SkipWithError("apply failed");
    rows += batch.size();
  }
  const auto sealed = (*index)->flush();
  state.counters["rows/s"] = benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsRate);
  state.counters["disk_bytes/row"] = static_cast<double>((*index)->status().disk_bytes) / static_cast<double>(rows);
}
BENCHMARK(index_short_chats)->Args({60, 0})->Args({60, 1})->Args({5, 0})->Iterations(32)->Unit(benchmark::kMillisecond);

/// The yardstick: the same words through FTS5 with its own tokenizer, contentless, tuned for bulk.
void index_yardstick_fts5(benchmark::State& state) {
  const scratch dir;
  sqlite3* db = nullptr;
  sqlite3_open((dir.path / "fts.db").c_str(), &db);
  sqlite3_exec(db, "PRAGMA page_size=32768; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE VIRTUAL TABLE f USING fts5(p, r, content='', columnsize=0, tokenize='ascii');"
                   "INSERT INTO f(f, rank) VALUES('hashsize', 33554432); INSERT INTO f(f, rank) VALUES('automerge', 0);", nullptr, nullptr, nullptr);
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO f(rowid, p, r) VALUES(?, ?, ?)", -1, &insert, nullptr);
  traffic load;
  std::int64_t rows = 0;
  std::vector<std::pair<std::string, std::string>> texts(4096);
  for (auto _ : state) {
    state.PauseTiming();
    for (auto& [p, r] : texts) { p.clear(); r.clear(); load.words.append(p, 60 + load.words.random().below(40)); load.words.append(r, 60 + load.words.random().below(40)); }
    state.ResumeTiming();
    sqlite3_exec(db, "BEGIN", nullptr, nullptr, nullptr);
    for (const auto& [p, r] : texts) {
      sqlite3_bind_int64(insert, 1, ++rows);
      sqlite3_bind_text(insert, 2, p.data(), static_cast<int>(p.size()), SQLITE_STATIC);
      sqlite3_bind_text(insert, 3, r.data(), static_cast<int>(r.size()), SQLITE_STATIC);
      sqlite3_step(insert);
      sqlite3_reset(insert);
    }
    sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
  }
  state.counters["rows/s"] = benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsRate);
  sqlite3_finalize(insert);
  sqlite3_close(db);
}
BENCHMARK(index_yardstick_fts5)->Iterations(16)->Unit(benchmark::kMillisecond);

void fill(store& index, std::uint64_t rows) {
  traffic load;
  std::vector<std::vector<unsigned char>> bytes;
  for (std::uint64_t done = 0; done < rows;) {
    bytes.clear();
    for (; bytes.size() < 4096 && done < rows; ++done) bytes.push_back(load.encoded());
    std::vector<placed_record> batch;
    std::uint64_t offset = done - bytes.size();
    for (const auto& b : bytes) batch.push_back({*record_view::over(b), {0, 1, ++offset}});
    const checkpoint reached{{0, 1, offset + 1}, offset, 0};
    if (const auto applied = index.apply(batch, {&reached, 1}); !applied) std::fprintf(stderr, "%s\n", applied.error().message.c_str());
  }
  (void)index.flush();
}

void time_searches(const store& index, const andon::clock& clock, wall_time end) {
  word_source words(7);
  std::string common, rare;
  for (const std::string_view text : {"needle", "\"rare needle found\"", "status>=500", "user:u77", "status>=500 user:u77", "needle model:haiku", "latency>3190ms cost>0.0019",
                                      "tokens>357", "needle -model:haiku", "nee*", "~eedl", "nosuchword", "since:1h", "since:1h status>=500", "project:p3 needle", "", "project:none"}) {
    const auto parsed = parse_filter(text, end);
    if (!parsed) { std::printf("%s\n", to_error(parsed.error(), text).message.c_str()); continue; }
    search_request ask{.where = *parsed};
    double best = 1e9;
    std::size_t found = 0;
    for (int i = 0; i < 3; ++i) {
      const auto begin = clock.mono();
      const auto page = index.search(ask);
      best = std::min(best, std::chrono::duration<double, std::milli>(clock.mono() - begin).count());
      found = page ? page->rows.size() : 0;
    }
    std::printf("%-32s %8.2f ms  %zu rows\n", std::string(text).c_str(), best, found);
  }
  aggregate_request sums{.where = {}, .group_by = {"model"}, .percentiles_of = {measure::latency}};
  const auto begin = clock.mono();
  const auto groups = index.aggregate(sums);
  std::printf("%-32s %8.2f ms  %zu groups\n", "aggregate by model, p50-p99", std::chrono::duration<double, std::milli>(clock.mono() - begin).count(), groups ? groups->groups.size() : 0);
}

int with_rows(std::uint64_t rows) {
  const scratch dir;
  const andon::system_clock clock;
  auto index = open_sqlite_store({.directory = dir.path}, clock);
  if (!index) { std::fprintf(stderr, "%s\n", index.error().message.c_str()); return 1; }
  fill(**index, rows);
  const auto status = (*index)->status();
  std::printf("%llu rows, %llu segments, %.0f bytes a row on disk\n", static_cast<unsigned long long>(status.rows), static_cast<unsigned long long>(status.segments), static_cast<double>(status.disk_bytes) / static_cast<double>(rows));
  time_searches(**index, clock, wall_time{std::chrono::seconds{1'760'000'000}} + std::chrono::milliseconds{rows});
  return 0;
}

/// Fills a store with ANDON_INDEX_ROWS short chats and prints the time of typical searches.
[[maybe_unused]] void index_searches(benchmark::State& state) {
  const char* rows = std::getenv("ANDON_INDEX_ROWS");
  std::uint64_t n = 100'000;
  if (rows != nullptr) std::from_chars(rows, rows + std::char_traits<char>::length(rows), n);
  for (auto _ : state) if (with_rows(n) != 0) state.SkipWithError("cannot fill the store");
}
BENCHMARK(index_searches)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace andon::ledger
