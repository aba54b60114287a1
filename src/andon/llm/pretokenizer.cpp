#include "andon/llm/pretokenizer.hpp"

#include "andon/llm/pretokenizer_scan.hpp"

namespace andon::llm {

std::size_t next_piece(piece_rule rule, std::string_view text, std::size_t at) {
  switch (rule) {
    case piece_rule::gpt2: return detail::scanner<piece_rule::gpt2>(text).next(at);
    case piece_rule::cl100k: return detail::scanner<piece_rule::cl100k>(text).next(at);
    case piece_rule::o200k: break;
  }
  return detail::scanner<piece_rule::o200k>(text).next(at);
}

}  // namespace andon::llm
