#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/json_text.hpp"
#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"
#include "andon/ledger/export.hpp"
#include "andon/ledger/journal_reader.hpp"
#include "andon/ledger/record_json.hpp"
#include "andon/ledger/store.hpp"

namespace andon::admin::handlers {
namespace {

namespace json = boost::json;

ledger::scope visible_to(const request& asked) {
  return asked.who->project.empty() ? ledger::scope::everything() : ledger::scope::only(asked.who->project);
}

std::unexpected<error> switched_off() { return fail(errc::unavailable, "the ledger is switched off (ledger.enabled)"); }

result<ledger::filter> read_filter(const request& asked) {
  const auto text = asked.query.text("q");
  auto parsed = ledger::parse_filter(text, asked.now);
  if (!parsed) {
    auto why = ledger::to_error(parsed.error(), text);
    why.param = "q";
    return std::unexpected(std::move(why));
  }
  return std::move(*parsed);
}

bool asks_for_text(const ledger::filter_node& node) {
  return node.kind == ledger::node_kind::text || std::ranges::any_of(node.children, asks_for_text);
}

/// Counting what holds a word is reading it, word by word.
result<ledger::filter> read_allowed_filter(const request& asked) {
  auto where = read_filter(asked);
  if (where && asks_for_text(where->root) && !access::allows(asked.who->role, access::permission::content_read))
    return fail(errc::forbidden, "to search in prompts and replies (words, phrases, prefixes, substrings) needs the permission content.read; filter by fields, as in model:gpt-4o", "q");
  return where;
}

result<bool> wants_content(const request& asked) {
  const auto wanted = asked.query.flag("content");
  if (wanted && *wanted && !access::allows(asked.who->role, access::permission::content_read))
    return fail(errc::forbidden, "whole Records need the permission content.read");
  return wanted;
}

/// The Record, or its summary when the journal no longer has it.
void append_row(std::string& out, const services& with, const ledger::summary& row, bool content) {
  if (content) {
    if (const auto whole = with.records->source().read(row.at)) return ledger::append_json(out, *whole);
  }
  ledger::append_json(out, row);
}

void append_rows(std::string& out, const services& with, const std::vector<ledger::summary>& rows, bool content) {
  out += R"({"data":[)";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i != 0) out += ',';
    append_row(out, with, rows[i], content);
  }
  out += ']';
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (end != 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

constexpr std::array<std::string_view, 5> measure_names{"latency", "ttft", "upstream", "cost", "tokens"};

result<ledger::measure> read_measure(const std::string& name) {
  for (std::size_t i = 0; i < measure_names.size(); ++i)
    if (name == measure_names[i]) return static_cast<ledger::measure>(i);
  return fail(errc::invalid_argument, fmt::format("'{}' is not one of {}", name, fmt::join(measure_names, ", ")), "percentiles_of");
}

result<ledger::aggregate_request> read_aggregate(const request& asked) {
  ledger::aggregate_request out;
  auto where = read_allowed_filter(asked);
  if (!where) return std::unexpected(std::move(where.error()));
  out.where = std::move(*where);
  out.visible = visible_to(asked);
  out.wait = asked.wait;
  out.group_by = split(asked.query.text("by"));
  if (asked.query.has("bucket")) {
    const auto width = parse_duration(asked.query.text("bucket"));
    if (!width || *width <= nanoseconds{0}) return fail(errc::invalid_argument, "bucket must be a duration such as 5m or 1h", "bucket");
    out.bucket = *width;
  }
  for (const auto& name : split(asked.query.text("percentiles_of"))) {
    const auto one = read_measure(name);
    if (!one) return std::unexpected(one.error());
    out.percentiles_of.push_back(*one);
  }
  if (asked.query.has("percentiles")) {
    out.percentiles.clear();
    for (const auto& text : split(asked.query.text("percentiles"))) {
      char* end = nullptr;
      const double p = std::strtod(text.c_str(), &end);
      if (*end != '\0' || !(p > 0 && p <= 1)) return fail(errc::invalid_argument, "percentiles must be numbers above 0 and up to 1, such as 0.5,0.99", "percentiles");
      out.percentiles.push_back(p);
    }
  }
  const auto most = asked.query.number("max_groups", out.max_groups, 1, 10'000);
  if (!most) return std::unexpected(most.error());
  out.max_groups = *most;
  return out;
}

json::object group_json(const ledger::aggregate_group& group, const ledger::aggregate_request& asked, bool bucketed) {
  json::object out;
  if (!group.keys.empty()) {
    json::object keys;
    for (std::size_t i = 0; i < group.keys.size() && i < asked.group_by.size(); ++i) keys[asked.group_by[i]] = group.keys[i];
    out["by"] = std::move(keys);
  }
  if (bucketed && asked.bucket != nanoseconds{0}) out["bucket"] = format_rfc3339(group.bucket_start);
  out["count"] = group.count;
  out["errors"] = group.errors;
  out["error_rate"] = group.error_rate();
  out["cost_usd"] = format_usd(group.cost);
  out["unpriced"] = group.unpriced;
  out["input"] = group.input.value();
  out["output"] = group.output.value();
  out["cached"] = group.cached.value();
  out["reasoning"] = group.reasoning.value();
  out["latency_mean_s"] = group.count == 0 ? 0.0 : static_cast<double>(group.latency_sum.count()) / static_cast<double>(group.count) / 1e9;
  json::object percentiles;
  for (std::size_t m = 0; m < group.percentiles.size() && m < asked.percentiles_of.size(); ++m) {
    const auto what = asked.percentiles_of[m];
    const double scale = what == ledger::measure::tokens ? 1.0 : 1e-9;
    json::object values;
    for (std::size_t p = 0; p < group.percentiles[m].size(); ++p) {
      const double v = group.percentiles[m][p];
      values[fmt::format("{}", asked.percentiles[p])] = v == v ? json::value(v * scale) : json::value(nullptr);
    }
    percentiles[measure_names[static_cast<std::size_t>(what)]] = std::move(values);
  }
  if (!percentiles.empty()) out["percentiles"] = std::move(percentiles);
  return out;
}

}  // namespace

result<reply> search_records(const services& with, const request& asked) {
  if (with.records == nullptr) return switched_off();
  auto where = read_allowed_filter(asked);
  if (!where) return std::unexpected(std::move(where.error()));
  const auto content = wants_content(asked);
  if (!content) return std::unexpected(content.error());
  const auto limit = asked.query.number("limit", 50, 1, *content ? 200 : 1000);
  if (!limit) return std::unexpected(limit.error());
  const auto found = with.records->index().search({.where = std::move(*where), .visible = visible_to(asked),
                                                   .cursor = std::string(asked.query.text("cursor")), .limit = *limit, .wait = asked.wait});
  if (!found) return std::unexpected(found.error());
  std::string out;
  append_rows(out, with, found->rows, *content);
  out += fmt::format(R"(,"next":{},"complete":{}}})", json_string(found->next), found->complete);
  return reply{.body = std::move(out)};
}

result<reply> record_by_id(const services& with, const request& asked) {
  if (with.records == nullptr) return switched_off();
  const auto id = request_id::parse(asked.argument);
  if (!id) return fail(errc::invalid_argument, "a Record's id looks like req_01J…, as in the reply's x-andon-request-id", "id");
  const auto found = ledger::get_record(with.records->index(), with.records->source(), *id, visible_to(asked), asked.wait);
  if (!found) return std::unexpected(found.error());
  return reply{.body = ledger::to_json(*found)};
}

result<reply> aggregate_records(const services& with, const request& asked) {
  if (with.records == nullptr) return switched_off();
  const auto question = read_aggregate(asked);
  if (!question) return std::unexpected(question.error());
  const auto found = with.records->index().aggregate(*question);
  if (!found) return std::unexpected(found.error());
  json::object out;
  json::array groups;
  for (const auto& group : found->groups) groups.emplace_back(group_json(group, *question, true));
  out["data"] = std::move(groups);
  out["total"] = group_json(found->total, *question, false);
  if (found->other) out["other"] = group_json(*found->other, *question, false);
  out["complete"] = found->complete;
  return reply{.body = json_text(out)};
}

result<reply> follow_records(const services& with, const request& asked) {
  if (with.records == nullptr) return switched_off();
  auto where = read_allowed_filter(asked);
  if (!where) return std::unexpected(std::move(where.error()));
  const auto content = wants_content(asked);
  if (!content) return std::unexpected(content.error());
  const auto limit = asked.query.number("limit", 200, 1, 1000);
  const auto after = asked.query.number("after", 0, 0, ~0ULL);
  if (!limit) return std::unexpected(limit.error());
  if (!after) return std::unexpected(after.error());
  if (!asked.query.has("after")) return reply{.body = fmt::format(R"({{"data":[],"next":{}}})", with.records->index().follow_from())};
  const auto found = with.records->index().follow({.where = std::move(*where), .visible = visible_to(asked), .after = *after, .limit = *limit, .wait = asked.wait});
  if (!found) return std::unexpected(found.error());
  std::string out;
  append_rows(out, with, found->rows, *content);
  out += fmt::format(R"(,"next":{}}})", found->next);
  return reply{.body = std::move(out), .nothing_yet = found->rows.empty()};
}

result<void> export_records(const services& with, const request& asked, const piece_writer& write) {
  if (with.records == nullptr) return switched_off();
  if (!access::allows(asked.who->role, access::permission::content_read)) return fail(errc::forbidden, "whole Records need the permission content.read");
  auto where = read_allowed_filter(asked);
  if (!where) return std::unexpected(std::move(where.error()));
  const auto most = asked.query.number("max", ~0ULL, 1, ~0ULL);
  if (!most) return std::unexpected(most.error());
  const auto done = ledger::export_jsonl(with.records->index(), with.records->source(),
                                         {.where = std::move(*where), .visible = visible_to(asked), .max_records = *most, .wait = asked.wait}, write);
  if (!done) return std::unexpected(done.error());
  return {};
}

result<reply> verify_ledger(const services& with, const request&) {
  if (with.records == nullptr) return switched_off();
  json::array segments;
  bool whole = true;
  std::string problems;
  std::uint64_t records = 0, lost = 0, damaged = 0;
  for (const auto& one : ledger::verify(*with.records->segments())) {
    records += one.records;
    lost += one.lost_records;
    damaged += one.damaged_bytes;
    whole = whole && one.problem.empty();
    if (!one.problem.empty()) problems += (problems.empty() ? "" : "; ") + one.file.filename().string() + ": " + one.problem;
    segments.emplace_back(json::object{{"stream", one.stream}, {"segment", one.segment}, {"file", one.file.filename().string()}, {"bytes", one.bytes},
                                       {"entries", one.entries}, {"records", one.records}, {"lost_records", one.lost_records},
                                       {"damaged_bytes", one.damaged_bytes}, {"problem", one.problem}});
  }
  with.verified(problems);
  const auto status = with.records->status();
  json::object out;
  out["whole"] = whole;
  out["balanced"] = status.balanced();
  out["records"] = records;
  out["lost_records"] = lost;
  out["damaged_bytes"] = damaged;
  out["segments"] = std::move(segments);
  return reply{.body = json_text(out)};
}

}  // namespace andon::admin::handlers
