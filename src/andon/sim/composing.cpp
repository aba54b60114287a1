#include "andon/sim/composing.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "andon/base/hashing.hpp"
#include "andon/base/json_text.hpp"
#include "andon/sim/schema_sample.hpp"
#include "andon/sim/speech.hpp"

namespace andon::sim {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

std::string text_of(const llm::text_span& span) {
  std::string out;
  if (span.escaped) llm::append_unescaped(out, span.raw);
  else out = span.raw;
  return out;
}

std::string input_text(const llm::request_facts& facts) {
  std::string out;
  for (const auto& span : facts.texts) out += (out.empty() ? "" : "\n") + text_of(span);
  return out;
}

std::string last_message(const llm::request_facts& facts) {
  for (auto span = facts.texts.rbegin(); span != facts.texts.rend(); ++span)
    if (span->kind == llm::text_kind::content || span->kind == llm::text_kind::prompt) return text_of(*span);
  return {};
}

std::string_view string_at(element from, std::string_view key) {
  std::string_view out;
  return from.is_object() && !from[key].get(out) ? out : std::string_view{};
}

class composer {
public:
  composer(content& out, const llm::request_facts& facts, std::string_view body, const behaviour& how, std::uint64_t seed, const token_counter& count)
      : out_(out), facts_(facts), how_(how), seed_(seed), count_(count), prompt_(last_message(facts)) {
    readable_ = !parser_.parse(simdjson::padded_string{body}).get(root_) && root_.is_object();
  }

  void run() {
    out_.include_usage = facts_.include_usage;
    bool flag = false;
    std::int64_t top = 0;
    out_.logprobs = readable_ && ((!root_["logprobs"].get(flag) && flag) || (facts_.op == llm::operation::completion && !root_["logprobs"].get(top)));
    std::uint64_t overhead = facts_.op == llm::operation::chat ? 3 + 3ull * facts_.messages : 0;
    out_.prompt_tokens = static_cast<std::int64_t>(count_(facts_.model, input_text(facts_)) + facts_.given_tokens + overhead);
    std::uint32_t wanted = std::min<std::uint32_t>(facts_.choices, 128);
    for (std::uint32_t i = 0; i < wanted; ++i) out_.choices.push_back(one(i));
  }

private:
  content& out_;
  const llm::request_facts& facts_;
  const behaviour& how_;
  std::uint64_t seed_;
  const token_counter& count_;
  std::string prompt_;
  simdjson::dom::parser parser_;
  element root_;
  bool readable_ = false;

  choice one(std::uint32_t index) {
    choice c;
    random_source random{xxh3(prompt_, seed_ + index)};
    if (facts_.has_tools && readable_) c.calls = calls(random);
    if (!c.calls.empty()) {
      c.finish_reason = "tool_calls";
      for (const auto& call : c.calls) out_.completion_tokens += static_cast<std::int64_t>(count_(facts_.model, call.name) + count_(facts_.model, call.arguments));
    } else {
      c.pieces = pieces(index, random);
      limit(c);
    }
    if (how_.finish_reason) c.finish_reason = *how_.finish_reason;
    return c;
  }

  std::vector<std::string> pieces(std::uint32_t index, random_source& random) {
    if (how_.what == fault::big_chunks) return {std::string(static_cast<std::size_t>(how_.bytes.value_or(1u << 20)), 'x')};
    if (how_.text) return in_words(*how_.text);
    if (facts_.has_response_format && readable_) return in_fragments(structured(random), 8);
    if (how_.echo.value_or(false)) return in_words(prompt_);
    return speak(seed_ + index, prompt_, how_.words.value_or(24));
  }

  std::string structured(random_source& random) {
    element schema;
    if (!root_.at_pointer("/response_format/json_schema/schema").get(schema)) return sample_of(schema, random);
    std::string text, out = "{\"answer\":";
    for (const auto& piece : speak(seed_, prompt_, 6)) text += piece;
    append_json_string(out, text);
    return out + "}";
  }

  // Cuts to max_output as a model would, and counts.
  void limit(choice& c) {
    auto tokens_of = [&](std::size_t pieces) {
      std::string text;
      for (std::size_t i = 0; i < pieces; ++i) text += c.pieces[i];
      return static_cast<std::int64_t>(count_(facts_.model, text));
    };
    std::size_t keep = c.pieces.size();
    std::int64_t used = tokens_of(keep);
    if (facts_.max_output && used > facts_.max_output->value()) {
      std::size_t low = 0;
      while (low < keep) {
        std::size_t middle = (low + keep + 1) / 2;
        if (tokens_of(middle) <= facts_.max_output->value()) low = middle;
        else keep = middle - 1;
      }
      c.pieces.resize(keep);
      c.finish_reason = "length";
      used = tokens_of(keep);
    }
    out_.completion_tokens += used;
  }

  [[nodiscard]] bool answers_a_tool() const {
    array messages;
    if (root_["messages"].get(messages) || messages.size() == 0) return false;
    return string_at(messages.at(messages.size() - 1).value_unsafe(), "role") == "tool";
  }

  std::vector<tool_call> calls(random_source& random) {
    std::vector<tool_call> out;
    array tools;
    if (root_["tools"].get(tools)) return out;
    element choice;
    bool chosen = !root_["tool_choice"].get(choice);
    std::string_view word;
    if (!chosen || choice.get(word)) word = chosen ? "" : "auto";
    if (word == "none") return out;
    std::string_view forced;
    if (chosen && choice.is_object()) (void)choice.at_pointer("/function/name").get(forced);
    bool must = word == "required" || word == "any";
    if (!must && forced.empty() && answers_a_tool()) return out;
    for (element tool : tools) {
      element function;
      if (!tool.is_object() || tool["function"].get(function)) continue;
      auto name = string_at(function, "name");
      bool named = !name.empty() && prompt_.find(name) != std::string::npos;
      if (name.empty() || !(forced.empty() ? must || named || asks_for_a_tool() : name == forced)) continue;
      element schema;
      bool has_schema = !function["parameters"].get(schema);
      out.push_back({std::string{name}, has_schema ? sample_of(schema, random) : "{}"});
      if (!named) break;
    }
    return out;
  }

  [[nodiscard]] bool asks_for_a_tool() const { return prompt_.find("tool") != std::string::npos || prompt_.find("function") != std::string::npos; }
};

std::string vector_json(const std::vector<float>& values, bool base64) {
  if (base64) return "\"" + to_base64({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}) + "\"";
  std::string out = "[";
  for (float value : values) out += fmt::format("{}{:.8g}", out.size() > 1 ? "," : "", value);
  return out + "]";
}

}  // namespace

void compose(content& out, const llm::request_facts& facts, std::string_view body, const behaviour& how, std::uint64_t seed, const token_counter& count) {
  composer{out, facts, body, how, seed, count}.run();
}

std::string compose_embeddings(content& out, const llm::request_facts& facts, std::string_view body, std::uint64_t seed, const token_counter& count) {
  simdjson::dom::parser parser;
  element root;
  (void)parser.parse(simdjson::padded_string{body}).get(root);
  std::int64_t dimensions = facts.model.find("large") != std::string::npos ? 3'072 : 1'536;
  if (std::int64_t wanted = 0; !root["dimensions"].get(wanted) && wanted > 0) dimensions = std::min<std::int64_t>(wanted, 16'384);
  bool base64 = string_at(root, "encoding_format") == "base64";
  std::vector<std::string> inputs;
  element input = root["input"].value_unsafe();
  auto as_text = [](element e) { std::string_view text; return e.get(text) ? std::string{simdjson::minify(e)} : std::string{text}; };
  array list;
  bool many = !input.get(list) && list.size() > 0 && !list.at(0).value_unsafe().is_number();
  if (many) for (element e : list) inputs.push_back(as_text(e));
  else inputs.push_back(as_text(input));
  if (inputs.size() > 2'048) inputs.resize(2'048);
  std::string json = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    json += fmt::format(R"({}{{"object":"embedding","index":{},"embedding":)", i ? "," : "", i);
    json += vector_json(embed(seed, inputs[i], static_cast<std::size_t>(dimensions)), base64) + "}";
  }
  out.prompt_tokens = static_cast<std::int64_t>(count(facts.model, input_text(facts)) + facts.given_tokens);
  json += "],\"model\":";
  append_json_string(json, out.model);
  if (!out.usage.missing) json += ",\"usage\":" + render_usage(out);
  return json + "}";
}

}  // namespace andon::sim
