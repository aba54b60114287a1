#pragma once
// Streams of the OpenAI dialect: recognises events, collects usage, and assembles what the reply would have been
// without streaming (for the Record, for caches, for clients that did not ask for a stream).
//
// Life cycle: one per stream; feed() each event's data in order; then read the rest. One thread at a time.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/llm/reply.hpp"
#include "andon/llm/stream.hpp"

namespace andon::llm::openai {

struct stream_options {
  bool client_wants_usage = true;          ///< false: the usage the gateway asked for is withheld from the client
  std::uint32_t choices = 1;               ///< as asked for, for the verdict
  std::size_t max_assembled = 16u << 20;   ///< bytes of text kept; beyond it assembled_truncated() becomes true
};

class stream_assembler {
public:
  explicit stream_assembler(operation op, stream_options options = {});
  ~stream_assembler();
  stream_assembler(stream_assembler&&) noexcept;
  stream_assembler& operator=(stream_assembler&&) noexcept;

  /// One event: the data of an SSE event (joined lines, without `data:`), and its event name when there was one.
  /// Errors: upstream_bad_reply for data that is not JSON or not UTF-8, or for a chunk of the wrong shape; the
  /// assembler stays usable and keeps what it had, and what it read of the event before the fault.
  result<stream_event> feed(std::string_view data, std::string_view event_name = {});

  /// For an event whose action is edit: the data to send instead, in `storage`.
  static std::string_view without_usage(std::string_view data, const stream_event& event, std::string& storage);

  [[nodiscard]] completeness verdict() const;
  /// There is an answer and every choice of it has a finish_reason: an end marker before that ends a truncated stream.
  [[nodiscard]] bool whole() const;
  [[nodiscard]] bool all_finished() const;                      ///< every choice asked for has a finish_reason
  [[nodiscard]] const std::optional<usage>& use() const;        ///< as the provider said
  [[nodiscard]] const std::optional<provider_error>& failure() const;
  [[nodiscard]] std::string_view model() const;
  [[nodiscard]] std::string_view service_tier() const;          ///< that served, where the provider says
  [[nodiscard]] std::string_view id() const;
  [[nodiscard]] std::string_view finish_reason() const;         ///< of choice 0
  [[nodiscard]] std::uint32_t events() const;                   ///< fed so far, the end marker included
  [[nodiscard]] std::size_t content_bytes() const;              ///< generated text so far, for an estimate of its tokens
  [[nodiscard]] bool assembled_truncated() const;
  /// What came so far is plain text of one choice, unfinished: another model can be asked to go on with it.
  [[nodiscard]] bool continuable() const;
  /// The text of choice 0, as the inside of a JSON string.
  [[nodiscard]] std::string_view content() const;
  /// Another stream goes on with this one: forgets a reported failure, and what was read of the text beyond `bytes`.
  void resume(std::size_t bytes);
  /// Raw JSON of a top-level member of the first chunks, such as `id`; empty when there is none.
  [[nodiscard]] std::string_view head(std::string_view name) const;
  /// Calls `take` with each generated text (raw inside of a JSON string), to count tokens when usage is missing.
  void visit_texts(const std::function<void(std::string_view raw)>& take) const;

  /// The reply as it would have come without streaming: `chat.completion` or `text_completion`.
  [[nodiscard]] std::string assemble() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace andon::llm::openai
