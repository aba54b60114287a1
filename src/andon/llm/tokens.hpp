#pragma once
// Token counts before and during a call: exact for OpenAI's models, scaled by measured factors for others.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "andon/base/quantity.hpp"
#include "andon/llm/pretokenizer.hpp"
#include "andon/llm/vocabulary.hpp"

namespace andon::llm {

/// What a piece of text consists of. Other models' vocabularies differ from OpenAI's by a different factor for each.
enum class piece_kind : std::uint8_t { word, number, symbol, space, cjk, other_script, count_ };
inline constexpr std::size_t piece_kinds = static_cast<std::size_t>(piece_kind::count_);

/// How one model family counts: tokens = sum over kinds of (base count × per mille / 1000).
struct token_profile {
  std::string_view family;       ///< `o200k`, `cl100k`, `claude`, `gemini`, …: stable, for metrics
  vocabulary_id base = vocabulary_id::o200k_base;
  std::array<std::uint16_t, piece_kinds> per_mille{1000, 1000, 1000, 1000, 1000, 1000};
  bool exact = true;             ///< the base is the model's own vocabulary
  std::uint16_t margin_per_mille = 0;  ///< what an upper bound adds to a count
  std::string_view source;       ///< where the vocabulary or the factors come from
};

/// The profile of a model by its name, with or without a `provider/` prefix, dates and suffixes (`gpt-4o-2024-08-06`).
/// A name that no rule knows gets the family `unknown`: o200k with the widest margin. The result lives for ever.
const token_profile& token_profile_of(std::string_view model);

/// Counts tokens. Immutable; any thread; construction costs nothing to speak of.
class token_counter {
public:
  using kinds = std::array<std::uint32_t, piece_kinds>;
  token_counter();

  /// Tokens of the text under a vocabulary. Special tokens' texts (`<|endoftext|>`) count as ordinary text, as a
  /// gateway must: a client's text is never a control token.
  [[nodiscard]] tokens count(vocabulary_id, std::string_view text) const;
  /// Tokens as this model family counts them: exact, or scaled by kind and rounded to the nearest.
  [[nodiscard]] tokens count(const token_profile&, std::string_view text) const;
  /// Base tokens by kind of piece.
  [[nodiscard]] kinds count_by_kind(vocabulary_id, std::string_view text) const;
  static tokens scaled(const token_profile&, const kinds&);

  [[nodiscard]] const vocabulary& table(vocabulary_id id) const { return tables_[static_cast<std::size_t>(id)]; }
  static piece_rule rule_of(vocabulary_id);

private:
  std::array<vocabulary, static_cast<std::size_t>(vocabulary_id::count_)> tables_;
};

/// Counts a reply as it streams. Keeps at most the unfinished end of the text (normally under 1 KB) and never counts a
/// byte of a finished piece twice. One owner. The counter must outlive it.
class stream_token_counter {
public:
  stream_token_counter(const token_counter&, const token_profile&);
  void feed(std::string_view delta);
  [[nodiscard]] tokens count() const;  ///< of everything fed so far; equals the count of the whole text

private:
  void settle();
  const token_counter* counter_;
  const token_profile* profile_;
  token_counter::kinds done_{};
  std::string pending_;
  std::size_t next_settle_;
};

/// One image of a request. Sizes in pixels; 0 when unknown: the rule's largest is assumed.
struct image_size { std::uint32_t width = 0, height = 0; bool low_detail = false; };

/// Tokens of one image, by the rule that the model's provider documents:
///   OpenAI tiles (platform.openai.com/docs/guides/images-vision): low detail the base; else fit into 2048², shortest side
///   to 768, base + tile × number of 512 px tiles; base/tile 85/170 (4o, 4.1, 4.5), 2833/5667 (4o-mini), 75/150 (o1, o3),
///   70/140 (gpt-5); patches of 32 px, at most 1536, × 1.62 (4.1-mini, gpt-5-mini), 2.46 (4.1-nano, gpt-5-nano),
///   1.72 (o4-mini); Claude: width × height / 750 after fitting into 1568², at most 1600; Gemini: 258 per 768 px tile,
///   258 up to 384²; others: as OpenAI's 85/170.
tokens image_tokens(std::string_view model, image_size);

/// Tokens of audio in a request: Gemini 32 a second, others 10 a second (a token per 100 ms), rounded up.
tokens audio_tokens(std::string_view model, std::uint64_t milliseconds);
/// The longest that so many bytes can play, in milliseconds: `wav` and `pcm16` at 24 kHz mono 16 bit are 48 bytes a
/// millisecond; compressed formats are taken at 24 kbit/s.
std::uint64_t longest_audio_ms(std::string_view format, std::uint64_t bytes);

/// Tokens of files in a request, of which only the size is known: `data` bytes of base64 in `files` files. A token for
/// every two bytes of a file, and 1,600 a file (an image of a page); a file that the request only names (`unseen`) counts
/// 32,768. Meant to be high, not exact: providers read a file's text and render its pages.
tokens file_tokens(std::uint64_t files, std::uint64_t data, std::uint64_t unseen);

/// What a chat costs beside its texts, by OpenAI's cookbook ("How to count tokens with tiktoken"): 3 a message, 1 a name
/// field, 3 that open the reply. Role words are texts and count 1 each, included here.
constexpr tokens chat_overhead(std::uint64_t messages, std::uint64_t names) {
  return tokens{static_cast<std::int64_t>(messages * 4 + names + 3)};
}

/// What a request may consume at most, for reservations.
struct reservation_input {
  tokens text;                           ///< count of all message texts, names, and tool definitions as JSON text
  tokens media;                          ///< images, audio and files
  bool tools = false;                    ///< tool definitions are among the text, which providers rewrite
  std::uint64_t messages = 0, names = 0; ///< both 0 for completions and embeddings
  std::optional<std::int64_t> max_output;  ///< the request's max_tokens or max_completion_tokens
  std::int64_t choices = 1;              ///< `n` (× `best_of` for completions)
  std::int64_t model_max_output = 0;     ///< the model's limit where known, else 0
  std::int64_t default_max_output = 4096;  ///< the configured default, used when neither limit is known
  bool produces_output = true;           ///< false for embeddings
};
struct reservation { tokens input, output; bool input_is_bound = false; bool output_is_bound = false; };

/// Input: text with the profile's margin, plus overhead and media. Output: the lowest known of the request's and the
/// model's limits, times choices. `input_is_bound` only for text of an exact
/// vocabulary without tools: what images, audio, files and tool definitions cost is the provider's rule, which may change. `output_is_bound` is false when only the default was known: the call may exceed it.
reservation upper_bound(const token_profile&, const reservation_input&);

}  // namespace andon::llm
