#include "andon/llm/dialect/openai_reply.hpp"

#include <fmt/format.h>

#include "andon/llm/dialect/openai_error.hpp"
#include "andon/llm/dialect/openai_usage.hpp"
#include "andon/llm/json_cursor.hpp"

namespace andon::llm::openai {
namespace {

using token = json_cursor::token;
using type = json_cursor::type;

enum field : std::size_t { id, object, model, choices, data, usage_field, service_tier, system_fingerprint, error_field, message, text, finish_reason, content, refusal, tool_calls, function_call, audio, reasoning_content, reasoning, embedding, field_count };
constexpr std::string_view field_names[] = {
    "id", "object", "model", "choices", "data", "usage", "service_tier", "system_fingerprint", "error", "message", "text",
    "finish_reason", "content", "refusal", "tool_calls", "function_call", "audio", "reasoning_content", "reasoning", "embedding"};
constexpr key_table fields{field_names};

class scanner {
public:
  scanner(operation op, std::string_view body) : op_(op), body_(body), at_(body) {}

  result<reply_facts> run() {
    if (body_.size() >= UINT32_MAX || !valid_utf8(body_)) return bad("is not valid UTF-8");
    bool is_object = at_.peek() == type::object;
    if (is_object) top_level();
    else at_.skip();
    at_.finish();
    if (at_.failed()) return bad(body_.empty() ? "is empty" : fmt::format("is not valid JSON: {}", at_.failure()));
    if (!is_object) return bad("is not a JSON object");
    if (failed_) {
      facts_.failure = parse_error(0, body_);
      return std::move(facts_);
    }
    if (!wrong_.empty()) return bad(wrong_);
    if (!listed_) return bad(wants_choices() ? "has no `choices`" : "has no `data`");
    if (facts_.choices == 0 && wants_choices()) return bad("has an empty `choices`");
    return std::move(facts_);
  }

private:
  operation op_;
  std::string_view body_;
  json_cursor at_;
  reply_facts facts_;
  bool failed_ = false, listed_ = false;
  std::string_view wrong_;
  std::string storage_;

  static std::unexpected<error> bad(std::string_view what) { return fail(errc::upstream_bad_reply, fmt::format("The provider's reply {}.", what)); }
  [[nodiscard]] bool wants_choices() const { return op_ == operation::chat || op_ == operation::completion; }
  std::size_t name_of(const token& key) { return fields.find(text_of(key, storage_)); }

  void top_level() {
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) value(name_of(key));
  }

  void value(std::size_t name) {
    switch (name) {
      case id: return take(facts_.id);
      case service_tier: return take(facts_.service_tier);
      case system_fingerprint: return take(facts_.system_fingerprint);
      case model: return take_text(facts_.model);
      case object: return object_name();
      case usage_field: facts_.use = read_usage(at_); return;
      case error_field: failed_ = failed_ || at_.peek() != type::null; at_.skip(); return;
      case choices: return wants_choices() ? list() : void(at_.skip());
      case data: return wants_choices() ? void(at_.skip()) : list();
      default: at_.skip();
    }
  }

  void object_name() {
    std::string_view name;
    take(name);
    if (name == "error") failed_ = true;
  }

  void take(std::string_view& out) {
    if (at_.peek() == type::string) out = at_.string().raw;
    else at_.skip();
  }

  void take_text(std::string& out) {
    if (at_.peek() == type::string) out = text_of(at_.string(), storage_);
    else at_.skip();
  }

  void list() {
    if (at_.peek() != type::array) {
      if (at_.peek() != type::null) wrong_ = wants_choices() ? "has `choices` that are no array" : "has `data` that is no array";
      return void(at_.skip());
    }
    listed_ = true;
    at_.begin_array();
    for (bool first = true; at_.next_element(first); ++facts_.choices) {
      if (at_.peek() == type::object) wants_choices() ? choice() : entry();
      else wrong_ = "has entries that are no objects", at_.skip();
    }
  }

  void choice() {
    bool body = false;
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) {
      switch (name_of(key)) {
        case message:
          body = body || at_.peek() == type::object;
          if (at_.peek() == type::object) read_message();
          else at_.skip();
          break;
        case text: body = body || at_.peek() == type::string; non_empty(); break;
        case finish_reason: read_finish(); break;
        default: at_.skip();
      }
    }
    if (!body) wrong_ = op_ == operation::chat ? "has a choice without `message`" : "has a choice without `text`";
  }

  void read_finish() {
    if (at_.peek() != type::string) return void(at_.skip());
    std::string reason;
    take_text(reason);
    ++facts_.finished;
    if (facts_.choices == 0) facts_.finish_reason = std::move(reason);
  }

  void read_message() {
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) {
      switch (name_of(key)) {
        case content: case refusal: case tool_calls: case function_call: case audio: case reasoning_content: case reasoning:
          non_empty();
          break;
        default: at_.skip();
      }
    }
  }

  void entry() {
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) {
      if (name_of(key) == embedding) non_empty();
      else at_.skip();
    }
  }

  void non_empty() {
    bool null = at_.peek() == type::null;
    byte_span place = at_.skip();
    facts_.has_content = facts_.has_content || (!null && place.size > 2);
  }
};

}  // namespace

result<reply_facts> scan_reply(operation op, std::string_view body) { return scanner{op, body}.run(); }

}  // namespace andon::llm::openai
