#pragma once
// Host names to addresses, off the cores' threads.
//
// getaddrinfo blocks, for many seconds if a name server is silent, so lookups run on up to sixteen threads of the
// resolver, started when first needed. Who asks for a name that is being looked up shares the answer, so that one silent
// name holds one thread, however many cores and calls want it. Caching is the client's (per endpoint, with a time to live).
//
// Life cycle: outlives every http_client that uses it. The destructor waits for lookups under way.
// Threads: lookup() from any thread; the answer is posted to the io_context that was given.
#include <boost/asio/ip/address.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/net/core.hpp"

namespace andon::net {

using addresses = std::vector<boost::asio::ip::address>;

/// Blocks. What the system's resolver says, in its order of preference; duplicates removed. Errors: dns_failed.
result<addresses> resolve_with_system(const std::string& host);

/// A literal IPv4 or IPv6 address (brackets allowed) needs no lookup; anything else gives an empty list.
addresses parse_literal_address(std::string_view host);

class resolver {
public:
  using function = std::function<result<addresses>(const std::string& host)>;
  using callback = std::function<void(result<addresses>)>;
  /// Dropping it makes sure that the callback is not called any more. Belongs to the thread of `answer_on`.
  using ticket = std::shared_ptr<void>;

  /// Tests give their own `lookup`.
  explicit resolver(function lookup = resolve_with_system);
  ~resolver();
  resolver(const resolver&) = delete;  // its threads refer to it
  resolver& operator=(const resolver&) = delete;

  /// Calls `done` on `answer_on`'s thread.
  [[nodiscard]] ticket lookup(std::string host, io_context& answer_on, callback done);

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace andon::net
