#pragma once
// The program's cache: what is kept, what is under way, what is similar, and how often each helped.
//
// Life cycle: one per program, made before and destroyed after the gateways that use it. Threads: any.
#include <memory>
#include <vector>

#include "andon/base/metrics.hpp"
#include "andon/cache/flights.hpp"
#include "andon/cache/similar.hpp"
#include "andon/cache/store.hpp"
#include "andon/cache/worth.hpp"

namespace andon::cache {

/// How a call met the cache. Same order as ledger::cache_use.
enum class use : std::uint8_t { none, off, miss, refresh, hit, semantic, shared };

struct shared_replies {
  explicit shared_replies(metrics::registry& registry, store_limits limits = {});
  shared_replies(const shared_replies&) = delete;  // its metrics refer to it
  shared_replies& operator=(const shared_replies&) = delete;

  void count(use what, nano_usd saved = {});
  void not_kept(worth why);
  void embedding(bool failed);

  store kept;
  flights calls;
  similar_questions questions;

private:
  metrics::counter &hits_, &semantic_hits_, &shared_hits_, &misses_, &refreshes_, &off_;
  metrics::counter &saved_, &embeddings_, &embedding_failures_;
  std::vector<metrics::counter*> not_kept_;
  std::vector<std::shared_ptr<void>> readings_;
};

}  // namespace andon::cache
