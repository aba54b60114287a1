#include "andon/llm/dialect/openai_continue.hpp"

#include <fmt/format.h>

#include <array>

#include "andon/llm/dialect/openai_usage.hpp"
#include "andon/llm/json_cursor.hpp"
#include "andon/llm/json_edit.hpp"

namespace andon::llm::openai {
namespace {

using token = json_cursor::token;
using type = json_cursor::type;

/// Members that make the answer more than a text; `false` and null do not.
constexpr std::array<std::string_view, 8> beyond_text{"logprobs", "top_logprobs", "audio", "modalities", "prediction", "web_search_options", "functions", "tools"};

class request_reader {
public:
  explicit request_reader(std::string_view body) : body_(body), at_(body) {}

  bool run() {
    if (at_.peek() != type::object || !at_.begin_object()) return false;
    token key;
    for (bool first = true; at_.next_member(first, key);) member(key.raw);
    return !at_.failed() && plain_ && messages_end_ > 0 && last_role_ != "assistant" && !last_role_.empty();
  }

  std::optional<std::string> edit(std::string_view text, std::int64_t produced) const {
    json_edit change(body_);
    change.insert(messages_end_, fmt::format(R"(,{{"role":"assistant","content":"{}"}})", text));
    for (const auto& place : limits_) {
      std::int64_t most = 0;
      if (!place.present() || !to_integer(place.of(body_), most)) continue;
      if (most <= produced) return std::nullopt;
      change.replace(place, std::to_string(most - produced));
    }
    std::string storage;
    return std::string(change.apply(storage));
  }

private:
  void member(std::string_view name) {
    if (name == "messages" && at_.peek() == type::array) return messages();
    const bool limit = name == "max_tokens" || name == "max_completion_tokens";
    const bool number = at_.peek() == type::number;
    const auto place = at_.skip();
    if (limit && number) limits_[name == "max_tokens" ? 0 : 1] = place;
    for (const auto one : beyond_text)
      if (name == one && place.of(body_) != "false" && place.of(body_) != "null" && place.of(body_) != "[]" && place.of(body_) != R"(["text"])") plain_ = false;
  }

  void messages() {
    at_.begin_array();
    for (bool first = true; at_.next_element(first);) message();
    messages_end_ = at_.offset() - 1;
  }

  void message() {
    last_role_ = {};
    if (at_.peek() != type::object) return void(at_.skip());
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) {
      if (key.raw == "role" && at_.peek() == type::string) last_role_ = at_.string().raw;
      else at_.skip();
    }
  }

  std::string_view body_;
  json_cursor at_;
  bool plain_ = true;
  std::uint32_t messages_end_ = 0;
  std::string_view last_role_;
  std::array<byte_span, 2> limits_{};
};

/// An escape or a surrogate pair that the cut has torn in two cannot be put into a request.
bool ends_whole(std::string_view text) {
  if (text.size() < 6) return true;
  const auto last = text.substr(text.size() - 6);
  const auto high = [](char c) { return c == '8' || c == '9' || (c | 0x20) == 'a' || (c | 0x20) == 'b'; };
  return !(last.starts_with("\\u") && (last[2] | 0x20) == 'd' && high(last[3]));
}

class chunk_editor {
public:
  chunk_editor(std::string_view data, const chunk_identity& as, const usage& before) : as_(as), before_(before), at_(data), edit_(data), data_(data) {}

  continued_chunk run(std::string& storage) {
    const continued_chunk out{data_, {}};
    if (at_.peek() != type::object || !at_.begin_object()) return out;
    token key;
    for (bool first = true; at_.next_member(first, key);) member(key.raw);
    if (at_.failed()) return out;
    return {edit_.apply(storage), use_};
  }

private:
  void member(std::string_view name) {
    if (name == "choices" && at_.peek() == type::array) return choices();
    if (name == "usage" && at_.peek() == type::object) return take_usage();
    const auto place = at_.skip();
    const auto* wanted = name == "id" ? &as_.id : name == "created" ? &as_.created : name == "model" ? &as_.model : nullptr;
    if (wanted != nullptr && !wanted->empty()) edit_.replace(place, *wanted);
  }

  void take_usage() {
    const auto start = at_.value_offset();
    use_ = read_usage(at_);
    if (use_) edit_.replace(at_.span_from(start), usage_json(sum(before_, *use_)));
  }

  void choices() {
    at_.begin_array();
    for (bool first = true; at_.next_element(first);) {
      if (at_.peek() != type::object) {
        at_.skip();
        continue;
      }
      at_.begin_object();
      token key;
      for (bool inner = true; at_.next_member(inner, key);) {
        if (key.raw == "delta" && at_.peek() == type::object) delta();
        else at_.skip();
      }
    }
  }

  void delta() {
    at_.begin_object();
    token key;
    for (bool first = true; at_.next_member(first, key);) {
      const auto place = at_.skip();
      if (key.raw != "role") continue;
      edit_.remove_member({start_of(key), place.end() - start_of(key)});
    }
  }

  /// Offset of a key's opening quote.
  [[nodiscard]] std::uint32_t start_of(const token& key) const { return static_cast<std::uint32_t>(key.raw.data() - data_.data()) - 1; }
  const chunk_identity& as_;
  const usage& before_;
  json_cursor at_;
  json_edit edit_;
  std::optional<usage> use_;
  std::string_view data_;
};

}  // namespace

std::optional<std::string> continuing_request(std::string_view body, const request_facts& facts, std::string_view text, tokens produced) {
  if (facts.op != operation::chat || facts.choices != 1 || facts.has_tools || facts.has_response_format) return std::nullopt;
  if (facts.image_parts + facts.audio_parts + facts.file_parts > 0 || text.empty() || !ends_whole(text)) return std::nullopt;
  request_reader reader(body);
  if (!reader.run()) return std::nullopt;
  return reader.edit(text, produced.value());
}

continued_chunk continue_chunk(std::string_view data, const chunk_identity& as, const usage& before, std::string& storage) {
  return chunk_editor(data, as, before).run(storage);
}

std::string usage_json(const usage& use) {
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{}}},"completion_tokens_details":{{"reasoning_tokens":{}}}}})",
                     use.input.value(), use.output.value(), use.total().value(), use.cached_read.value(), use.reasoning.value());
}

usage sum(const usage& a, const usage& b) {
  return {.input = a.input + b.input, .cached_read = a.cached_read + b.cached_read, .cache_write_5m = a.cache_write_5m + b.cache_write_5m,
          .cache_write_1h = a.cache_write_1h + b.cache_write_1h, .input_audio = a.input_audio + b.input_audio, .output = a.output + b.output,
          .reasoning = a.reasoning + b.reasoning, .output_audio = a.output_audio + b.output_audio, .estimated = a.estimated || b.estimated};
}

}  // namespace andon::llm::openai
