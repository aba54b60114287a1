#include "andon/sim/sabotage.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "andon/sim/rendering.hpp"

namespace andon::sim {
namespace {

constexpr std::string_view broken_text = "\xff\xfe";
constexpr int max_pings = 10'000;

std::string chunked(std::string_view bytes) { return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes); }

void spoil_utf8(std::string& json) {
  for (std::string_view before : {"\"content\":\"", "\"text\":\"", "\"model\":\""}) {
    if (auto at = json.find(before); at != std::string::npos) return void(json.insert(at + before.size(), broken_text));
  }
}

class wire {
public:
  wire(rendered_reply reply, const behaviour& how, random_source& random) : reply_(std::move(reply)), how_(how), random_(random) {}

  reply_plan run() {
    plan_.status = reply_.status;
    if (how_.raw) return verbatim();
    if (reply_.stream && !how_.sse) spoil_events();
    if (!reply_.stream) spoil_body();
    if (how_.sse) event_text();
    else if (reply_.stream) stream();
    else whole();
    connection();
    bytes();
    return std::move(plan_);
  }

private:
  rendered_reply reply_;
  const behaviour& how_;
  random_source& random_;
  reply_plan plan_;
  std::size_t head_size_ = 0;

  [[nodiscard]] bool is(fault what) const { return how_.what == what; }
  [[nodiscard]] std::size_t after(std::size_t otherwise) const { return static_cast<std::size_t>(how_.after.value_or(otherwise)); }
  nanoseconds draw(const std::optional<latency>& from) { return from ? from->draw(random_) : nanoseconds{}; }

  void spoil_body() {
    auto& body = reply_.body;
    if (is(fault::invalid_json)) body.resize(body.size() / 2);
    if (is(fault::wrong_shape)) body = R"({"object":"chat.completion","result":["ok"]})";
    if (is(fault::empty)) body.clear();
    if (is(fault::error_in_200)) body = render_error(canned_error::server_error, "").body;
    if (is(fault::bad_utf8)) spoil_utf8(body);
  }

  void spoil_events() {
    auto& events = reply_.events;
    std::size_t at = std::min(after(1), events.empty() ? 0 : events.size() - 1);
    if (is(fault::invalid_json)) events[at] = R"({"id":"broken","choices":[{"delta":)";
    if (is(fault::wrong_shape)) events[at] = R"({"object":"chat.completion.chunk","choices":{"text":"ok"}})";
    if (is(fault::empty)) events.clear();
    if (is(fault::error_in_200)) events = {render_error(canned_error::server_error, "").body};
    if (is(fault::bad_utf8)) spoil_utf8(events[at]);
    if (is(fault::no_done)) events.pop_back();
    if (is(fault::duplicate_finish)) duplicate_finish();
    if (is(fault::error_in_stream)) {
      events.resize(at);
      events.push_back(render_error(canned_error::server_error, "").body);
    }
  }

  void duplicate_finish() {
    auto& events = reply_.events;
    auto last = std::find_if(events.rbegin(), events.rend(), [](const std::string& e) { return e.find("\"finish_reason\":\"") != std::string::npos; });
    if (last == events.rend()) return;
    events.push_back(*last);
    events.emplace_back("[DONE]");
  }

  void add(nanoseconds wait, std::string bytes) {
    bool joins = wait == nanoseconds{} && !plan_.steps.empty();
    if (joins) plan_.steps.back().bytes += bytes;
    else plan_.steps.push_back({wait, std::move(bytes)});
  }

  void whole() {
    auto wait = draw(how_.delay);
    if (reply_.status == 200) {
      wait += draw(how_.first_token);
      for (std::size_t i = 0; i < reply_.pauses && how_.between && !how_.between->is_zero(); ++i) wait += how_.between->draw(random_);
    }
    auto size = static_cast<std::int64_t>(reply_.body.size());
    if (is(fault::short_length)) size = std::max<std::int64_t>(0, size - static_cast<std::int64_t>(after(10)));
    if (is(fault::long_length)) size += static_cast<std::int64_t>(after(10));
    auto head = render_head(reply_.status, "application/json", is(fault::bad_chunk) ? -1 : size, reply_.request_id, how_.headers);
    head_size_ = head.size();
    add(wait, std::move(head));
    add({}, is(fault::bad_chunk) ? "zz\r\n" + reply_.body : std::move(reply_.body));
    if (is(fault::short_length) || is(fault::long_length) || is(fault::bad_chunk)) plan_.end = ending::close;
  }

  std::string framed(const std::string& data) {
    std::string_view end = is(fault::cr) ? "\r" : is(fault::crlf) ? "\r\n" : "\n";
    std::string out;
    if (is(fault::comments)) out += fmt::format(": keep-alive{}{}", end, end);
    out += fmt::format("data: {}{}{}", data, end, end);
    return chunked(out);
  }

  reply_plan verbatim() {
    add(draw(how_.delay), *how_.raw);
    plan_.end = ending::close;
    bytes();
    return std::move(plan_);
  }

  void event_text() {
    auto head = render_head(reply_.status, "text/event-stream; charset=utf-8", -1, reply_.request_id, how_.headers);
    head_size_ = head.size();
    add(draw(how_.delay), std::move(head));
    if (!how_.sse->empty()) add(draw(how_.first_token), chunked(*how_.sse));
    if (is(fault::cut)) plan_.end = ending::close;
    else if (is(fault::stall)) plan_.end = ending::hang;
    else if (is(fault::pings)) ping();
    else add({}, "0\r\n\r\n");
  }

  void stream() {
    auto head = render_head(reply_.status, "text/event-stream; charset=utf-8", -1, reply_.request_id, how_.headers);
    head_size_ = head.size();
    add(draw(how_.delay), std::move(head));
    bool ends_early = is(fault::cut) || is(fault::stall) || is(fault::pings) || is(fault::bad_chunk);
    std::size_t stop = ends_early ? std::min(after(is(fault::bad_chunk) ? 1 : 3), reply_.events.size()) : reply_.events.size();
    for (std::size_t i = 0; i < stop; ++i) add(i == 0 ? draw(how_.first_token) : draw(how_.between), framed(reply_.events[i]));
    if (is(fault::cut)) plan_.end = ending::close;
    if (is(fault::stall)) plan_.end = ending::hang;
    if (is(fault::pings)) ping();
    if (is(fault::bad_chunk)) add({}, "zz\r\nnonsense"), plan_.end = ending::close;
    if (!ends_early) add({}, "0\r\n\r\n");
  }

  // Keeps the connection alive and says nothing.
  void ping() {
    const auto pause = how_.interval.value_or(std::chrono::milliseconds{10});
    for (int i = 0; i < max_pings; ++i) add(pause, chunked(": ping\n\n"));
    plan_.end = ending::hang;
  }

  // Keeps `size` bytes of the whole, then ends the connection.
  void keep(std::size_t size, ending how) {
    plan_.end = how;
    for (auto step = plan_.steps.begin(); step != plan_.steps.end(); ++step) {
      if (step->bytes.size() < size) {
        size -= step->bytes.size();
        continue;
      }
      step->bytes.resize(size);
      plan_.steps.erase(std::next(step), plan_.steps.end());
      return;
    }
  }

  void connection() {
    std::size_t total = 0;
    for (const auto& step : plan_.steps) total += step.bytes.size();
    std::size_t half = (total - head_size_) / 2;
    switch (how_.what) {
      case fault::reset_before_head: keep(0, ending::reset); plan_.status = 0; break;
      case fault::reset_in_head: keep(head_size_ / 2, ending::reset); plan_.status = 0; break;
      case fault::reset_in_body: keep(head_size_ + after(half), ending::reset); break;
      case fault::blackhole: keep(0, ending::hang); plan_.status = 0; break;
      case fault::blackhole_after_head: keep(head_size_, ending::hang); break;
      case fault::half_close: keep(head_size_ + half, ending::half_close); break;
      case fault::cut: if (!reply_.stream) keep(head_size_ + after(half), ending::close); break;
      case fault::stall: if (!reply_.stream) keep(head_size_ + after(half), ending::hang); break;
      default: break;
    }
  }

  void bytes() {
    const bool spoilt = is(fault::drip) || is(fault::slice);
    if (!spoilt && !how_.write) return;
    auto size = static_cast<std::size_t>(spoilt ? how_.bytes.value_or(1) : *how_.write);
    auto pause = is(fault::drip) ? how_.interval.value_or(std::chrono::milliseconds{10}) : how_.write_pause.value_or(nanoseconds{});
    std::vector<step> sliced;
    for (const auto& s : plan_.steps)
      for (std::size_t at = 0; at < s.bytes.size(); at += size) sliced.push_back({at == 0 ? s.wait : pause, s.bytes.substr(at, size)});
    plan_.steps = std::move(sliced);
  }
};

}  // namespace

reply_plan put_on_wire(rendered_reply reply, const behaviour& how, random_source& random) { return wire{std::move(reply), how, random}.run(); }

}  // namespace andon::sim
