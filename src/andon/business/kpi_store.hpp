#pragma once
// Values of KPIs that come from outside, in <data>/kpi.db. What put() has returned survives a power loss.
//
// Life cycle: open → use → destroy. One thread at a time.
#include <filesystem>
#include <memory>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/business/kpi.hpp"
#include "andon/sql/database.hpp"

namespace andon::business {

class kpi_store {
public:
  /// errc as sql::database::open.
  static result<std::unique_ptr<kpi_store>> open(const std::filesystem::path& file, wall_time now);

  /// A value of the same instant takes the place of the one before, which is returned. errc of the database.
  result<std::optional<kpi_value>> put(std::string_view kpi, const kpi_value& one);
  /// In [from, to), ascending.
  result<std::vector<kpi_value>> values(std::string_view kpi, instant from, instant to);

private:
  explicit kpi_store(sql::database db) : db_(std::move(db)) {}
  sql::database db_;
};

}  // namespace andon::business
