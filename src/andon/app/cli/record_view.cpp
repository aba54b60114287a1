#include "andon/app/cli/record_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_line = 20'000;

const json::value* member(const json::value& from, std::string_view name) {
  const auto* found = from.is_object() ? from.get_object().if_contains(name) : nullptr;
  return found == nullptr || found->is_null() ? nullptr : found;
}

bool given(const json::value& from, std::string_view name) { return cell(from, name) != "-"; }

std::string span_text(const json::value& from, std::string_view name) {
  const auto* found = member(from, name);
  const double seconds = found != nullptr && found->is_number() ? found->to_number<double>() : 0;
  return seconds > 0 && seconds < 1 ? fmt::format("{:.3f} ms", seconds * 1000) : fmt::format("{:.3f} s", seconds);
}

bool lasted(const json::value& from, std::string_view name) {
  const auto* found = member(from, name);
  return found != nullptr && found->is_number() && found->to_number<double>() > 0;
}

/// Lines of what was said, each behind an indent.
void append_lines(std::string& out, std::string_view text, std::string_view indent) {
  for (std::size_t from = 0; from <= text.size();) {
    const auto end = std::min(text.find('\n', from), text.size());
    out.append(indent).append(clean(text.substr(from, end - from), longest_line)).push_back('\n');
    from = end + 1;
  }
}

class record_writer {
public:
  explicit record_writer(const json::value& whole) : r_(whole) {}

  std::string run() {
    call();
    money();
    timing();
    attempts();
    request();
    reply();
    return std::move(out_);
  }

private:
  void line(std::string_view name, const std::string& value) { out_ += fmt::format("{:<10} {}\n", name, clean(value, longest_line)); }
  [[nodiscard]] std::string optional(std::string_view before, const json::value& from, std::string_view name) const {
    return given(from, name) ? fmt::format("{}{}", before, cell(from, name)) : std::string{};
  }

  void call() {
    line("call", cell(r_, "id"));
    line("time", fmt::format("{}, took {}", cell(r_, "started"), span_text(r_, "duration_s")));
    line("outcome", fmt::format("{}, status {}{}{}", outcome_text(r_), cell(r_, "status"), optional(", delivered ", r_, "delivered"), optional(", finish reason ", r_, "finish_reason")));
    if (given(r_, "error_message")) line("error", fmt::format("{}{}", cell(r_, "error_message"), optional(", origin ", r_, "origin")));
    line("request", fmt::format("{} {}{}{}{}", cell(r_, "method"), cell(r_, "path"), cell(r_, "stream") == "true" ? ", streamed" : "", optional(", HTTP/", r_, "http"),
                                optional(", provider's HTTP/", r_, "upstream_http")));
    line("route", fmt::format("{}{}{}{}", cell(r_, "route"), optional(" → ", r_, "model"), optional(", provider ", r_, "provider"), optional(", its model ", r_, "upstream_model")));
    line("caller", fmt::format("project {}, key {}{}{}{}", cell(r_, "project"), cell(r_, "key"), optional(", user ", r_, "user"), optional(", session ", r_, "session"),
                               optional(", from ", r_, "client_address")));
    if (given(r_, "tags")) line("tags", cell(r_, "tags"));
    if (const auto* pairs = member(r_, "metadata"); pairs != nullptr && pairs->is_object() && !pairs->get_object().empty()) line("metadata", joined(*pairs));
    if (given(r_, "trace_id")) line("trace", cell(r_, "trace_id"));
  }

  static std::string joined(const json::value& pairs) {
    std::string out;
    for (const auto& [name, value] : pairs.get_object()) out += fmt::format("{}{}={}", out.empty() ? "" : ", ", std::string_view(name.data(), name.size()), cell(pairs, name));
    return out;
  }

  void money() {
    line("cost", cost_text(r_) + (cell(r_, "price") == "free" ? " (free)" : ""));
    if (const auto cache = cell(r_, "cache"); cache != "none" && cache != "-") line("cache", cache + (given(r_, "saved_usd") ? fmt::format(", saved {} USD", cell(r_, "saved_usd")) : ""));
    const auto* use = member(r_, "usage");
    if (use == nullptr) return;
    const auto part = [&](std::string_view name, std::string_view label) {
      const auto count = cell(*use, name);
      return count == "-" || count == "0" ? std::string{} : fmt::format(", {} {}", count, label);
    };
    line("tokens", fmt::format("{} in{}{}{}{}, {} out{}{}{}", cell(*use, "input"), part("cached_read", "of them cached"), part("cache_write_5m", "written to the cache"),
                               part("cache_write_1h", "written to the long cache"), part("input_audio", "audio"), cell(*use, "output"), part("reasoning", "of them reasoning"),
                               part("output_audio", "audio"), cell(*use, "estimated") == "true" ? " (estimated)" : ""));
  }

  void timing() {
    std::string parts;
    const auto* stages = member(r_, "stages_s");
    if (stages != nullptr && stages->is_object())
      for (const auto& [name, ignored] : stages->get_object())
        if (lasted(*stages, name)) parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", std::string_view(name.data(), name.size()), span_text(*stages, name));
    if (lasted(r_, "first_token_s")) line("first token", span_text(r_, "first_token_s"));
    if (lasted(r_, "upstream_s")) line("upstream", span_text(r_, "upstream_s"));
    if (!parts.empty()) line("stages", parts);
  }

  void attempts() {
    const auto* all = member(r_, "attempts");
    if (all == nullptr || !all->is_array() || all->get_array().empty()) return;
    table out({"ATTEMPT", "MODEL", "PROVIDER", "ADDRESS", "STATUS", "OUTCOME", "BEGAN", "CONNECT", "FIRST BYTE", "TOTAL"});
    std::string messages;
    for (std::size_t i = 0; i < all->get_array().size(); ++i) {
      const auto& one = all->get_array()[i];
      const auto number = std::to_string(i + 1);
      out.add({number, cell(one, "model"), cell(one, "provider"), cell(one, "address"), cell(one, "status"), cell(one, "outcome"), span_text(one, "started_s"),
               span_text(one, "connect_s"), span_text(one, "first_byte_s"), span_text(one, "total_s")});
      if (given(one, "error_message")) messages += fmt::format("attempt {}: {}\n", number, clean(cell(one, "error_message"), longest_line));
    }
    out_ += "\n" + out.text(false) + messages;
  }

  void request() {
    if (given(r_, "request_text")) return body("request", cell(r_, "request_text"));
    const auto* from = member(r_, "request");
    if (from == nullptr) return;
    heading("request", "request_truncated");
    if (!from->is_object()) return append_lines(out_, json::serialize(*from), "  ");
    const auto* messages = member(*from, "messages");
    if (messages != nullptr && messages->is_array())
      for (const auto& one : messages->get_array()) message(one);
    for (const char* name : {"prompt", "input"})
      if (const auto* text = member(*from, name)) text->is_string() ? append_lines(out_, std::string_view(text->get_string()), "  ") : append_lines(out_, cell(*from, name), "  ");
    parameters(*from);
  }

  void parameters(const json::value& from) {
    std::string out;
    for (const auto& [name, value] : from.get_object()) {
      const std::string_view is(name.data(), name.size());
      if (is == "messages" || is == "prompt" || is == "input") continue;
      const auto shown = value.is_array() ? fmt::format("[{}]", value.get_array().size()) : value.is_object() ? std::string("{…}") : cell(from, is);
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", is, shown);
    }
    if (!out.empty()) append_lines(out_, "with " + out, "  ");
  }

  void reply() {
    if (given(r_, "reply_text")) return body("reply", cell(r_, "reply_text"));
    const auto* from = member(r_, "reply");
    if (from == nullptr) return;
    heading("reply", "reply_truncated");
    const auto* choices = member(*from, "choices");
    if (choices == nullptr || !choices->is_array()) return append_lines(out_, json::serialize(*from), "  ");
    for (const auto& one : choices->get_array()) {
      if (const auto* said = member(one, "message")) message(*said);
      if (given(one, "text")) append_lines(out_, cell(one, "text"), "  ");
    }
  }

  void heading(std::string_view name, std::string_view truncated) { out_ += fmt::format("\n{}{}\n", name, cell(r_, truncated) == "true" ? " (not recorded whole)" : ""); }
  void body(std::string_view name, const std::string& text) {
    out_ += fmt::format("\n{}\n", name);
    append_lines(out_, text, "  ");
  }

  void message(const json::value& from) {
    append_lines(out_, cell(from, "role") + ":", "  ");
    if (const auto* content = member(from, "content"); content != nullptr && content->is_array())
      for (const auto& part : content->get_array()) append_lines(out_, given(part, "text") ? cell(part, "text") : "[" + cell(part, "type") + "]", "    ");
    else if (given(from, "content")) append_lines(out_, cell(from, "content"), "    ");
    if (given(from, "refusal")) append_lines(out_, "refused: " + cell(from, "refusal"), "    ");
    const auto* calls = member(from, "tool_calls");
    if (calls == nullptr || !calls->is_array()) return;
    for (const auto& one : calls->get_array())
      if (const auto* function = member(one, "function")) append_lines(out_, fmt::format("calls {}({})", cell(*function, "name"), cell(*function, "arguments")), "    ");
  }

  const json::value& r_;
  std::string out_;
};

}  // namespace

std::string outcome_text(const json::value& row) {
  const auto outcome = cell(row, "outcome");
  if (outcome != "none" && outcome != "-") return outcome;
  if (cell(row, "interrupted") == "true") return "interrupted";
  const auto delivered = cell(row, "delivered");
  if (delivered == "cut") return "cut";
  if (delivered == "complete") return "none";
  const auto status = cell(row, "status");
  return status == "-" || status == "0" ? "open" : "none";
}

std::string cost_text(const json::value& row) {
  const auto cost = cell(row, "cost_usd");
  return cost == "-" ? "unknown" : "$" + cost;
}

std::string record_text(const json::value& whole) { return record_writer(whole).run(); }

}  // namespace andon::app::cli
