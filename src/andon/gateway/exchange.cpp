#include "andon/gateway/exchange.hpp"

#include <algorithm>

namespace andon::gateway {
namespace {

constexpr std::size_t kept_capacity = 16 * 1024;

/// Empties a text; a large buffer is given back so that one huge body does not stay in memory.
void reset(std::string& text) {
  if (text.capacity() > kept_capacity) std::string{}.swap(text);  // assigning an empty text would keep the buffer
  else text.clear();
}

}  // namespace

void exchange::begin(net::incoming_call& from, plan_ptr in_force, request_id id, mono_time now, wall_time wall) {
  call = &from;
  under = std::move(in_force);
  arrived_ = std::min(from.arrived(), now);
  stage_began_ = arrived_;
  at_ = ledger::stage::receive;
  account.id = id;
  account.started = wall - (now - arrived_);
}

void exchange::enter(ledger::stage next, mono_time now) {
  account.stage_nanos[static_cast<std::size_t>(at_)] += (now - stage_began_).count();
  stage_began_ = now;
  at_ = next;
}

void exchange::forget_attempt() {
  billed = false;
  account.use = {};
  account.upstream_model.clear();
  service_tier.clear();
  account.finish_reason.clear();
  account.reply_body.clear();
  account.reply_bytes = 0;
  account.reply_truncated = false;
  account.stream_events = 0;
  account.first_token = {};
  account.http_status = 0;
  upstream_error_body.clear();
  upstream_error_type.clear();
  provider_said = llm::failure_class::none;
  response_id.clear();
  upstream_error_status = 0;
  retry_after.reset();
}

void exchange::recycle() {
  auto request_body = std::move(account.request_body);
  auto reply_body = std::move(account.reply_body);
  auto edited = std::move(first.body);
  auto lines = std::move(first.lines);
  reset(request_body);
  reset(reply_body);
  reset(edited);
  std::destroy_at(this);
  std::construct_at(this);
  account.request_body = std::move(request_body);
  account.reply_body = std::move(reply_body);
  first.body = std::move(edited);
  first.lines = std::move(lines);
  first.lines.clear();
}

}  // namespace andon::gateway
