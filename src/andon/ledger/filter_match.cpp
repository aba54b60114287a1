#include "andon/ledger/filter_match.hpp"

#include <algorithm>

#include "andon/ledger/name_match.hpp"

namespace andon::ledger {
namespace {

bool asks_for_words(const filter_node& node) { return node.kind == node_kind::text || std::ranges::any_of(node.children, asks_for_words); }

std::string_view name_of(const record_view& r, field which) {
  switch (which) {
    case field::project: return r.project();
    case field::key: return r.key();
    case field::user: return r.user();
    case field::session: return r.session();
    case field::route: return r.route();
    case field::model: return r.model();
    case field::provider: return r.provider();
    case field::upstream_model: return r.upstream_model();
    case field::method: return r.method();
    case field::path: return r.path();
    case field::finish: return r.finish_reason();
    case field::message: return r.error_message();
    case field::address: return r.client_address();
    case field::agent: return r.user_agent();
    case field::content_type: return r.content_type();
    case field::trace: return r.trace_id();
    default: return {};
  }
}

std::int64_t number_of(const record_view& r, field which) {
  switch (which) {
    case field::status: return r.http_status();
    case field::cost: return r.cost().value();
    case field::tokens: return r.use().total().value();
    case field::input: return r.use().input.value();
    case field::output: return r.use().output.value();
    case field::cached: return r.use().cached_read.value();
    case field::reasoning: return r.use().reasoning.value();
    case field::latency: return r.duration().count();
    case field::ttft: return r.first_token().count();
    case field::upstream: return r.upstream().count();
    case field::request_bytes: return static_cast<std::int64_t>(r.request_bytes());
    case field::reply_bytes: return static_cast<std::int64_t>(r.reply_bytes());
    case field::attempts: return static_cast<std::int64_t>(r.attempt_count());
    case field::started: return r.started().time_since_epoch().count();
    default: return 0;
  }
}

/// Of words and flags, the bit that has to be among the members.
std::int64_t word_of(const record_view& r, field which) {
  switch (which) {
    case field::operation: return static_cast<std::int64_t>(r.op());
    case field::outcome: return static_cast<std::int64_t>(r.outcome());
    case field::origin: return static_cast<std::int64_t>(kind_of(r.outcome()).from);
    case field::delivered: return static_cast<std::int64_t>(r.delivered());
    case field::price: return static_cast<std::int64_t>(r.price());
    case field::cache: return static_cast<std::int64_t>(r.cache());
    case field::http: return static_cast<std::int64_t>(r.http());
    case field::upstream_http: return static_cast<std::int64_t>(r.upstream_http());
    case field::stream: return r.stream() ? 1 : 0;
    case field::interrupted: return r.interrupted() ? 1 : 0;
    case field::estimated: return r.use().estimated ? 1 : 0;
    case field::truncated: return r.truncated() ? 1 : 0;
    default: return 0;
  }
}

bool matches_any_of_list(const filter_node& node, const record_view& r) {
  if (node.which == field::tag) {
    for (std::size_t i = 0; i < r.tag_count(); ++i)
      if (matches_name(node, r.tag(i))) return true;
    return false;
  }
  std::string pair;
  for (std::size_t i = 0; i < r.metadata_count(); ++i) {
    const auto [name, value] = r.metadata(i);
    pair.assign(name).append("=").append(value);
    if (matches_pair(node, pair)) return true;
  }
  return false;
}

bool compare(const filter_node& node, const record_view& r) {
  if (node.which == field::id) return r.id() == request_id::from_words(node.id_high, node.id_low);
  switch (about(node.which).type) {
    case field_type::name: return matches_name(node, name_of(r, node.which));
    case field_type::names: return matches_any_of_list(node, r);
    case field_type::word:
    case field_type::flag: return (node.members >> word_of(r, node.which) & 1) != 0;
    default: break;
  }
  const auto value = number_of(r, node.which);
  return value >= node.low && value <= node.high;
}

bool match(const filter_node& node, const record_view& r) {
  switch (node.kind) {
    case node_kind::everything: return true;
    case node_kind::all_of: return std::ranges::all_of(node.children, [&](const auto& child) { return match(child, r); });
    case node_kind::any_of: return std::ranges::any_of(node.children, [&](const auto& child) { return match(child, r); });
    case node_kind::none_of: return !match(node.children.front(), r);
    case node_kind::text: return false;
    case node_kind::compare: return compare(node, r);
  }
  return false;
}

}  // namespace

result<record_filter> record_filter::make(filter from) {
  if (asks_for_words(from.root)) return fail(errc::invalid_argument, "words of the content cannot be asked for here; ask for fields, such as route:chat or tag:beta");
  record_filter made;
  made.filter_ = std::move(from);
  return made;
}

bool record_filter::matches(const record_view& record) const { return match(filter_.root, record); }

}  // namespace andon::ledger
