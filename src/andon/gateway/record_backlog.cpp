#include "andon/gateway/record_backlog.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "andon/base/text_start.hpp"

namespace andon::gateway {
namespace {

/// Says whether anything of the text is missing.
bool copy_start(const std::string& from, std::string& to) {
  to = text_start(from, record_backlog::kept_text);
  return to.size() < from.size();
}

std::string brief(const std::string& text) { return std::string{text_start(text, record_backlog::kept_name)}; }

template <class... Text>
void shorten(Text&... texts) {
  ((texts.size() > record_backlog::kept_name ? void(texts = brief(texts)) : void()), ...);
}

/// The parts of a Record that a caller or a provider can make large, besides the bodies.
struct lists {
  explicit lists(ledger::record& of) : tags(std::exchange(of.tags, {})), metadata(std::exchange(of.metadata, {})), attempts(std::exchange(of.attempts, {})) {}
  void give_back(ledger::record& to) {
    to.tags = std::move(tags);
    to.metadata = std::move(metadata);
    to.attempts = std::move(attempts);
  }
  void copy_some(ledger::record& to) const {
    constexpr auto most = record_backlog::kept_in_lists;
    for (std::size_t i = 0; i < std::min(most, tags.size()); ++i) to.tags.push_back(brief(tags[i]));
    for (std::size_t i = 0; i < std::min(most, metadata.size()); ++i) to.metadata.emplace_back(brief(metadata[i].first), brief(metadata[i].second));
    for (std::size_t i = attempts.size() - std::min(most, attempts.size()); i < attempts.size(); ++i) {
      auto& last = to.attempts.emplace_back(attempts[i]);
      shorten(last.upstream_model, last.address, last.upstream_request_id, last.error_message);
    }
  }
  std::vector<std::string> tags;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<ledger::attempt> attempts;
};

std::size_t bytes_of(const ledger::record& r) {
  std::size_t bytes = sizeof r + r.attempts.size() * sizeof(ledger::attempt);
  for (const auto* text : {&r.user, &r.session, &r.method, &r.path, &r.upstream_model, &r.error_message, &r.finish_reason, &r.client_address, &r.user_agent,
                           &r.trace_id, &r.span_id, &r.content_type, &r.request_body, &r.reply_body})
    bytes += text->size();
  for (const auto& tag : r.tags) bytes += sizeof tag + tag.size();
  for (const auto& [name, value] : r.metadata) bytes += sizeof name + name.size() + sizeof value + value.size();
  for (const auto& a : r.attempts) bytes += a.upstream_model.size() + a.address.size() + a.upstream_request_id.size() + a.error_message.size();
  return bytes;
}

ledger::record shortened(ledger::record& whole) {
  auto request = std::exchange(whole.request_body, {});
  auto reply = std::exchange(whole.reply_body, {});
  lists aside(whole);
  ledger::record out = whole;
  aside.copy_some(out);
  aside.give_back(whole);
  shorten(out.user, out.session, out.method, out.path, out.upstream_model, out.error_message, out.finish_reason, out.client_address, out.user_agent, out.trace_id,
          out.span_id, out.content_type);
  if (out.route.view().size() > record_backlog::kept_name) out.route = route_name{std::string{text_start(out.route.view(), record_backlog::kept_name)}};
  out.request_bytes = std::max<std::uint64_t>(out.request_bytes, request.size());
  out.reply_bytes = std::max<std::uint64_t>(out.reply_bytes, reply.size());
  out.request_truncated |= copy_start(request, out.request_body);
  out.reply_truncated |= copy_start(reply, out.reply_body);
  whole.request_body = std::move(request);
  whole.reply_body = std::move(reply);
  return out;
}

}  // namespace

record_backlog::outcome record_backlog::keep(ledger::record& account, ledger::journal_writer& journal) {
  auto small = shortened(account);
  if (auto at = journal.append_record(small)) return {fate::written, *at};
  const auto size = bytes_of(small);
  if (waiting_.size() >= max_waiting || bytes_ + size > max_bytes) return {fate::lost, std::nullopt};
  waiting_.push_back({std::move(small), size});
  bytes_ += size;
  return {fate::waiting, std::nullopt};
}

void record_backlog::write(ledger::journal_writer& journal, std::size_t most) {
  for (; most > 0 && !waiting_.empty(); --most) {
    if (!journal.append_record(waiting_.front().what)) return;
    bytes_ -= waiting_.front().bytes;
    waiting_.pop_front();
  }
}

}  // namespace andon::gateway
