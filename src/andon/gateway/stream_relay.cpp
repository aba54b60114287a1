#include "andon/gateway/stream_relay.hpp"

#include <algorithm>

#include "andon/llm/dialect/openai_error.hpp"

namespace andon::gateway {
namespace {

/// Without the byte order mark that a stream may begin with: many clients do not know it.
std::string_view without_mark(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  return bytes;
}

}  // namespace

stream_relay::stream_relay(gateway& on, exchange& x, const served_model& model)
    : on_(on), x_(x), model_(&model), assembler_(x.asked.op, {x.facts.include_usage, x.facts.choices, x.under->limits.max_reply}) {}

result<void> stream_relay::take(std::string_view bytes, mono_time at) {
  at_ = at;
  events_.feed(bytes);
  while (const auto event = events_.next()) {
    last_event_ = at;
    if (done_) continue;  // nothing is sent after the end marker
    if (auto taken = take(*event); !taken) return taken;
  }
  if (events_.failed()) return fail(errc::upstream_bad_reply, "An event of the provider's stream is larger than 16 MiB.");
  return {};
}

result<void> stream_relay::end() const {
  if (done_) return {};
  return fail(errc::stream_truncated, "The provider's stream ended without its end marker.");
}

result<void> stream_relay::take(const net::sse_event& event) {
  if (!event.has_data) {
    if (x_.answered && tail_.empty()) out_ += event.raw;  // a keep-alive comment does not begin an answer
    return {};
  }
  auto data = event.data;
  if (resumed_) {
    const auto chunk = llm::openai::continue_chunk(data, identity_, x_.delivered_use, rewritten_);
    data = chunk.data;
    if (chunk.use) part_use_ = chunk.use;
  }
  const auto about = assembler_.feed(data, event.name);
  if (!about) return std::unexpected(about.error());
  if (about->kind == llm::event_kind::failure) return failure();
  if (about->kind == llm::event_kind::done) return finish(event);
  good_text_ = assembler_.content().size();
  if (about->has_content) {
    in_part_ = true;
    if (x_.account.first_token == nanoseconds{}) x_.account.first_token = on_.now() - x_.arrived();
  }
  time_chunk();
  const bool last = about->finishes || (!tail_.empty() && (x_.facts.choices == 1 || !about->has_content));
  forward(event, data, *about, last ? tail_ : out_);
  if (about->finishes) tail_bound_ = tail_.size() + max_held;
  if (tail_.size() > tail_bound_) return fail(errc::upstream_bad_reply, "The provider's stream goes on after its finish reason without an end marker.");
  return {};
}

result<void> stream_relay::finish(const net::sse_event& event) {
  if (!assembler_.whole()) return fail(errc::stream_truncated, "The provider's stream ended before its answer did: there is no finish reason.");
  done_ = true;
  out_ += tail_;
  out_ += event.raw;
  return {};
}

/// Seconds between two chunks, after the first.
void stream_relay::time_chunk() {
  if (last_chunk_ != mono_time{}) {
    if (between_ == nullptr) between_ = &on_.parts().meter.chunk_seconds(operation_name(x_.account.op), target_facts(*model_));
    between_->observe(std::chrono::duration<double>(at_ - last_chunk_).count());
  }
  last_chunk_ = at_;
}

void stream_relay::forward(const net::sse_event& event, std::string_view data, const llm::stream_event& about, std::string& to) {
  using enum llm::event_action;
  if (about.action == withhold) return;
  if (about.action == llm::event_action::forward && !resumed_) {
    to += without_mark(event.raw);
    return;
  }
  auto rest = about.action == edit ? llm::openai::stream_assembler::without_usage(data, about, edited_) : data;
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {  // data that came in several lines
    to.append("data: ").append(rest.substr(0, end + 1));
    rest.remove_prefix(end + 1);
  }
  to.append("data: ").append(rest).append("\n\n");
}

std::unexpected<error> stream_relay::failure() const {
  const auto& what = *assembler_.failure();
  x_.provider_said = what.what;
  return fail(llm::openai::to_errc(what.what), "The provider " + model_->provider.str() + " reported an error in its stream: " + what.message);
}

void stream_relay::estimate(llm::usage& use) {
  use.input = x_.input_estimate + x_.delivered_use.output;
  const auto add = [&](std::string_view raw) {
    auto& text = on_.text_scratch();
    text.clear();
    llm::append_unescaped(text, raw);
    use.output += on_.parts().counter.count(*model_->profile, text);
  };
  if (resumed_) add(assembler_.content().substr(std::min(part_begin_, assembler_.content().size())));
  else assembler_.visit_texts(add);
  use.estimated = true;
}

void stream_relay::settle() {
  auto& account = x_.account;
  const auto told = resumed_ ? part_use_ : assembler_.use();
  x_.billed = !booked_ && (done_ || in_part_ || told.has_value());
  account.use = x_.billed ? told.value_or(llm::usage{}) : llm::usage{};
  if (!told && x_.billed) estimate(account.use);
  account.upstream_model = assembler_.model();
  x_.service_tier = assembler_.service_tier().substr(0, max_service_tier);
  if (on_.tells_spans(x_)) x_.response_id = assembler_.id().substr(0, max_response_id);
  account.finish_reason = assembler_.finish_reason();
  account.stream_events = assembler_.events();
  account.reply_body = assembler_.events() > 0 ? assembler_.assemble() : std::string{};
  account.reply_truncated = assembler_.assembled_truncated();
  account.reply_bytes = account.reply_body.size();
  account.content_type = "text/event-stream";
  account.http_status = 200;
}

void stream_relay::resume(const served_model& next) {
  assembler_.resume(good_text_);
  if (!resumed_) identity_ = {std::string(assembler_.head("id")), std::string(assembler_.head("created")), std::string(assembler_.head("model"))};
  resumed_ = true;
  model_ = &next;
  events_ = net::sse_reader{};
  part_begin_ = good_text_;
  part_use_.reset();
  between_ = nullptr;
  last_chunk_ = {};
  in_part_ = booked_ = false;
  tail_.clear();
}

}  // namespace andon::gateway
