#include "andon/ledger/fts_extract.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>

#include "andon/ledger/fts_tokenizer.hpp"

namespace andon::ledger::fts {
namespace {

constexpr std::array<std::string_view, 56> not_text{
    "id", "url", "data", "role", "type", "user", "stop", "model", "tools", "usage", "object", "status", "detail", "format",
    "call_id", "file_id", "include", "b64_json", "metadata", "logprobs", "functions", "image_url", "media_type", "mime_type",
    "mimeType", "mediaType", "embedding", "file_data", "fileUri", "signature", "annotations_id", "logit_bias", "tool_choice",
    "input_audio", "tool_call_id", "tool_use_id", "service_tier", "finish_reason", "stop_reason", "finishReason",
    "stop_sequence", "stop_sequences", "response_format", "reasoning_effort", "stream_options", "prompt_cache_key",
    "encrypted_content", "thoughtSignature", "thought_signature", "safety_identifier", "system_fingerprint",
    "previous_response_id", "inlineData", "responseId", "modelVersion", "encoding_format"};
constexpr std::size_t longest_key = std::ranges::max(not_text, {}, &std::string_view::size).size();

constexpr auto keys_by_length = [] {
  std::array<std::uint64_t, longest_key + 1> table{};
  for (std::size_t i = 0; i < not_text.size(); ++i) table[not_text[i].size()] |= std::uint64_t{1} << i;
  return table;
}();

bool is_text_key(std::string_view key) {
  if (key.size() > longest_key) return true;
  for (std::uint64_t left = keys_by_length[key.size()]; left != 0; left &= left - 1) {
    if (not_text[static_cast<std::size_t>(__builtin_ctzll(left))] == key) return false;
  }
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class scanner {
public:
  scanner(std::string_view body, std::string& out) : at_(body.data()), end_(body.data() + body.size()), out_(out) {}

  /// False if the body is not the JSON this scanner knows.
  bool run() {
    for (space(); at_ != end_; space()) {
      if (!step(*at_)) return false;
    }
    return depth_ == 0 && seen_;
  }

private:
  static constexpr std::size_t max_depth = 256;

  bool step(char c) {
    switch (c) {
      case '{': case '[': return open(c == '{');
      case '}': case ']': return close(c == '}');
      case ',': key_next_ = depth_ > 0 && objects_[depth_]; ++at_; return depth_ > 0;
      case ':': ++at_; return depth_ > 0 && objects_[depth_];
      case '"': return string();
      default: return scalar();
    }
  }

  void space() { while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_; }

  bool open(bool object) {
    if (depth_ == max_depth || (depth_ == 0 && seen_)) return false;
    ++at_;
    if (!text_ && mute_ == 0) mute_ = depth_ + 1;
    objects_[++depth_] = object;
    key_next_ = object;
    seen_ = true;
    return true;
  }

  bool close(bool object) {
    if (depth_ == 0 || objects_[depth_] != object) return false;
    ++at_;
    if (mute_ == depth_) mute_ = 0;
    --depth_;
    text_ = true;
    key_next_ = false;
    return true;
  }

  bool scalar() {
    const char* first = at_;
    while (at_ != end_ && ((*at_ >= '0' && *at_ <= '9') || (*at_ >= 'a' && *at_ <= 'z') || *at_ == '-' || *at_ == '+' || *at_ == '.' || *at_ == 'E')) ++at_;
    if (at_ == first || key_next_ || depth_ == 0) return false;
    text_ = true;
    return true;
  }

  bool string() {
    const char* first = ++at_;
    for (;;) {
      const char* quote = static_cast<const char*>(std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_)));
      if (quote == nullptr) return false;
      const char* slash = quote;
      while (slash != at_ && slash[-1] == '\\') --slash;
      at_ = quote + 1;
      if ((quote - slash) % 2 != 0) continue;
      take({first, quote});
      return true;
    }
  }

  void take(std::string_view raw) {
    if (key_next_) { text_ = is_text_key(raw); key_next_ = false; return; }
    if (depth_ == 0) seen_ = true;
    if (text_ && mute_ == 0 && !raw.starts_with("data:")) { unescape(raw); out_.push_back(piece_end); }
    text_ = true;
  }

  void unescape(std::string_view raw) {
    for (;;) {
      const std::size_t slash = raw.find('\\');
      out_.append(raw.substr(0, slash));
      if (slash == std::string_view::npos || slash + 1 == raw.size()) return;
      raw.remove_prefix(slash + 1);
      if (raw.front() == 'u') { raw.remove_prefix(1); unicode(raw); continue; }
      const char c = raw.front();
      out_.push_back(c == '"' || c == '\\' || c == '/' ? c : ' ');
      raw.remove_prefix(1);
    }
  }

  static int unit(std::string_view raw) {
    if (raw.size() < 4) return -1;
    int value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const int digit = hex_digit(raw[i]);
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }

  void unicode(std::string_view& raw) {
    const int high = unit(raw);
    if (high < 0) return out_.push_back(' ');
    raw.remove_prefix(4);
    auto code = static_cast<char32_t>(high);
    if (high >= 0xD800 && high < 0xDC00 && raw.starts_with("\\u")) {
      const int low = unit(raw.substr(2));
      if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + (static_cast<char32_t>(high - 0xD800) << 10) + static_cast<char32_t>(low - 0xDC00);
        raw.remove_prefix(6);
      }
    }
    if (code < 0x20 || (code >= 0xD800 && code < 0xE000)) return out_.push_back(' ');
    word_buffer utf8;
    utf8.push(code);
    out_.append(utf8.view());
  }

  const char* at_;
  const char* end_;
  std::string& out_;
  std::bitset<max_depth + 1> objects_;
  std::size_t depth_ = 0;
  std::size_t mute_ = 0;       ///< depth of the container that holds no text; 0: none
  bool key_next_ = false;
  bool text_ = true;           ///< the coming value is text
  bool seen_ = false;
};

}  // namespace

void extract_text(std::string_view body, std::string& out) {
  out.clear();
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return;
  const char c = body[first];
  if ((c == '{' || c == '[' || c == '"') && scanner(body, out).run()) return;
  out.assign(body);
}

}  // namespace andon::ledger::fts
