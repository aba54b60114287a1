#pragma once
// A stream on its way from a provider to the client, and the account of it. It outlives the provider: when one breaks
// off, another one's stream is taken as the rest of it (stage_continue.cpp).
//
// What it holds back: everything until the first token, so that another target may still begin; and everything from
// the finish reason on until the end marker, so that no broken stream looks complete.
#include <string>

#include "andon/gateway/exchange_telemetry.hpp"
#include "andon/gateway/stages.hpp"
#include "andon/llm/dialect/openai_continue.hpp"
#include "andon/llm/dialect/openai_stream.hpp"
#include "andon/net/sse.hpp"

namespace andon::gateway {

class stream_relay {
public:
  /// Bytes that are held back at most until the first token, and after the finish reason's event.
  static constexpr std::size_t max_held = 256u << 10;

  stream_relay(gateway& on, exchange& x, const served_model& model);

  /// Takes the next bytes of the provider; what goes to the client is in out().
  result<void> take(std::string_view bytes, mono_time at);
  /// The end of the provider's bytes: complete only with the end marker.
  [[nodiscard]] result<void> end() const;

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] std::string& out() { return out_; }
  [[nodiscard]] const llm::openai::stream_assembler& assembler() const { return assembler_; }
  /// The client can be given what is in out().
  [[nodiscard]] bool may_begin() const { return x_.answered || done_ || in_part_ || out_.size() > max_held; }
  /// This provider has sent something that a reader would see.
  [[nodiscard]] bool has_token() const { return in_part_; }
  /// When the last whole event came; an event has begun since.
  [[nodiscard]] mono_time last_event() const { return last_event_; }
  [[nodiscard]] bool in_event() const { return events_.in_event(); }

  /// Books what came so far of this provider: text, usage, reasons.
  void settle();
  /// Another model goes on: what settle() booked is kept as part of the whole, and its chunks become this stream's.
  void resume(const served_model& next);
  /// Forgets what was read of events that did not go to the client: the text is then what the client has.
  void drop_unsent() { assembler_.resume(good_text_); }
  /// What settle() told has been charged.
  void part_booked() { booked_ = true; }

private:
  result<void> take(const net::sse_event& event);
  void time_chunk();
  void forward(const net::sse_event& event, std::string_view data, const llm::stream_event& about, std::string& to);
  [[nodiscard]] std::unexpected<error> failure() const;
  result<void> finish(const net::sse_event& event);
  void estimate(llm::usage& use);

  gateway& on_;
  exchange& x_;
  const served_model* model_;
  llm::openai::stream_assembler assembler_;
  net::sse_reader events_;
  std::string out_, tail_, edited_, rewritten_;
  std::size_t tail_bound_ = 0;
  mono_time at_{}, last_chunk_{}, last_event_{};
  metrics::histogram* between_ = nullptr;
  bool done_ = false, in_part_ = false, booked_ = false;
  // of the parts that other providers had sent before
  bool resumed_ = false;
  llm::openai::chunk_identity identity_;
  std::optional<llm::usage> part_use_;
  std::size_t good_text_ = 0, part_begin_ = 0;
};

/// Reads the attempt's stream until the answer could begin, or to its end, writing it to the client from the first token on.
enum class pump_to : std::uint8_t { first_token, end };
net::task<result<void>> pump(gateway& on, exchange& x, running_attempt& run, stream_relay& stream, pump_to how_far);
/// The stream is complete: closes and lets the last bytes go.
net::task<relayed> end_stream(gateway& on, exchange& x, const served_model& model, stream_relay& stream, net::reply_ptr& reply);
/// The stream broke after the client had got a part: an error event, never an end marker.
net::task<void> break_off(gateway& on, exchange& x, const served_model& model, stream_relay& stream, error why);
/// After a break that the client has not been told of: the other targets are asked for the rest. Ends the exchange one
/// way or the other.
net::task<void> go_on_elsewhere(gateway& on, exchange& x, const served_model& broken, stream_relay& stream, deadline until, error why);

}  // namespace andon::gateway
