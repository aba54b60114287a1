#include "andon/llm/dialect/openai_request.hpp"

#include "andon/base/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "andon/llm/json_cursor.hpp"

namespace andon::llm::openai {
namespace {

using token = json_cursor::token;
using type = json_cursor::type;

enum class field : std::uint8_t {
  model, stream, stream_options, n, best_of, max_tokens, max_completion_tokens, user, safety_identifier, metadata,
  tags, service_tier, tools, functions, response_format, messages, prompt, input, suffix,
  cache, fallbacks, guardrails, num_retries, temperature, top_p, frequency_penalty, presence_penalty, seed, unknown,
};
constexpr std::string_view field_names[] = {
    "model", "stream", "stream_options", "n", "best_of", "max_tokens", "max_completion_tokens", "user",
    "safety_identifier", "metadata", "tags", "service_tier", "tools", "functions", "response_format", "messages",
    "prompt", "input", "suffix", "cache", "fallbacks", "guardrails", "num_retries", "temperature", "top_p",
    "frequency_penalty", "presence_penalty", "seed"};
constexpr key_table fields{field_names};

enum class part : std::uint8_t { content, text, refusal, reasoning_content, name, tool_calls, function_call, image_url, input_audio, audio, file, unknown };
constexpr std::string_view part_names[] = {"content", "text", "refusal", "reasoning_content", "name", "tool_calls",
                                           "function_call", "image_url", "input_audio", "audio", "file"};
constexpr key_table parts{part_names};

std::string_view word_for(type t) {
  switch (t) {
    case type::object: return "an object";
    case type::array: return "an array";
    case type::string: return "a string";
    case type::number: return "a number";
    case type::boolean: return "a boolean";
    case type::null: return "null";
    case type::none: break;
  }
  return "nothing";
}

class scanner {
public:
  scanner(operation op, std::string_view body, model_from from) : body_(body), at_(body), from_(from) { facts_.op = op; }

  result<request_facts> run() {
    if (body_.size() >= UINT32_MAX) return fail(errc::body_too_large, "The body is larger than 4 GiB.");
    if (!valid_utf8(body_)) return fail(errc::bad_json, "The body is not valid UTF-8.");
    if (at_.peek() != type::object) refuse_shape();
    else top_level();
    at_.finish();
    if (at_.failed()) return fail(errc::bad_json, fmt::format("The body is not valid JSON: {}.", at_.failure()));
    require();
    if (problem_.code != errc::none) return std::unexpected(std::move(problem_));
    finish_texts();
    return std::move(facts_);
  }

private:
  std::string_view body_;
  json_cursor at_;
  model_from from_;
  request_facts facts_;
  error problem_{errc::none, {}, {}};
  std::uint32_t seen_ = 0;
  bool messages_given_ = false;
  const char* overflow_begin_ = nullptr;
  const char* overflow_end_ = nullptr;
  std::string key_storage_, user_;

  void refuse(std::string_view param, std::string message) {
    if (problem_.code == errc::none) problem_ = {errc::bad_request, std::move(message), std::string{param}};
  }

  void refuse_shape() {
    if (at_.peek() != type::none) refuse("", fmt::format("The body has to be a JSON object, but is {}.", word_for(at_.peek())));
    at_.skip();
  }

  void wrong_type(std::string_view name, std::string_view wanted) {
    refuse(name, fmt::format("Invalid type for '{}': expected {}, but got {} instead.", name, wanted, word_for(at_.peek())));
    at_.skip();
  }

  void top_level() {
    at_.begin_object();
    facts_.first_member = at_.offset();
    token key;
    for (bool first = true;;) {
      std::uint32_t start = 0;
      if (!next(first, key, start)) return;
      auto index = fields.find(text_of(key, key_storage_));
      auto name = static_cast<field>(index);
      if (name != field::unknown) once(index);
      value(name);
      if (!remember_gateway_member(name, start)) facts_.has_members = true;
    }
  }

  bool next(bool& first, token& key, std::uint32_t& start) {
    if (!at_.next_member(first, key)) return false;
    start = static_cast<std::uint32_t>(key.raw.data() - body_.data()) - 1;
    return true;
  }

  void once(std::size_t index) {
    std::uint32_t bit = 1u << index;
    if (seen_ & bit) refuse(field_names[index], fmt::format("The field '{}' is given twice.", field_names[index]));
    seen_ |= bit;
  }

  bool remember_gateway_member(field name, std::uint32_t start) {
    std::size_t slot = 0;
    switch (name) {
      case field::tags: slot = 0; break;
      case field::cache: slot = 1; break;
      case field::fallbacks: slot = 2; break;
      case field::guardrails: slot = 3; break;
      case field::num_retries: slot = 4; break;
      default: return false;
    }
    facts_.gateway_members[slot] = at_.span_from(start);
    return true;
  }

  void value(field name) {
    switch (name) {
      case field::model: return model();
      case field::stream: return stream();
      case field::stream_options: return stream_options();
      case field::n:
      case field::best_of: return choices(name);
      case field::max_tokens:
      case field::max_completion_tokens: return max_output();
      case field::temperature: return take_number(facts_.temperature);
      case field::top_p: return take_number(facts_.top_p);
      case field::frequency_penalty: return take_number(facts_.frequency_penalty);
      case field::presence_penalty: return take_number(facts_.presence_penalty);
      case field::seed: return seed();
      case field::user: return take_string(user_);
      case field::safety_identifier: return take_string(facts_.user);
      case field::service_tier: return take_string(facts_.service_tier);
      case field::metadata: return metadata();
      case field::tags: return tags();
      case field::tools:
      case field::functions: return tools();
      case field::response_format: return response_format();
      case field::messages: return facts_.op == operation::chat ? messages() : skip();
      case field::prompt: return facts_.op == operation::completion ? inputs("prompt", text_kind::prompt) : skip();
      case field::input: return facts_.op == operation::embeddings ? inputs("input", text_kind::input) : skip();
      case field::suffix: return facts_.op == operation::completion ? text(text_kind::prompt) : skip();
      default: return skip();
    }
  }

  void skip() { at_.skip(); }

  void take_string(std::string& out) {
    if (at_.peek() != type::string) return skip();
    std::string storage;
    out = text_of(at_.string(), storage);
  }

  void take_number(std::optional<double>& out) {
    if (at_.peek() != type::number) return skip();
    const auto text = at_.number();
    double value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{}) out = value;
  }

  void seed() {
    if (at_.peek() != type::number) return skip();
    std::int64_t value = 0;
    if (to_integer(at_.number(), value)) facts_.seed = value;
  }

  void model() {
    if (at_.peek() == type::null) return skip();
    if (at_.peek() != type::string) return wrong_type("model", "a string");
    std::uint32_t start = at_.value_offset();
    take_string(facts_.model);
    facts_.model_value = at_.span_from(start);
  }

  void stream() {
    if (at_.peek() == type::null) return skip();
    if (at_.peek() != type::boolean) return wrong_type("stream", "a boolean");
    facts_.stream = at_.boolean();
  }

  void stream_options() {
    std::uint32_t start = at_.value_offset();
    if (at_.peek() == type::null) skip();
    else if (at_.peek() != type::object) return wrong_type("stream_options", "an object");
    else stream_options_members();
    facts_.stream_options_value = at_.span_from(start);
  }

  void stream_options_members() {
    facts_.stream_options_is_object = facts_.stream_options_is_empty = true;
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) {
      facts_.stream_options_is_empty = false;
      if (text_of(key, key_storage_) != "include_usage") {
        skip();
        continue;
      }
      if (facts_.include_usage_value.present()) refuse("stream_options.include_usage", "The field 'stream_options.include_usage' is given twice.");
      std::uint32_t start = at_.value_offset();
      if (at_.peek() == type::boolean) facts_.include_usage = at_.boolean();
      else if (at_.peek() == type::null) skip();
      else wrong_type("stream_options.include_usage", "a boolean");
      facts_.include_usage_value = at_.span_from(start);
    }
  }

  void choices(field name) {
    std::string_view param = name == field::n ? "n" : "best_of";
    if (at_.peek() == type::null) return skip();
    if (at_.peek() != type::number) return wrong_type(param, "an integer");
    std::int64_t count = 0;
    if (!to_integer(at_.number(), count) || count < 1 || count > 100'000) return;
    facts_.choices = std::max(facts_.choices, static_cast<std::uint32_t>(count));
  }

  void max_output() {
    if (at_.peek() != type::number) return skip();
    std::int64_t limit = 0;
    if (!to_integer(at_.number(), limit) || limit < 0) return;
    facts_.max_output = std::max(facts_.max_output.value_or(tokens{}), tokens{limit});
  }

  void metadata() {
    if (at_.peek() != type::object) return skip();
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) {
      if (facts_.metadata.size() >= 64) {
        skip();
        continue;
      }
      std::string name{text_of(key, key_storage_)}, content;
      if (at_.peek() == type::string) take_string(content);
      else content = at_.skip().of(body_);
      facts_.metadata.emplace_back(std::move(name), std::move(content));
    }
  }

  void tags() {
    if (at_.peek() != type::array) return skip();
    at_.begin_array();
    for (bool first = true; at_.next_element(first);) {
      if (at_.peek() == type::string && facts_.tags.size() < 64) take_string(facts_.tags.emplace_back());
      else skip();
    }
  }

  void tools() {
    bool list = at_.peek() == type::array;
    byte_span place = at_.skip();
    std::string_view raw = place.of(body_);
    if (!list || raw.find('{') == std::string_view::npos) return;
    facts_.has_tools = true;
    add({raw, text_kind::tool_definition, false, true});
  }

  void response_format() {
    if (at_.peek() != type::object) return skip();
    std::uint32_t start = at_.value_offset();
    at_.begin_object();
    token key;
    std::string what;
    for (bool first = true; at_.next_member(first, key);) {
      if (text_of(key, key_storage_) == "type") take_string(what);
      else skip();
    }
    facts_.has_response_format = !what.empty() && what != "text";
    facts_.response_format_value = at_.span_from(start);
    if (what == "json_schema") add({at_.span_from(start).of(body_), text_kind::schema, false, true});
  }

  void messages() {
    messages_given_ = at_.peek() != type::null;
    if (!messages_given_) return skip();
    if (at_.peek() != type::array) return wrong_type("messages", "an array of objects");
    at_.begin_array();
    for (bool first = true; at_.next_element(first); ++facts_.messages) {
      if (at_.peek() == type::object) message();
      else if (at_.peek() == type::none) skip();
      else wrong_type(fmt::format("messages[{}]", facts_.messages), "an object");
    }
  }

  void message() {
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) member(static_cast<part>(parts.find(text_of(key, key_storage_))));
  }

  void member(part name) {
    switch (name) {
      case part::content: return content();
      case part::refusal:
      case part::reasoning_content: return text(text_kind::content);
      case part::name: return text(text_kind::name);
      case part::tool_calls:
      case part::function_call: return value_as_text(text_kind::tool_call);
      default: return skip();
    }
  }

  void content() {
    if (at_.peek() != type::array) return text(text_kind::content);
    at_.begin_array();
    for (bool first = true; at_.next_element(first);) {
      if (at_.peek() == type::object) content_part();
      else text(text_kind::content);
    }
  }

  void content_part() {
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) {
      switch (static_cast<part>(parts.find(text_of(key, key_storage_)))) {
        case part::text:
        case part::refusal: text(text_kind::content); break;
        case part::image_url: ++facts_.image_parts; skip(); break;
        case part::input_audio: ++facts_.audio_parts; skip(); break;
        case part::file: file(); break;
        default: skip();
      }
    }
  }

  void file() {
    ++facts_.file_parts;
    if (at_.peek() != type::object) return skip();
    bool has_data = false;
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) {
      const bool data = text_of(key, key_storage_) == "file_data" && at_.peek() == type::string;
      const byte_span place = at_.skip();
      if (!data) continue;
      has_data = true;
      facts_.file_bytes += place.size;
    }
    if (!has_data) ++facts_.unseen_files;
  }

  void value_as_text(text_kind kind) {
    bool nothing = at_.peek() == type::null;
    byte_span place = at_.skip();
    if (!nothing) add({place.of(body_), kind, false, true});
  }

  void text(text_kind kind) {
    if (at_.peek() != type::string) return skip();
    token found = at_.string();
    if (!found.raw.empty()) add({found.raw, kind, found.escaped, false});
  }

  void inputs(std::string_view name, text_kind kind) {
    messages_given_ = at_.peek() != type::null;
    switch (at_.peek()) {
      case type::null: return skip();
      case type::string: facts_.messages = 1; return text(kind);
      case type::array: break;
      default: return wrong_type(name, "a string or an array");
    }
    at_.begin_array();
    for (bool first = true; at_.next_element(first);) {
      switch (at_.peek()) {
        case type::string: ++facts_.messages; text(kind); break;
        case type::array: ++facts_.messages; token_array(); break;
        case type::number: facts_.messages = std::max(facts_.messages, 1u); skip(); ++facts_.given_tokens; break;
        default: skip();
      }
    }
  }

  void token_array() {
    at_.begin_array();
    for (bool first = true; at_.next_element(first); ++facts_.given_tokens) skip();
  }

  void add(text_span span) {
    if (at_.failed()) return;
    if (facts_.texts.empty()) facts_.texts.reserve(8);
    if (facts_.texts.size() + 1 < request_facts::max_texts) return facts_.texts.push_back(span);
    if (overflow_begin_ == nullptr) overflow_begin_ = span.raw.data();
    overflow_end_ = span.raw.data() + span.raw.size();
  }

  void finish_texts() {
    if (facts_.user.empty()) facts_.user = std::move(user_);
    if (overflow_begin_ != nullptr)
      facts_.texts.push_back({{overflow_begin_, static_cast<std::size_t>(overflow_end_ - overflow_begin_)}, text_kind::input, false, true});
  }

  void require() {
    if (problem_.code != errc::none || facts_.op == operation::models || facts_.op == operation::other) return;
    if (facts_.model.empty() && from_ == model_from::body) return refuse("model", "You must provide a model parameter.");
    if (facts_.op == operation::chat && !messages_given_) return refuse("messages", "Missing required parameter: 'messages'.");
    if (facts_.op == operation::embeddings && !messages_given_) return refuse("input", "Missing required parameter: 'input'.");
  }
};

}  // namespace

result<request_facts> scan_request(operation op, std::string_view body, model_from from) { return scanner{op, body, from}.run(); }

namespace {

/// A member at the front of the body, from which the gateway's own members go.
void insert_first(json_edit& edit, const request_facts& facts, std::string member) {
  if (facts.has_members) member += ',';
  edit.insert(facts.first_member, std::move(member));
}

}  // namespace

void set_model(json_edit& edit, const request_facts& facts, std::string_view upstream_model) {
  if (!facts.model_value.present()) return insert_first(edit, facts, "\"model\":" + json_string(upstream_model));
  if (facts.model != upstream_model) edit.replace_string(facts.model_value, upstream_model);
}

void ask_for_usage(json_edit& edit, const request_facts& facts) {
  if (facts.include_usage || !facts.has_members) return;  // a streamed request has members
  if (facts.include_usage_value.present()) return edit.replace(facts.include_usage_value, "true");
  if (facts.stream_options_is_object)
    return edit.insert(facts.stream_options_value.offset + 1, facts.stream_options_is_empty ? R"("include_usage":true)" : R"("include_usage":true,)");
  if (facts.stream_options_value.present()) return edit.replace(facts.stream_options_value, R"({"include_usage":true})");
  if (facts.model_value.present()) return edit.insert(facts.model_value.end(), R"(,"stream_options":{"include_usage":true})");
  insert_first(edit, facts, R"("stream_options":{"include_usage":true})");
}

void remove_gateway_fields(json_edit& edit, const request_facts& facts) {
  for (const auto& member : facts.gateway_members)
    if (member.present()) edit.remove_member(member);
}

}  // namespace andon::llm::openai
