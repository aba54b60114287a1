#pragma once
// Embeddings calls that arrive within a small window go to a provider as one. Only calls of one project and route that
// differ in nothing but their inputs are joined; each gets its own part of the reply, its own Record, cost and errors.
//
// The joined call is an exchange of its own, whose client is the batch: routing, retries, failover and hedging are those
// of every call. It has no ticket and no Record; both are its members'. It may take as long as the most patient of them;
// each member waits within its own deadline and leaves alone. When nobody is left, the joined call is cancelled. Where
// the joined call is refused because of what it says, each member is sent alone, so that one bad input harms nobody else.
//
// Threads: one core's. Life cycle: one batcher per gateway; destroyed after the gateway's work has ended.
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "andon/gateway/stages.hpp"

namespace andon::gateway {

class embedding_batch;

class batcher {
public:
  explicit batcher(gateway& on);
  ~batcher();
  batcher(const batcher&) = delete;  // batches refer to it
  batcher& operator=(const batcher&) = delete;

  /// The batch with this key that still gathers and has room for so much, or a new one. The one that has no room goes.
  std::shared_ptr<embedding_batch> place_in(const std::string& key, const exchange& x, std::size_t inputs, std::size_t bytes);
  /// The batch gathers no more.
  void closed(const embedding_batch& one);

private:
  gateway& on_;
  std::unordered_map<std::string, std::shared_ptr<embedding_batch>> gathering_;
};

/// Whether the call may go together with others.
[[nodiscard]] bool may_join(gateway& on, const exchange& x);
/// Like dispatch(), within a batch; alone when none comes about.
net::task<result<void>> dispatch_joined(gateway& on, exchange& x);
/// Adds to the reservations of those who share a joined call. A refusal: one of them cannot.
std::optional<access::refusal> raise_members(gateway& on, embedding_batch& of, nano_usd more);

}  // namespace andon::gateway
