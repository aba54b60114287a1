#include "andon/net/http_client.hpp"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "andon/base/hashing.hpp"
#include "andon/net/pool.hpp"

namespace andon::net {
namespace {

struct endpoint_hash {
  std::size_t operator()(const endpoint& to) const { return xxh3(to.host, (std::uint64_t{to.port} << 2) | (to.tls ? 2u : 0u) | (to.verify ? 1u : 0u)); }
};

}  // namespace

struct http_client::state {
  state(core& on, resolver& names, const client_settings& settings) : context{on, names, settings, {}} {}

  result<endpoint_pool*> pool_for(const endpoint& to) {
    if (last != nullptr && last->to() == to) return last;
    auto found = pools.find(to);
    if (found == pools.end()) {
      auto made = std::make_unique<endpoint_pool>(context, to);
      if (to.tls) {
        auto shared = trust(to);
        if (!shared) return std::unexpected(std::move(shared.error()));
        made->use_tls(std::move(*shared));
      }
      found = pools.emplace(to, std::move(made)).first;
    }
    last = found->second.get();
    return last;
  }

  static bool trusts_alike(const endpoint& a, const endpoint& b) {
    return a.ca_file == b.ca_file && a.verify == b.verify && a.certificate_file == b.certificate_file && a.key_file == b.key_file;
  }

  result<std::shared_ptr<tls_context>> trust(const endpoint& to) {
    for (auto& [known, pool] : pools)
      if (known.tls && trusts_alike(known, to)) return pool->tls();
    return tls_context::make({to.ca_file, to.verify, to.certificate_file, to.key_file});
  }

  pool_context context;
  std::unordered_map<endpoint, std::unique_ptr<endpoint_pool>, endpoint_hash> pools;
  endpoint_pool* last = nullptr;
};

http_client::http_client(core& on, resolver& names, const client_settings& settings)
    : state_(std::make_unique<state>(on, names, settings)) {}

http_client::~http_client() {
  for (auto& [to, pool] : state_->pools) pool->shut_down();
}

task<result<reply_ptr>> http_client::send(const endpoint& to, const outgoing_request& request, const call_deadlines& until, call_switch* stop) {
  const mono_time began = state_->context.at.now();
  mono_time sent_at = began;
  auto found = state_->pool_for(to);
  if (!found) co_return std::unexpected(std::move(found.error()));
  endpoint_pool& pool = **found;
  client_connection* on = nullptr;
  if (pool.may_share()) [[unlikely]] {
    auto shared = co_await pool.links().send(request, until, began, stop);
    if (!shared) co_return std::unexpected(std::move(shared.error()));
    if (shared->reply != nullptr) co_return std::move(shared->reply);
    on = shared->alone;
  }
  if (on == nullptr) on = pool.take_idle();
  for (bool again = false;; again = true) {
    if (on == nullptr) {
      auto opened = co_await pool.open(until, stop, alpn_http1);
      if (!opened) co_return std::unexpected(std::move(opened.error()));
      on = *opened;
      on->measured.renewed = again;
      sent_at = state_->context.at.now();
    }
    if (on->measured.reused) ++state_->context.counts.reused;
    auto outcome = co_await on->exchange(request, until, began, stop);
    if (outcome) co_return reply_ptr(on);
    const bool repeat = on->stale() && !again && state_->context.at.now() - sent_at <= stale_within;
    pool.destroy(*on);
    on = nullptr;
    if (again) outcome.error().message += renewed_note;
    if (!repeat) co_return std::unexpected(std::move(outcome.error()));
    ++state_->context.counts.retried;
  }
}

void http_client::close_idle() {
  for (auto& [to, pool] : state_->pools) pool->close_idle();
}

void http_client::renew_trust(const std::function<void(const endpoint&, const error&)>& refused) {
  std::vector<std::pair<const endpoint*, std::shared_ptr<tls_context>>> made;   // one for all that say the same
  for (auto& [to, pool] : state_->pools) {
    if (!to.tls) continue;
    auto same = std::ranges::find_if(made, [wanted = &to](const auto& one) { return state::trusts_alike(*one.first, *wanted); });
    if (same == made.end()) {
      auto fresh = tls_context::make({to.ca_file, to.verify, to.certificate_file, to.key_file});
      if (!fresh) refused(to, fresh.error());
      made.emplace_back(&to, fresh ? std::move(*fresh) : nullptr);
      same = std::prev(made.end());
    }
    if (!same->second) continue;
    pool->use_tls(same->second);
    pool->retire();
  }
}

client_counts http_client::counts() const {
  client_counts now = state_->context.counts;
  for (auto& [to, pool] : state_->pools) {
    now.idle += pool->idle_count();
    now.busy += pool->count() - pool->idle_count();
  }
  return now;
}

}  // namespace andon::net
