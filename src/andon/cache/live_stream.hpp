#pragma once
// A streamed reply on its way, for those who read it beside the one it is made for.
//
// One writer, who never waits; any number of readers, each at its own place. Everything is kept while it fits the window;
// beyond it the beginning is let go, so that memory is bounded whatever the readers do: who is further behind has lost
// its place, and nobody new can begin.
//
// Life cycle: made by the leader of a flight when its stream begins, shared with the flight's seats; the last of them
// destroys it. Threads: any; one lock, held for the copy of a piece. wake() of seats is called without it.
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/cache/reply.hpp"

namespace andon::cache {

class seat;
using seat_ptr = std::shared_ptr<seat>;

class live_stream {
public:
  static constexpr std::size_t chunk = 16u << 10;

  /// How it stands.
  enum class state : std::uint8_t { open, complete, broken };
  /// What a read found: `more`: a piece, others may follow. `nothing`: come again when woken. `last`: the piece is the
  /// last one (it may be empty), the reply is complete. `broken`: likewise, but the reply broke off. `lost`: the reader's
  /// place has been let go.
  enum class found : std::uint8_t { more, nothing, last, broken, lost };

  live_stream(std::size_t window, std::string content_type, model_name model)
      : window_(window), content_type_(std::move(content_type)), model_(std::move(model)) {}
  live_stream(const live_stream&) = delete;  // readers refer to it
  live_stream& operator=(const live_stream&) = delete;

  [[nodiscard]] const std::string& content_type() const { return content_type_; }
  /// That the stream began with.
  [[nodiscard]] const model_name& model() const { return model_; }

  // the writer
  void append(std::string_view bytes);
  /// As append(), but no reader sees the bytes before the end.
  void hold(std::string_view bytes);
  /// The whole reply has been appended. `about`: what is known of it; its body is not used.
  void complete(reply_ptr about);
  /// It ends before the reply did. `told`: the bytes say so themselves.
  void break_off(reply_ptr about, error why, bool told);

  // anyone
  [[nodiscard]] state is() const;
  /// Nothing has been let go: a reader may begin.
  [[nodiscard]] bool from_start() const;
  [[nodiscard]] std::uint64_t size() const;
  /// All bytes, those that are held included; empty when some were let go.
  [[nodiscard]] std::string contents() const;

  // a reader
  /// At most `most` bytes from the place `at` on, into `piece`. With `nothing`, `who` is woken once when there is more.
  [[nodiscard]] found read(std::uint64_t at, std::size_t most, std::string& piece, const seat_ptr& who);
  /// Once it has ended.
  [[nodiscard]] reply_ptr about() const;
  [[nodiscard]] error why() const;
  [[nodiscard]] bool told() const;

private:
  void put(std::string_view bytes);
  void end(state how, reply_ptr about, error why, bool told);
  [[nodiscard]] std::vector<seat_ptr> publish();
  void copy(std::uint64_t at, std::size_t count, std::string& out) const;

  const std::size_t window_;
  const std::string content_type_;
  const model_name model_;
  mutable std::mutex lock_;
  std::deque<std::string> chunks_;     // all but the last are full
  std::uint64_t begin_ = 0;            // place of the first byte that is kept
  std::uint64_t end_ = 0;              // behind the last byte
  std::uint64_t visible_ = 0;          // behind the last byte that readers may have
  std::vector<seat_ptr> waiting_;
  state state_ = state::open;
  reply_ptr about_;
  error why_{errc::none, {}};
  bool told_ = false;
};

using live_stream_ptr = std::shared_ptr<live_stream>;

}  // namespace andon::cache
