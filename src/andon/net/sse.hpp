#pragma once
// Server-sent events (WHATWG HTML, section 9.2), read incrementally.
//
//   sse_reader reader;
//   reader.feed(bytes);                             // as they come, split anywhere
//   while (auto event = reader.next()) …            // views, valid until the next call of next() or feed()
//   if (reader.failed()) …                          // an event above the bound
//   if (reader.in_event()) …                        // at the end of the stream: it was cut in mid-event
//
// An event of one `data:` line that lies whole in the fed bytes is handed out as views into them, nothing is copied.
// LF, CRLF and CR end lines; a byte order mark at the start is skipped; comments are skipped. Every blank line ends an
// event, also one without fields: a comment that keeps the connection alive is handed out too, without data.
// Threads: one owner.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace andon::net {

struct sse_event {
  std::string_view name;   ///< the `event` field; empty means "message"
  std::string_view data;   ///< lines joined by LF
  std::string_view id;     ///< last seen `id` field of the stream
  std::string_view raw;    ///< exactly the bytes of this event as received, comments and its blank line included: all `raw`
                           ///< in order and then raw_rest() are the stream, so it can be relayed unchanged
  bool has_data = false;   ///< false: no `data` field (browsers drop it): relay it, don't interpret it
};

class sse_reader {
public:
  static constexpr std::size_t default_max_event = 16u << 20;
  explicit sse_reader(std::size_t max_event = default_max_event) : max_event_(max_event) {}

  /// Takes the next bytes; they must stay in place until next() has returned nothing. Call only then again.
  void feed(std::string_view bytes);
  /// The next whole event, or nothing: feed more.
  std::optional<sse_event> next();
  /// An event was larger than the bound; nothing more comes.
  [[nodiscard]] bool failed() const { return failed_; }
  /// After next() has returned nothing: the bytes after the last whole event.
  [[nodiscard]] std::string_view raw_rest() const { return pending_; }
  /// After next() has returned nothing: an event has begun and not ended.
  [[nodiscard]] bool in_event() const;

private:
  std::size_t block_end(std::string_view bytes);
  sse_event parse(std::string_view block);

  std::size_t max_event_;
  std::string pending_;        ///< the unfinished event
  std::string current_;        ///< a finished event that had spanned feeds: the views' storage
  std::string joined_;         ///< data of more than one line
  std::string id_;
  std::string_view fed_;       ///< what is left of the last feed
  bool line_is_empty_ = true;  ///< of the search for the blank line: nothing yet on the current line
  bool skip_lf_ = false;       ///< of the search: a LF right after belongs to the CR before
  bool started_ = false;
  bool failed_ = false;
};

}  // namespace andon::net
