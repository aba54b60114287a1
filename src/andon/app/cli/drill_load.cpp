#include "andon/app/cli/drill_load.hpp"

#include <fmt/format.h>

#include "andon/base/json_text.hpp"

namespace andon::app::cli {

using namespace std::chrono_literals;

drill_load::drill_load(net::endpoint to, std::string key, std::string model, std::string mark)
    : to_(std::move(to)), key_(std::move(key)), model_(std::move(model)), mark_(std::move(mark)), thread_([this] { run(); }) {}

drill_load::~drill_load() { finish(); }

void drill_load::finish() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void drill_load::run() {
  while (!stop_) {
    if (auto sent = once(); !sent) {
      why_ = std::move(sent.error());
      failed_ = true;
      return;
    }
    ++acknowledged_;
  }
}

result<void> drill_load::once() {
  const net::header_lines headers{{"authorization", "Bearer " + key_}, {"content-type", "application/json"}};
  const auto body = fmt::format(R"({{"model":{},"user":{},"max_tokens":8,"messages":[{{"role":"user","content":"drill"}}]}})", json_string(model_), json_string(mark_));
  const auto got = send_request(to_, "POST", "/v1/chat/completions", headers, body, 30s);
  if (!got) return std::unexpected(got.error());
  if (got->status != 200) return fail(errc::upstream_error, fmt::format("a call of the drill was answered with status {}: {}", got->status, got->body.substr(0, 200)));
  return {};
}

result<void> drill_load::begun(std::uint64_t calls, nanoseconds patience) {
  const system_clock time;
  const auto until = deadline::after(time.mono(), patience);
  while (acknowledged_ < calls) {
    if (failed_) return std::unexpected(why_);
    if (until.passed(time.mono())) return fail(errc::total_timeout, fmt::format("only {} of {} calls before the kill were answered in time", acknowledged_.load(), calls));
    std::this_thread::sleep_for(5ms);
  }
  return {};
}

}  // namespace andon::app::cli
