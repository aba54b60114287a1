#pragma once
// Request in, reply plan out: the simulated provider without its sockets.
//
// Deterministic: the same script, the same requests in the same order and the same times give the same plans; the text
// of an answer depends on seed and prompt alone. Life cycle: one per server; one thread.
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "andon/net/http_types.hpp"
#include "andon/sim/script.hpp"

namespace andon::sim {

struct sim_request {
  std::string_view method, path, query;
  std::span<const net::header> headers;
  std::string_view body;
};

/// What becomes of the connection after the bytes.
enum class ending : std::uint8_t {
  keep,        ///< next request
  close,       ///< FIN
  reset,       ///< RST
  half_close,  ///< FIN for writing; waits for the client's
  hang,        ///< stays open and silent until the client leaves
};

struct step {
  nanoseconds wait{};
  std::string bytes;
};

struct reply_plan {
  std::string_view canned;    ///< whole reply, owned by the engine: when set, there are no steps
  std::vector<step> steps;    ///< head and body, as they go on the wire
  ending end = ending::keep;
  int status = 0;             ///< for counting; 0: nothing that has a status is sent
};

/// Tokens of a text for a model.
using token_counter = std::function<std::uint64_t(std::string_view model, std::string_view text)>;
/// Four tokens for three words.
std::uint64_t words_as_tokens(std::string_view model, std::string_view text);

class engine {
public:
  explicit engine(script what, token_counter count = words_as_tokens);
  ~engine();
  engine(engine&&) noexcept;

  /// `since_start` is the age of the server: the clock of the rules' windows.
  reply_plan answer(const sim_request& request, nanoseconds since_start);
  /// Asked once for every accepted connection: `refuse`, `reset_in_request` or none.
  fault at_accept(nanoseconds since_start);
  [[nodiscard]] std::uint64_t requests() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace andon::sim
