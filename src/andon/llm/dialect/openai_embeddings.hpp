#pragma once
// Embeddings requests that go to a provider together, and their common reply, taken apart again.
// Pure functions over bytes, thread-safe. Bodies are those that scan_request and scan_reply accept.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/llm/request.hpp"

namespace andon::llm::openai {

/// What an embeddings request asks for, and how.
struct embedding_request {
  std::vector<std::string_view> inputs;  ///< each as JSON: a string, or an array of token numbers. Views into the body
  bool tokens = false;                   ///< the inputs are token arrays
  /// Every other member in the order of names, `"name":value` with commas, but for `model` and those of the gateway: two
  /// requests with equal options may go together.
  std::string options;
};

/// Nothing: the request cannot be joined with others (no or mixed inputs, a name given twice).
std::optional<embedding_request> read_embedding_request(const request_facts& facts, std::string_view body);

/// One request for all inputs, in this order. `model` empty: the path names it.
std::string join_embedding_requests(std::string_view model, std::string_view options, std::span<const std::string_view> inputs);

/// A reply to several inputs. Views into the body.
struct embedding_reply {
  struct entry {
    std::string_view object;             ///< an element of `data`
    byte_span index;                     ///< of its number in `object`; size 0: it has none
  };
  std::vector<entry> entries;            ///< in the order of the inputs
  std::string head;                      ///< the other members but `usage`, each with a comma behind it
};

/// Errors: upstream_bad_reply: there are not exactly `inputs` entries, one for each index.
result<embedding_reply> read_embedding_reply(std::string_view body, std::size_t inputs);

/// The reply to `count` of the inputs, from `first` on, as if they had been asked alone. `input_tokens` negative: no usage.
std::string embedding_reply_part(const embedding_reply& of, std::size_t first, std::size_t count, std::int64_t input_tokens);

/// Parts of `total` in proportion to the weights, by largest remainder: they add up to it. Weights all zero count as equal.
std::vector<std::int64_t> share_out(std::int64_t total, std::span<const std::int64_t> weights);

}  // namespace andon::llm::openai
