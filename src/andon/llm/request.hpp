#pragma once
// What the gateway has to know of a request before it carries it: facts and places in the body, never a document.
// Made by a dialect's scan_request(). All views point into the body that was scanned and live as long as it.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "andon/base/quantity.hpp"

namespace andon::llm {

/// What a call asks for. Same order as ledger::operation.
enum class operation : std::uint8_t { chat, completion, embeddings, models, other };

/// A place in a body: bytes [offset, offset + size). Size 0 means absent.
struct byte_span {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  [[nodiscard]] constexpr bool present() const { return size != 0; }
  [[nodiscard]] constexpr std::uint32_t end() const { return offset + size; }
  [[nodiscard]] constexpr std::string_view of(std::string_view body) const { return body.substr(offset, size); }
  constexpr bool operator==(const byte_span&) const = default;
};

/// Where a text that costs input tokens stands.
enum class text_kind : std::uint8_t { content, name, tool_call, tool_definition, schema, prompt, input };

/// One text of the request. `raw` is the inside of a JSON string (without its quotes), or with `json` set a whole JSON
/// value such as a tool's definition, to be counted as it is written.
struct text_span {
  std::string_view raw;
  text_kind kind = text_kind::content;
  bool escaped = false;  ///< holds backslashes: use append_unescaped() for the exact text
  bool json = false;
};

/// Appends the text of the inside of a valid JSON string. Lone surrogates become U+FFFD.
void append_unescaped(std::string& out, std::string_view raw);

/// Top-level fields that only gateways understand; a provider may refuse them, so they can be taken out.
enum class gateway_field : std::uint8_t { tags, cache, fallbacks, guardrails, num_retries, count_ };

struct request_facts {
  operation op = operation::other;
  std::string model;                     ///< decoded; empty only where the operation needs none
  bool stream = false;
  bool include_usage = false;            ///< stream_options.include_usage is true
  std::uint32_t choices = 1;             ///< max(n, best_of), at least 1
  std::optional<tokens> max_output;      ///< per choice: the larger of max_completion_tokens and max_tokens; absent when
                                         ///< missing, null, negative or not a number (the provider judges those)
  std::optional<double> temperature, top_p, frequency_penalty, presence_penalty;  ///< absent when missing or not a number
  std::optional<std::int64_t> seed;
  std::string user;                      ///< `safety_identifier`, else `user`
  std::string service_tier;
  std::vector<std::pair<std::string, std::string>> metadata;  ///< values that are not strings as their JSON text; at most 64
  std::vector<std::string> tags;         ///< strings of the top-level `tags`, at most 64
  bool has_tools = false;                ///< non-empty `tools` or `functions`
  bool has_response_format = false;      ///< `response_format` other than null and {"type":"text"}
  std::uint32_t messages = 0;            ///< chat: messages; completion and embeddings: inputs (1 for a single string)
  std::uint32_t image_parts = 0;
  std::uint32_t audio_parts = 0;
  std::uint32_t file_parts = 0;
  std::uint64_t file_bytes = 0;          ///< of the data that file parts carry, as written (base64)
  std::uint32_t unseen_files = 0;        ///< file parts that name what the provider has
  std::uint64_t given_tokens = 0;        ///< input tokens that came as numbers (token arrays)
  std::vector<text_span> texts;          ///< at most max_texts; what is beyond is covered by one last `json` span

  // Places for edits.
  std::uint32_t first_member = 0;        ///< just behind the opening brace
  bool has_members = false;              ///< besides those of gateway_members
  byte_span response_format_value;       ///< when has_response_format
  byte_span model_value;                 ///< with its quotes
  byte_span stream_options_value;        ///< any JSON value
  byte_span include_usage_value;         ///< inside it
  bool stream_options_is_object = false;
  bool stream_options_is_empty = false;  ///< `{}`
  std::array<byte_span, static_cast<std::size_t>(gateway_field::count_)> gateway_members{};  ///< key and value, no comma

  static constexpr std::size_t max_texts = 65'536;
};

}  // namespace andon::llm
