#pragma once
// Where agreements and KPIs are asked about: puts together what the watch counted, what was agreed, which incidents there
// were, and what was issued or told from outside before.
//
// Life cycle: construct → adopt() a plan, again after each reload → ask. Threads: any.
#include <functional>
#include <memory>
#include <mutex>

#include "andon/base/clock.hpp"
#include "andon/business/archive.hpp"
#include "andon/business/kpi_store.hpp"
#include "andon/business/statement.hpp"
#include "andon/slo/watch.hpp"

namespace andon::business {

struct business_plan {
  std::vector<agreement> agreements;
  std::vector<kpi_spec> kpis;
};

struct desk_sources {
  std::function<std::shared_ptr<slo::watch>()> watch;   ///< null: it is not there now
  std::function<result<std::vector<told_incident>>(instant from, instant to)> incidents;
};

/// One file of a statement.
struct document {
  std::string bytes;
  form as = form::json;
  bool issued = false;
  std::int64_t revision = 0;
};

class desk {
public:
  desk(const std::filesystem::path& data, const clock& time, desk_sources from, ledger::file_operations& files = ledger::file_operations::machine());
  desk(const desk&) = delete;  // handed out by reference
  desk& operator=(const desk&) = delete;
  ~desk();

  void adopt(business_plan plan);
  [[nodiscard]] std::vector<agreement> agreements() const;
  /// errc::not_found.
  [[nodiscard]] result<agreement> agreement_of(std::string_view name) const;

  /// The month as it is counted now. errc: not_found, invalid_argument (the month has not begun, or is older than sums are
  /// kept), unavailable (no watch).
  result<statement> preliminary(std::string_view name, const month& when);
  /// What was issued, revision 0: the last one; else the preliminary one. errc as preliminary().
  result<document> get(std::string_view name, const month& when, std::int64_t revision, form as);
  [[nodiscard]] std::vector<issued_about> issued(std::string_view name) const { return archive_.list(name); }
  struct issuance { std::int64_t revision = 0; bool made = false; };
  /// Issues the month once; a second time says only that it was. With a reason: a further revision. errc: conflict (the
  /// month is not over or not wholly counted; a reason, but nothing issued before), disk_full, io_error.
  result<issuance> issue(std::string_view name, const month& when, const std::string& reason);

  struct due_issue { std::string agreement; month when; result<issuance> done; };
  /// Issues the months that are over for as long as their agreements wait, oldest first; those of the last year that were
  /// missed too. A month in which the gateway never ran is left out: there is nothing to tell of it.
  std::vector<due_issue> issue_due();

  [[nodiscard]] std::vector<kpi_spec> kpis() const;
  result<std::vector<kpi_report>> reports();
  /// errc::not_found.
  result<kpi_report> report(std::string_view name);
  /// The value before of the same instant. errc: not_found, conflict (it is measured), invalid_argument, io_error, disk_full.
  result<std::optional<kpi_value>> put_value(std::string_view name, kpi_value one);

private:
  result<std::shared_ptr<slo::watch>> watching() const;
  [[nodiscard]] result<kpi_spec> kpi_of(std::string_view name) const;
  [[nodiscard]] std::vector<month> due(const agreement& of, instant now) const;
  result<void> is_over(const agreement& of, const month& when);
  result<kpi_report> report_of(const kpi_spec& what, slo::watch* watch);
  result<std::vector<kpi_window>> from_outside(const kpi_spec& what, const std::vector<time_span>& windows);
  result<kpi_store*> store();   ///< under lock_

  std::filesystem::path data_;
  const clock& time_;
  desk_sources from_;
  archive archive_;
  mutable std::mutex lock_;
  business_plan plan_;
  std::unique_ptr<kpi_store> store_;
};

}  // namespace andon::business
