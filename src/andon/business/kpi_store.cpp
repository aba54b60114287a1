#include "andon/business/kpi_store.hpp"

#include <array>

#include "andon/sql/statement.hpp"

namespace andon::business {
namespace {

using integer = std::int64_t;

constexpr std::array migrations{sql::migration{1, "values from outside", R"(
  CREATE TABLE kpi_value(kpi TEXT NOT NULL, at INTEGER NOT NULL, value REAL NOT NULL, note TEXT NOT NULL, given INTEGER NOT NULL, PRIMARY KEY(kpi, at)) STRICT, WITHOUT ROWID;
)"}};

integer number(instant at) { return at.time_since_epoch().count(); }

}  // namespace

result<std::unique_ptr<kpi_store>> kpi_store::open(const std::filesystem::path& file, wall_time now) {
  auto db = sql::database::open(file);
  if (!db) return std::unexpected(db.error());
  std::unique_ptr<kpi_store> store{new kpi_store(std::move(*db))};
  if (auto done = store->db_.run(sql::durable_settings); !done) return std::unexpected(done.error());
  if (auto done = sql::migrate(store->db_, migrations, now); !done) return std::unexpected(done.error());
  return store;
}

result<std::vector<kpi_value>> kpi_store::values(std::string_view kpi, instant from, instant to) {
  std::vector<kpi_value> out;
  sql::statement<sql::params<std::string_view, integer, integer>, sql::columns<integer, double, std::string, integer>> some(
      db_, "SELECT at, value, note, given FROM kpi_value WHERE kpi = ? AND at >= ? AND at < ? ORDER BY at");
  auto done = some.each([&](integer at, double value, std::string note, integer given) { out.push_back({instant{seconds{at}}, value, std::move(note), instant{seconds{given}}}); },
                        kpi, number(from), number(to));
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<std::optional<kpi_value>> kpi_store::put(std::string_view kpi, const kpi_value& one) {
  auto changing = sql::transaction::begin(db_);
  if (!changing) return std::unexpected(std::move(changing.error()));
  auto before = values(kpi, one.at, one.at + seconds{1});
  if (!before) return std::unexpected(std::move(before.error()));
  sql::statement<sql::params<std::string_view, integer, double, std::string_view, integer>, sql::columns<>> write(db_, "INSERT OR REPLACE INTO kpi_value VALUES(?,?,?,?,?)");
  if (auto done = write.run(kpi, number(one.at), one.value, one.note, number(one.given)); !done) return std::unexpected(std::move(done.error()));
  if (auto done = changing->commit(); !done) return std::unexpected(std::move(done.error()));
  return before->empty() ? std::nullopt : std::optional(std::move(before->front()));
}

}  // namespace andon::business
