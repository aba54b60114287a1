#include "andon/net/sse.hpp"

#include <cstring>

namespace andon::net {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t none = std::string_view::npos;

// Place of the first CR or LF at or after `from`.
std::size_t find_line_end(std::string_view bytes, std::size_t from) {
  const char* begin = bytes.data() + from;
  const std::size_t size = bytes.size() - from;
  auto* lf = static_cast<const char*>(std::memchr(begin, '\n', size));
  const std::size_t before = lf != nullptr ? static_cast<std::size_t>(lf - begin) : size;
  auto* cr = before != 0 ? static_cast<const char*>(std::memchr(begin, '\r', before)) : nullptr;
  const char* first = cr != nullptr ? cr : lf;
  return first != nullptr ? static_cast<std::size_t>(first - bytes.data()) : none;
}

}  // namespace

void sse_reader::feed(std::string_view bytes) { fed_ = bytes; }

// The size of the unfinished event's part of `bytes` once its blank line is found, else none.
std::size_t sse_reader::block_end(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (skip_lf_) {
      skip_lf_ = false;
      if (bytes[at] == '\n') {
        ++at;
        continue;
      }
    }
    const std::size_t line_end = find_line_end(bytes, at);
    if (line_end == none) {
      line_is_empty_ = false;
      return none;
    }
    const bool blank = line_is_empty_ && line_end == at;
    line_is_empty_ = true;
    at = line_end + 1;
    if (bytes[line_end] == '\r') {
      skip_lf_ = at == bytes.size();
      if (!skip_lf_ && bytes[at] == '\n') ++at;
    }
    if (blank) return at;
  }
  return none;
}

std::optional<sse_event> sse_reader::next() {
  if (failed_ || fed_.empty()) return std::nullopt;
  const std::size_t end = block_end(fed_);
  const std::size_t part = end == none ? fed_.size() : end;
  if (pending_.size() + part > max_event_) {
    failed_ = true;
    return std::nullopt;
  }
  const std::string_view block = fed_.substr(0, part);
  fed_.remove_prefix(part);
  if (end == none) {
    pending_.append(block);
    return std::nullopt;
  }
  if (pending_.empty()) return parse(block);
  pending_.append(block);
  current_.swap(pending_);
  pending_.clear();
  return parse(current_);
}

sse_event sse_reader::parse(std::string_view block) {
  sse_event event;
  event.raw = block;
  if (!started_ && block.starts_with(byte_order_mark)) block.remove_prefix(byte_order_mark.size());
  started_ = true;
  bool joining = false;
  while (!block.empty()) {
    const std::size_t end = find_line_end(block, 0);   // a block ends with a line end
    const std::string_view line = block.substr(0, end);
    block.remove_prefix(end + 1);
    const std::size_t colon = line.find(':');
    if (line.empty() || colon == 0) continue;
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == none ? std::string_view{} : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
      if (!event.has_data) {
        event.data = value;
      } else {
        if (!joining) joined_.assign(event.data);
        joining = true;
        joined_.append(1, '\n').append(value);
      }
      event.has_data = true;
    } else if (field == "event") {
      event.name = value;
    } else if (field == "id" && value.find('\0') == none) {
      id_.assign(value);
    }
  }
  if (joining) event.data = joined_;
  event.id = id_;
  return event;
}

bool sse_reader::in_event() const { return raw_rest().find_first_not_of("\r\n") != none; }

}  // namespace andon::net
