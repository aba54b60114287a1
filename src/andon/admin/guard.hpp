#pragma once
// Who may talk to the admin port at all, before any key is looked at: a page of another site, or a name that was
// pointed at this machine, may not; a peer that guesses keys is slowed.
//
// Threads: the admin core's.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "andon/base/clock.hpp"
#include "andon/net/http_types.hpp"

namespace andon::admin {

/// Host is an IP literal, localhost or one of `names` (against DNS rebinding), with or without a port.
bool is_own_host(std::string_view host, std::span<const std::string> names = {});
/// No Origin, or the Origin of this very host (against requests that other sites' pages send).
bool is_own_origin(std::span<const net::header> headers);

/// Failed authentications per peer in a minute.
class failure_count {
public:
  static constexpr int allowed = 20;
  static constexpr nanoseconds window = std::chrono::minutes{1};
  static constexpr std::size_t max_peers = 4'096;

  /// How long the peer has to wait, or nothing.
  [[nodiscard]] std::optional<nanoseconds> must_wait(std::string_view peer, mono_time now) const;
  void failed(std::string_view peer, mono_time now);

private:
  struct entry {
    mono_time since;
    int failures = 0;
  };
  std::unordered_map<std::string, entry> peers_;
};

}  // namespace andon::admin
