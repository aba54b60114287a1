#include <algorithm>
#include <utility>

#include "andon/ledger/journal.hpp"
#include "andon/ledger/journal_writer_state.hpp"

namespace andon::ledger {
namespace {

/// Cuts to at most `most` bytes, not within a UTF-8 sequence.
bool shorten(std::string& text, std::uint64_t most) {
  if (text.size() <= most) return false;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  text.resize(most);
  return true;
}

void shorten_fields(record& r) {
  for (auto* text : {&r.error_message, &r.user_agent, &r.path, &r.user, &r.session, &r.finish_reason, &r.upstream_model}) shorten(*text, 100);
  r.metadata.clear();
  r.tags.clear();
  if (r.attempts.size() > 3) r.attempts.erase(r.attempts.begin(), r.attempts.end() - 3);
  for (auto& a : r.attempts) {
    shorten(a.error_message, 80);
    shorten(a.upstream_request_id, 40);
  }
}

/// The same Record in at most `most` bytes: what does not fit of the bodies is gone and marked.
record fitted(const record& whole, std::uint64_t most, record_encoder& encoder) {
  record r = whole;
  r.request_bytes = std::max<std::uint64_t>(r.request_bytes, r.request_body.size());
  r.reply_bytes = std::max<std::uint64_t>(r.reply_bytes, r.reply_body.size());
  auto request = std::exchange(r.request_body, {}), reply = std::exchange(r.reply_body, {});
  auto bare = encoder.encode(r).size();
  if (bare + 64 > most) {
    shorten_fields(r);
    bare = encoder.encode(r).size();
  }
  const auto left = most > bare + 64 ? most - bare - 64 : 0;
  const auto for_request = std::min<std::uint64_t>(request.size(), std::max(left / 2, left - std::min<std::uint64_t>(left, reply.size())));
  if (shorten(request, for_request)) r.request_truncated = true;
  if (shorten(reply, left - for_request)) r.reply_truncated = true;
  r.request_body = std::move(request);
  r.reply_body = std::move(reply);
  return r;
}

}  // namespace

journal_writer::journal_writer(std::unique_ptr<state> s) : state_(std::move(s)) {}
journal_writer::~journal_writer() = default;

result<position> journal_writer::append_opened(const opened& o, std::uint64_t expected_bytes) {
  return state_->log->open_exchange_entry(o.id, state_->encoder.encode(o), expected_bytes);
}

result<position> journal_writer::append_record(const record& r) {
  auto at = state_->log->append(entry_kind::record, state_->encoder.encode(r), r.id);
  if (at || (at.error().code != errc::disk_full && at.error().code != errc::io_error)) return at;
  const auto most = state_->log->reserved_payload(r.id);
  if (!most) return at;
  const record cut = fitted(r, *most, state_->encoder);
  auto fits = state_->log->append(entry_kind::record, state_->encoder.encode(cut), r.id);
  if (fits) state_->log->count_truncated();
  return fits;
}

result<position> journal_writer::append(entry_kind kind, byte_span payload) { return state_->log->append(kind, payload, request_id{}); }

std::size_t journal_writer::open_count() const { return state_->log->open_count(); }

}  // namespace andon::ledger
