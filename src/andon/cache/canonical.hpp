#pragma once
// The identity of a request: two requests that must get the same answer have the same key, two that may get different
// ones have different keys.
//
// The body is written in a canonical form: members of objects sorted, white space gone, strings and numbers by value
// (`1.0` is `1e0`, `"\u0041"` is `"A"`). Top-level fields that do not change an answer are left out: model (the route
// stands for it), user, safety_identifier, metadata, store, prompt_cache_key, prompt_cache_retention, and those that only
// gateways read. stream_options counts only where the reply is a stream. The key is the whole SHA-256 of scope and form,
// never shortened, so that nobody can construct a request that gets another one's answer.
//
// Pure functions, thread-safe. Time is linear in the body but for sorting and nesting; both are bounded.
#include <optional>
#include <string>
#include <string_view>

#include "andon/base/hashing.hpp"
#include "andon/llm/request.hpp"

namespace andon::cache {

/// What beside the body decides on the answer. The views need live only during the call.
struct key_scope {
  std::string_view project;
  std::string_view route;
  std::string_view served;    ///< what answers for the route: its targets, so that a changed route is a new one
  std::string_view variant;   ///< headers that reach the provider, and whatever else tells answers apart
  llm::operation op = llm::operation::chat;
  bool stream = false;
};

inline constexpr unsigned max_nesting = 64;

/// `scratch` keeps its capacity between calls. Nothing: the body cannot be reduced to one meaning (a name twice in an
/// object, nesting deeper than max_nesting, a number beyond any range), so it has no key and is not cached.
std::optional<digest> request_key(const key_scope& scope, std::string_view body, std::string& scratch);

/// A question apart from everything around it.
struct question {
  digest partition{};    ///< of scope and body without the text (system prompt, tools, parameters, earlier turns, …), and
                         ///< of the text's telling words, so that other numbers and negations are another partition
  std::string text;      ///< of the last message, which is the user's
};

/// For a chat whose last message is the user's and consists of one text. Nothing for others: images, tool results, an
/// assistant's beginning.
std::optional<question> question_of(const key_scope& scope, std::string_view body, std::string& scratch);

}  // namespace andon::cache
