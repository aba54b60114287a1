#include "andon/gateway/record_backlog.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace andon::gateway {
namespace {

/// The start of a text, cut between two characters; says whether anything is missing.
bool copy_start(const std::string& from, std::string& to) {
  std::size_t size = std::min(from.size(), record_backlog::kept_text);
  while (size < from.size() && size > 0 && (static_cast<unsigned char>(from[size]) & 0xc0) == 0x80) --size;
  to.assign(from, 0, size);
  return size < from.size();
}

ledger::record shortened(ledger::record& whole) {
  auto request = std::exchange(whole.request_body, {});
  auto reply = std::exchange(whole.reply_body, {});
  ledger::record out = whole;
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
  if (waiting_.size() >= max_waiting) return {fate::lost, std::nullopt};
  waiting_.push_back(std::move(small));
  return {fate::waiting, std::nullopt};
}

void record_backlog::write(ledger::journal_writer& journal, std::size_t most) {
  for (; most > 0 && !waiting_.empty(); --most) {
    if (!journal.append_record(waiting_.front())) return;
    waiting_.pop_front();
  }
}

}  // namespace andon::gateway
