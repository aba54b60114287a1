#include "andon/cache/shared_replies.hpp"

namespace andon::cache {
namespace {

using metrics::description;

const description hits_family{"andon.cache.hits", "Calls that got a kept or shared reply, by kind: exact, semantic, shared (a call under way)", "{call}"};
const description not_kept_family{"andon.cache.not_kept", "Replies that were not kept, by reason", "{reply}"};

}  // namespace

shared_replies::shared_replies(metrics::registry& registry, store_limits limits)
    : kept(limits), questions(kept), hits_(registry.make_counter(hits_family, {{"kind", "exact"}})),
      semantic_hits_(registry.make_counter(hits_family, {{"kind", "semantic"}})),
      shared_hits_(registry.make_counter(hits_family, {{"kind", "shared"}})),
      misses_(registry.make_counter({"andon.cache.misses", "Calls that found nothing in the cache", "{call}"})),
      refreshes_(registry.make_counter({"andon.cache.refreshes", "Calls that asked for a new reply", "{call}"})),
      off_(registry.make_counter({"andon.cache.bypassed", "Calls of a route with a cache that did not use it: the caller asked so, or the request has no key", "{call}"})),
      saved_(registry.make_counter({"andon.cache.saved_nano_usd", "What the calls that were served from the cache had cost once, in billionths of a dollar", ""})),
      embeddings_(registry.make_counter({"andon.cache.embeddings", "Embeddings asked for by the semantic cache", "{call}"})),
      embedding_failures_(registry.make_counter({"andon.cache.embedding_failures", "Embeddings that failed or came too late: the calls went on as misses", "{call}"})) {
  for (auto why = worth::incomplete; why <= worth::unpriced; why = static_cast<worth>(static_cast<int>(why) + 1))
    not_kept_.push_back(&registry.make_counter(not_kept_family, {{"reason", std::string(to_string(why))}}));
  const auto show = [&](description about, metrics::kind what, auto read) { readings_.push_back(registry.observe(about, what, {}, [this, read] { return static_cast<double>(read(*this)); })); };
  using metrics::kind;
  show({"andon.cache.stored", "Replies that were kept", "{reply}"}, kind::counter, [](const auto& c) { return c.kept.counts().stored; });
  show({"andon.cache.evicted", "Kept replies that gave way to others", "{reply}"}, kind::counter, [](const auto& c) { return c.kept.counts().evicted; });
  show({"andon.cache.expired", "Kept replies whose time was over when somebody asked for them", "{reply}"}, kind::counter, [](const auto& c) { return c.kept.counts().expired; });
  show({"andon.cache.too_large", "Replies larger than cache.max_entry", "{reply}"}, kind::counter, [](const auto& c) { return c.kept.counts().too_large; });
  show({"andon.cache.entries", "Replies kept now", "{reply}"}, kind::gauge, [](const auto& c) { return c.kept.counts().entries; });
  show({"andon.cache.size", "Memory of everything that the cache keeps", "By"}, kind::gauge, [](const auto& c) { return c.kept.counts().bytes; });
  show({"andon.cache.waiting", "Calls that wait for the reply of an identical one", "{call}"}, kind::gauge, [](const auto& c) { return c.calls.waiting(); });
  show({"andon.cache.questions", "Questions that the semantic cache knows", "{question}"}, kind::gauge, [](const auto& c) { return c.questions.entries(); });
  show({"andon.cache.questions_evicted", "Questions of the semantic cache that gave way to others", "{question}"}, kind::counter, [](const auto& c) { return c.questions.evicted(); });
}

void shared_replies::count(use what, nano_usd saved) {
  switch (what) {
    case use::none: return;
    case use::off: return off_.add();
    case use::miss: return misses_.add();
    case use::refresh: return refreshes_.add();
    case use::hit: hits_.add(); break;
    case use::semantic: semantic_hits_.add(); break;
    case use::shared: shared_hits_.add(); break;
  }
  if (saved > nano_usd{}) saved_.add(static_cast<std::uint64_t>(saved.value()));
}

void shared_replies::not_kept(worth why) {
  if (why != worth::keep) not_kept_[static_cast<std::size_t>(why) - 1]->add();
}

void shared_replies::embedding(bool failed) {
  embeddings_.add();
  if (failed) embedding_failures_.add();
}

}  // namespace andon::cache
