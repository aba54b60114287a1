#include "andon/slo/decision_store.hpp"

#include <array>
#include <boost/json.hpp>

#include "andon/sql/statement.hpp"

namespace andon::slo {
namespace {

namespace json = boost::json;
using sql::columns;
using sql::params;
using sql::statement;
using integer = std::int64_t;
using text = std::string;
using view = std::string_view;
using maybe = std::optional<std::int64_t>;

constexpr std::array migrations{sql::migration{1, "decisions and plans", R"(
  CREATE TABLE decision(number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, act INTEGER NOT NULL, subject TEXT NOT NULL, policy TEXT NOT NULL,
    objective TEXT NOT NULL, step TEXT NOT NULL, severity TEXT NOT NULL, reason TEXT NOT NULL, evidence TEXT NOT NULL, settings TEXT NOT NULL, window_begin INTEGER NOT NULL,
    done INTEGER, outcome TEXT NOT NULL, ended INTEGER, ended_by TEXT NOT NULL, end_reason TEXT NOT NULL, waived INTEGER NOT NULL) STRICT;
  CREATE INDEX decision_standing ON decision(number) WHERE ended IS NULL OR waived = 1;
  CREATE INDEX decision_objective ON decision(objective, number);
  CREATE TABLE plan(number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, hash TEXT NOT NULL, standing TEXT NOT NULL, text TEXT NOT NULL) STRICT;
  CREATE TABLE instead(one INTEGER PRIMARY KEY CHECK(one = 1), plan INTEGER NOT NULL, decision INTEGER NOT NULL, against TEXT NOT NULL) STRICT;
)"}};

integer number(instant at) { return at.time_since_epoch().count(); }
instant time_of(integer n) { return instant{seconds{n}}; }
std::optional<instant> time_of(maybe n) { return n ? std::optional(time_of(*n)) : std::nullopt; }
maybe number(const std::optional<instant>& at) { return at ? maybe(number(*at)) : std::nullopt; }

using decision_columns = columns<integer, integer, text, integer, text, text, text, text, text, text, text, text, integer, maybe, text, maybe, text, text, integer>;

/// Makes a Decision of a row.
auto into(std::vector<decision>& out) {
  return [&out](integer n, integer at, text who, integer act, text subject, text policy, text objective, text step, text severity, text reason, text evidence, text settings,
                integer window, maybe done, text outcome, maybe ended, text by, text why, integer waived) {
    out.push_back({n, time_of(at), std::move(who), static_cast<decision_act>(act), std::move(subject), std::move(policy), std::move(objective), std::move(step), std::move(severity),
                   std::move(reason), std::move(evidence), std::move(settings), time_of(window), time_of(done), std::move(outcome), time_of(ended), std::move(by), std::move(why), waived != 0});
  };
}

std::string standing_text(const std::vector<std::pair<std::string, double>>& from) {
  json::object out;
  for (const auto& [name, left] : from) out[name] = left;
  return json::serialize(out);
}

std::vector<std::pair<std::string, double>> standing_of(const std::string& from) {
  std::vector<std::pair<std::string, double>> out;
  boost::system::error_code failed;
  const auto read = json::parse(from, failed);
  if (failed || !read.is_object()) return out;
  for (const auto& [name, left] : read.get_object())
    if (left.is_number()) out.emplace_back(std::string(name), left.to_number<double>());
  return out;
}

template <class T>
result<void> only_fault(const result<T>& of) {
  if (!of) return std::unexpected(of.error());
  return {};
}

}  // namespace

result<std::unique_ptr<decision_store>> decision_store::open(const std::filesystem::path& file, wall_time now, text_keeper texts) {
  auto db = sql::database::open(file);
  if (!db) return std::unexpected(std::move(db.error()));
  std::unique_ptr<decision_store> out{new decision_store(std::move(*db), std::move(texts))};
  if (auto done = out->db_.run(sql::durable_settings); !done) return std::unexpected(std::move(done.error()));
  if (auto done = sql::migrate(out->db_, migrations, now); !done) return std::unexpected(std::move(done.error()));
  return out;
}

result<void> decision_store::together(const std::function<result<void>()>& work) {
  auto all = sql::transaction::begin(db_);
  if (!all) return std::unexpected(std::move(all.error()));
  if (auto done = work(); !done) return done;
  return all->commit();
}

result<void> decision_store::begin(decision& one, std::optional<rolled_back> instead) {
  const std::lock_guard hold(lock_);
  std::int64_t given = 0;
  auto kept = together([&]() -> result<void> {
    statement<params<integer, view, integer, view, view, view, view, view, view, view, view, integer, maybe, view, maybe, view, view, integer>, columns<integer>> put(
        db_, "INSERT INTO decision(at, who, act, subject, policy, objective, step, severity, reason, evidence, settings, window_begin, done, outcome, ended, ended_by, end_reason, waived) "
             "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING number");
    const auto done = put.each([&](integer n) { given = n; }, number(one.at), one.who, static_cast<integer>(one.act), one.subject, one.policy, one.objective, one.step, one.severity, one.reason,
                               one.evidence, one.settings, number(one.window_begin), number(one.done), one.outcome, number(one.ended), one.ended_by, one.end_reason, one.waived ? 1 : 0);
    if (!done || !instead) return only_fault(done);
    statement<params<integer, integer, view>, columns<>> note(db_, "INSERT OR REPLACE INTO instead VALUES(1,?,?,?)");
    return note.run(instead->plan, given, instead->against);
  });
  if (kept) one.number = given;
  return kept;
}

result<void> decision_store::carried_out(std::int64_t number_of, instant at, const std::string& outcome) {
  const std::lock_guard hold(lock_);
  statement<params<integer, view, integer>, columns<>> set(db_, "UPDATE decision SET done = ?, outcome = ? WHERE number = ?");
  return set.run(number(at), outcome, number_of);
}

result<void> decision_store::end(std::int64_t number_of, instant at, const std::string& who, const std::string& why, bool waived) {
  const std::lock_guard hold(lock_);
  statement<params<integer, view, view, integer, integer>, columns<>> set(db_, "UPDATE decision SET ended = ?, ended_by = ?, end_reason = ?, waived = ? WHERE number = ?");
  return set.run(number(at), who, why, waived ? 1 : 0, number_of);
}

result<void> decision_store::forget_waiver(std::int64_t number_of) {
  const std::lock_guard hold(lock_);
  statement<params<integer>, columns<>> set(db_, "UPDATE decision SET waived = 0 WHERE number = ?");
  return set.run(number_of);
}

result<std::vector<decision>> decision_store::standing() {
  const std::lock_guard hold(lock_);
  std::vector<decision> out;
  statement<params<>, decision_columns> all(db_, "SELECT * FROM decision WHERE ended IS NULL OR waived = 1 ORDER BY number");
  if (const auto done = all.each(into(out)); !done) return std::unexpected(done.error());
  return out;
}

result<std::optional<decision>> decision_store::find(std::int64_t number_of) {
  const std::lock_guard hold(lock_);
  std::vector<decision> out;
  statement<params<integer>, decision_columns> one(db_, "SELECT * FROM decision WHERE number = ?");
  if (const auto done = one.each(into(out), number_of); !done) return std::unexpected(done.error());
  return out.empty() ? std::nullopt : std::optional(std::move(out.front()));
}

result<decision_page> decision_store::list(const decision_query& query) {
  const std::lock_guard hold(lock_);
  const auto act = query.act.empty() ? std::nullopt : parse_decision_act(query.act);
  if (!query.act.empty() && !act) return fail(errc::invalid_argument, "act is notify, freeze, tighten, roll-back or override", "act");
  decision_page out;
  statement<params<integer, view, view, view, view, integer, integer, integer, integer, integer, integer>, decision_columns> rows(
      db_, "SELECT * FROM decision WHERE (? = 0 OR ended IS NULL) AND (? = '' OR objective = ?) AND (? = '' OR policy = ?) AND (? < 0 OR act = ?) AND at >= ? AND at < ? AND number < ? "
           "ORDER BY number DESC LIMIT ?");
  const integer wanted = act ? static_cast<integer>(*act) : -1;
  const auto limit = static_cast<integer>(query.limit);
  const auto done = rows.each(into(out.rows), query.open ? 1 : 0, query.objective, query.objective, query.policy, query.policy, wanted, wanted,
                              query.since ? number(*query.since) : std::numeric_limits<integer>::min(), query.until ? number(*query.until) : std::numeric_limits<integer>::max(),
                              query.before.value_or(std::numeric_limits<integer>::max()), limit + 1);
  if (!done) return std::unexpected(done.error());
  if (out.rows.size() > query.limit) {
    out.rows.pop_back();
    out.next = out.rows.back().number;
  }
  return out;
}

result<void> decision_store::put(plan_entry& one, std::size_t keep) {
  const std::lock_guard hold(lock_);
  std::int64_t given = 0;
  const auto whole = texts_.seal ? texts_.seal(one.text) : result<std::string>(one.text);
  if (!whole) return std::unexpected(whole.error());
  auto kept = together([&]() -> result<void> {
    statement<params<integer, view, view, view, view>, columns<integer>> put(db_, "INSERT INTO plan(at, who, hash, standing, text) VALUES(?,?,?,?,?) RETURNING number");
    const auto done = put.each([&](integer n) { given = n; }, number(one.at), one.who, one.hash, standing_text(one.standing), *whole);
    if (!done) return only_fault(done);
    statement<params<integer>, columns<>> prune(
        db_, "DELETE FROM plan WHERE number NOT IN (SELECT number FROM plan ORDER BY number DESC LIMIT ?) AND number NOT IN (SELECT plan FROM instead)");
    return prune.run(static_cast<integer>(keep));
  });
  if (kept) one.number = given;
  return kept;
}

result<std::vector<plan_entry>> decision_store::plans() {
  const std::lock_guard hold(lock_);
  std::vector<plan_entry> out;
  statement<params<>, columns<integer, integer, text, text, text>> all(db_, "SELECT number, at, who, hash, standing FROM plan ORDER BY number DESC");
  const auto done = all.each([&](integer n, integer at, text who, text hash, const text& standing) { out.push_back({n, time_of(at), std::move(who), std::move(hash), standing_of(standing), {}}); });
  if (!done) return std::unexpected(done.error());
  return out;
}

result<std::optional<plan_entry>> decision_store::plan(std::int64_t number_of) {
  const std::lock_guard hold(lock_);
  std::optional<plan_entry> out;
  statement<params<integer>, columns<integer, integer, text, text, text, text>> one(db_, "SELECT * FROM plan WHERE number = ?");
  const auto done = one.each([&](integer n, integer at, text who, text hash, const text& standing, text whole) { out = plan_entry{n, time_of(at), std::move(who), std::move(hash), standing_of(standing), std::move(whole)}; },
                             number_of);
  if (!done) return std::unexpected(done.error());
  if (!out || !texts_.open) return out;
  auto plain = texts_.open(out->text);
  if (!plain) return std::unexpected(std::move(plain.error()));
  out->text = std::move(*plain);
  return out;
}

result<std::optional<rolled_back>> decision_store::instead_of_file() {
  const std::lock_guard hold(lock_);
  std::optional<rolled_back> out;
  statement<params<>, columns<integer, integer, text>> one(db_, "SELECT plan, decision, against FROM instead");
  const auto done = one.each([&](integer plan, integer decision, text against) { out = rolled_back{plan, decision, std::move(against)}; });
  if (!done) return std::unexpected(done.error());
  return out;
}

result<void> decision_store::set_instead(const rolled_back& what) {
  const std::lock_guard hold(lock_);
  statement<params<integer, integer, view>, columns<>> note(db_, "INSERT OR REPLACE INTO instead VALUES(1,?,?,?)");
  return note.run(what.plan, what.decision, what.against);
}

result<void> decision_store::file_in_force() {
  const std::lock_guard hold(lock_);
  return db_.run("DELETE FROM instead");
}

}  // namespace andon::slo
