#include "andon/llm/dialect/openai_stream.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "andon/llm/dialect/openai_error.hpp"
#include "andon/llm/dialect/openai_merge.hpp"
#include "andon/llm/dialect/openai_usage.hpp"
#include "andon/llm/json_cursor.hpp"
#include "andon/llm/json_edit.hpp"

namespace andon::llm::openai {
namespace {

using token = json_cursor::token;
using type = json_cursor::type;

enum field : std::size_t { choices, usage_field, error_field, obfuscation, x_groq, object, index_field, delta, message, text, finish, field_count };
constexpr std::string_view field_names[] = {"choices", "usage", "error", "obfuscation", "x_groq", "object", "index", "delta", "message", "text", "finish_reason"};
constexpr key_table fields{field_names};
constexpr std::size_t max_choices = 1'024;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

struct choice_state {
  std::int64_t index = 0;
  merged message;     // chat: the deltas; completion: the text
  merged others;      // logprobs, content_filter_results, …
  std::string finish; // raw
};

}  // namespace

struct stream_assembler::state {
  operation op;
  stream_options options;
  merge_budget budget;
  merged head;                        // top-level members but choices, usage, object
  std::vector<choice_state> picks;    // ascending by index
  std::string prefix;                 // of the last chunk, up to the value of `choices`
  std::string usage_raw, error_raw;
  std::optional<usage> use;
  std::optional<provider_error> failure;
  std::uint32_t events = 0;
  bool done = false;

  struct reading {
    std::string_view data;
    json_cursor at;
    stream_event event;
    bool has_choices = false, any_choice = false, has_usage = false, saw_usage = false, repeats = false, wrong_shape = false, failed = false;
  };

  result<stream_event> chunk(std::string_view data);
  void members(reading& r);
  void member(reading& r, std::size_t name, const token& key);
  void take_usage(reading& r, const token& key);
  void take_groq(reading& r);
  void take_error(reading& r);
  void take_choices(reading& r);
  void take_choice(reading& r);
  static void take_finish(reading& r, choice_state& choice, std::string_view reason);
  choice_state* pick(std::int64_t index);
  void settle(reading& r) const;
  stream_event fail_with(std::string_view body);
  void write_choice(std::string& out, const choice_state& choice) const;
};

stream_assembler::stream_assembler(operation op, stream_options options) : state_(std::make_unique<state>()) {
  state_->op = op;
  state_->options = options;
  state_->budget.left = options.max_assembled;
  state_->head.what = merged::kind::object;
}
stream_assembler::~stream_assembler() = default;
stream_assembler::stream_assembler(stream_assembler&&) noexcept = default;
stream_assembler& stream_assembler::operator=(stream_assembler&&) noexcept = default;

stream_event stream_assembler::state::fail_with(std::string_view body) {
  if (!failure) failure = parse_error(0, body);
  return {event_kind::failure, event_action::forward, false, {}};
}

result<stream_event> stream_assembler::feed(std::string_view data, std::string_view event_name) {
  auto& s = *state_;
  ++s.events;
  auto body = trimmed(data);
  if (s.done) return stream_event{body == "[DONE]" ? event_kind::done : event_kind::other, event_action::withhold, false, {}};
  if (body == "[DONE]") {
    s.done = true;
    return stream_event{event_kind::done, event_action::forward, false, {}};
  }
  if (body.empty()) return stream_event{};
  if (event_name == "error") return s.fail_with(body);
  if (data.size() >= UINT32_MAX || !valid_utf8(data)) return andon::fail(errc::upstream_bad_reply, "An event of the provider's stream is not valid UTF-8.");
  return s.chunk(data);
}

result<stream_event> stream_assembler::state::chunk(std::string_view data) {
  reading r{data, json_cursor{data}, {}};
  if (r.at.peek() != type::object) r.wrong_shape = true, r.at.skip();
  else members(r);
  r.at.finish();
  if (r.at.failed()) return andon::fail(errc::upstream_bad_reply, fmt::format("An event of the provider's stream is not valid JSON: {}.", r.at.failure()));
  if (r.failed) return fail_with(data);
  if (r.wrong_shape) return andon::fail(errc::upstream_bad_reply, "An event of the provider's stream is not a completion chunk.");
  settle(r);
  return r.event;
}

void stream_assembler::state::members(reading& r) {
  bool first = true;
  if (!prefix.empty() && r.data.starts_with(prefix)) {
    r.at.jump(static_cast<std::uint32_t>(prefix.size()), 1);
    take_choices(r);
    first = false;
  } else {
    r.at.begin_object();
  }
  token key;
  while (r.at.next_member(first, key)) member(r, fields.find(key.raw), key);
}

void stream_assembler::state::member(reading& r, std::size_t name, const token& key) {
  switch (name) {
    case choices:
      if (!r.saw_usage && !r.failed && !r.has_choices && !r.wrong_shape) prefix.assign(r.data.substr(0, r.at.offset()));
      return take_choices(r);
    case usage_field: return take_usage(r, key);
    case error_field: return take_error(r);
    case x_groq: return take_groq(r);
    case obfuscation: r.at.skip(); return;
    case object:
      if (r.at.skip().of(r.data) == "\"error\"") r.failed = true;
      return;
    default: break;
  }
  auto written = r.at.skip().of(r.data);
  if (r.at.failed() || (written == "null" && head.find(key.raw) != nullptr)) return;
  if (const auto* old = head.find(key.raw); old != nullptr && old->raw == written) return;
  if (head.parts.size() > 256 || !budget.take(key.raw.size() + written.size())) return;
  auto& into = head.member(key.raw);
  into.what = merged::kind::value;
  into.raw = written;
}

void stream_assembler::state::take_usage(reading& r, const token& key) {
  auto start = static_cast<std::uint32_t>(key.raw.data() - r.data.data()) - 1;
  r.saw_usage = true;
  bool null = r.at.peek() == type::null;
  auto value = r.at.value_offset();
  auto found = read_usage(r.at);
  if (null && !options.client_wants_usage) r.event.usage_member = r.at.span_from(start);
  r.has_usage = r.has_usage || !null;
  if (r.at.failed() || null) return;
  usage_raw = r.at.span_from(value).of(r.data);
  if (found) use = found;
}

void stream_assembler::state::take_groq(reading& r) {
  if (r.at.peek() != type::object) return void(r.at.skip());
  r.at.begin_object();
  token key;
  for (bool first = true; r.at.next_member(first, key);) {
    if (key.raw != "usage") {
      r.at.skip();
      continue;
    }
    if (auto found = read_usage(r.at); found && !use) use = found;
  }
}

void stream_assembler::state::take_error(reading& r) {
  bool null = r.at.peek() == type::null;
  auto place = r.at.skip();
  if (null || r.at.failed()) return;
  r.failed = true;
  if (error_raw.empty() && budget.take(place.size)) error_raw = place.of(r.data);
}

void stream_assembler::state::take_choices(reading& r) {
  if (r.at.peek() == type::null) return void(r.at.skip());
  if (r.at.peek() != type::array) {
    r.wrong_shape = true;
    return void(r.at.skip());
  }
  r.has_choices = true;
  r.at.begin_array();
  for (bool first = true; r.at.next_element(first);) {
    r.any_choice = true;
    if (r.at.peek() == type::object) take_choice(r);
    else r.wrong_shape = true, r.at.skip();
  }
}

choice_state* stream_assembler::state::pick(std::int64_t index) {
  for (auto& choice : picks)
    if (choice.index == index) return &choice;
  if (picks.size() >= max_choices) return nullptr;
  auto place = picks.begin();
  while (place != picks.end() && place->index < index) ++place;
  place = picks.emplace(place);
  place->index = index;
  place->others.what = merged::kind::object;
  if (op == operation::completion) place->message.key = "text";
  return &*place;
}

void stream_assembler::state::take_choice(reading& r) {
  std::int64_t index = index_of(r.at);
  auto* choice = pick(std::max<std::int64_t>(index, 0));
  if (choice == nullptr) return void(r.at.skip());
  r.at.begin_object();
  token key;
  for (bool first = true; r.at.next_member(first, key);) {
    switch (fields.find(key.raw)) {
      case delta:
      case message:
      case text:
        if (choice->message.merge(r.at, r.data, budget)) r.event.has_content = true;
        break;
      case finish:
        if (r.at.peek() != type::string) {
          r.at.skip();
          break;
        }
        take_finish(r, *choice, r.at.string().raw);
        break;
      case index_field: r.at.skip(); break;
      default: choice->others.member(key.raw).merge(r.at, r.data, budget);
    }
  }
}

// Some servers send an empty reason with every chunk: it ends nothing.
void stream_assembler::state::take_finish(reading& r, choice_state& choice, std::string_view reason) {
  if (reason.empty()) return;
  (choice.finish.empty() ? r.event.finishes : r.repeats) = true;
  choice.finish = reason;
}

void stream_assembler::state::settle(reading& r) const {
  r.event.kind = r.has_choices || r.has_usage ? event_kind::chunk : event_kind::other;
  const bool again = r.repeats && !r.event.finishes && !r.event.has_content && !r.has_usage;  // the final chunk twice
  if (again) r.event.action = event_action::withhold;
  if (again) return;
  if (options.client_wants_usage) return;
  if (r.has_usage && !r.any_choice) r.event.action = event_action::withhold;
  else if (r.event.usage_member.present()) r.event.action = event_action::edit;
}

std::string_view stream_assembler::without_usage(std::string_view data, const stream_event& event, std::string& storage) {
  if (!event.usage_member.present()) return data;
  json_edit edit{data};
  edit.remove_member(event.usage_member);
  return edit.apply(storage);
}

completeness stream_assembler::verdict() const {
  if (state_->failure) return completeness::failed;
  return state_->done ? completeness::complete : completeness::open;
}

bool stream_assembler::whole() const {
  return !state_->picks.empty() && std::ranges::none_of(state_->picks, [](const auto& choice) { return choice.finish.empty(); });
}

bool stream_assembler::continuable() const {
  if (state_->picks.size() != 1 || state_->budget.truncated) return false;
  const auto& only = state_->picks.front();
  const auto nothing = [](const merged& part) { return part.what == merged::kind::absent || (part.what == merged::kind::value && part.raw == "null"); };
  const auto plain = [&](const merged& part) { return part.key == "role" || part.key == "content" || part.key.starts_with("reasoning") || nothing(part); };
  const auto* logprobs = only.others.find("logprobs");
  return only.index == 0 && only.finish.empty() && !content().empty() && std::ranges::all_of(only.message.parts, plain) && (logprobs == nullptr || nothing(*logprobs));
}

std::string_view stream_assembler::content() const {
  if (state_->picks.empty()) return {};
  const auto* found = state_->picks.front().message.find("content");
  return found != nullptr && found->what == merged::kind::text ? std::string_view{found->raw} : std::string_view{};
}

void stream_assembler::resume(std::size_t bytes) {
  state_->failure.reset();
  state_->error_raw.clear();
  state_->done = false;
  if (content().size() > bytes) state_->picks.front().message.member("content").raw.resize(bytes);
}

std::string_view stream_assembler::head(std::string_view name) const {
  const auto* found = state_->head.find(name);
  return found == nullptr ? std::string_view{} : std::string_view{found->raw};
}

bool stream_assembler::all_finished() const {
  std::uint32_t finished = 0;
  for (const auto& choice : state_->picks) finished += !choice.finish.empty();
  return finished >= state_->options.choices && finished == state_->picks.size();
}

namespace {
std::string_view inside(const merged& head, std::string_view name) {
  const auto* found = head.find(name);
  if (found == nullptr || found->raw.size() < 2 || found->raw.front() != '"') return {};
  return std::string_view{found->raw}.substr(1, found->raw.size() - 2);
}
}  // namespace

const std::optional<usage>& stream_assembler::use() const { return state_->use; }
const std::optional<provider_error>& stream_assembler::failure() const { return state_->failure; }
std::string_view stream_assembler::model() const { return inside(state_->head, "model"); }
std::string_view stream_assembler::service_tier() const { return inside(state_->head, "service_tier"); }
std::string_view stream_assembler::id() const { return inside(state_->head, "id"); }
std::string_view stream_assembler::finish_reason() const { return state_->picks.empty() ? std::string_view{} : std::string_view{state_->picks.front().finish}; }
std::uint32_t stream_assembler::events() const { return state_->events; }
std::size_t stream_assembler::content_bytes() const { return state_->budget.text_bytes; }
bool stream_assembler::assembled_truncated() const { return state_->budget.truncated; }

void stream_assembler::visit_texts(const std::function<void(std::string_view)>& take) const {
  for (const auto& choice : state_->picks) choice.message.visit_texts(take);
}

void stream_assembler::state::write_choice(std::string& out, const choice_state& choice) const {
  out += fmt::format("{{\"index\":{},", choice.index);
  if (op == operation::completion) {
    out += "\"text\":";
    if (choice.message.what == merged::kind::text) choice.message.write(out);
    else out += "\"\"";
  } else {
    merged whole = choice.message;
    whole.what = merged::kind::object;
    if (auto& role = whole.member("role"); role.what != merged::kind::text) role.what = merged::kind::text, role.raw = "assistant";
    whole.member("content");
    out += "\"message\":";
    whole.write(out);
  }
  for (const auto& part : choice.others.parts) {
    out.append(",\"").append(part.key).append("\":");
    part.write(out);
  }
  out += choice.finish.empty() ? ",\"finish_reason\":null}" : fmt::format(",\"finish_reason\":\"{}\"}}", choice.finish);
}

std::string stream_assembler::assemble() const {
  const auto& s = *state_;
  std::string out = s.op == operation::completion ? R"({"object":"text_completion")" : R"({"object":"chat.completion")";
  for (const auto& part : s.head.parts) {
    out.append(",\"").append(part.key).append("\":");
    part.write(out);
  }
  out += ",\"choices\":[";
  for (const auto& choice : s.picks) {
    if (&choice != s.picks.data()) out += ',';
    s.write_choice(out, choice);
  }
  out += ']';
  if (!s.usage_raw.empty()) out.append(",\"usage\":").append(s.usage_raw);
  if (!s.error_raw.empty()) out.append(",\"error\":").append(s.error_raw);
  out += '}';
  return out;
}

}  // namespace andon::llm::openai
