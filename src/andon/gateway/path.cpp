#include "andon/gateway/path.hpp"

#include "andon/gateway/embedding_batch.hpp"
#include "andon/gateway/feedback.hpp"
#include "andon/gateway/model_list.hpp"
#include "andon/gateway/server_refusals.hpp"
#include "andon/gateway/stages.hpp"

namespace andon::gateway {
namespace {

using ledger::stage;

/// Why a request that is no call is refused. Whoever asks has been identified before, so that a caller's mistakes are
/// in its Records; nobody needs a key to be told that a path does not exist.
std::unexpected<error> misdirected(const exchange& x) {
  const auto path = std::string(x.call->path().substr(0, 200));
  if (x.what == errand::wrong_method) return fail(errc::method_not_allowed, "The path '" + path + "' takes " + std::string(x.allow) + ".");
  return fail(errc::unknown_path, "Unknown path '" + path + "'. Clients' base URL ends in /v1; see GET /v1/models.");
}

/// Refused before its body is read: the core's work already waits too long.
std::unexpected<error> shed(gateway& on, exchange& x) {
  x.retry_after = std::max<nanoseconds>(std::chrono::seconds{1}, 2 * on.load().lag());
  on.parts().meter.refused("load", errc::overloaded);
  return fail(errc::overloaded, "The gateway is overloaded and refuses calls of this priority for the moment.");
}

/// The stages in their order. `identify` reads only the head and stands before the body is received, so that nobody
/// without a key can make the gateway hold a body.
net::task<result<void>> carry(gateway& on, exchange& x) {
  x.enter(stage::identify, on.now());
  auto known = identify(on, x);
  if (x.what == errand::options) {
    co_await answer_options(on, x);
    co_return result<void>{};
  }
  if (x.what != errand::call && x.what != errand::feedback) co_return misdirected(x);
  if (on.draining()) co_return fail(errc::draining, "The gateway is shutting down; retry on another instance.");
  if (!known) co_return std::unexpected(std::move(known.error()));
  if (x.what == errand::feedback) co_return co_await take_feedback(on, x);
  if (x.asked.op == llm::operation::models) co_return co_await answer_models(on, x);

  if (!on.has_time_for(x.rank)) co_return shed(on, x);

  if (auto entered = let_in(on, x); !entered) co_return std::unexpected(std::move(entered.error()));
  x.enter(stage::receive, on.now());
  const auto body = co_await x.call->read_body();
  if (!body) co_return std::unexpected(in_full(body.error()));
  x.body = *body;
  x.body_share.shrink(x.body.size());

  x.enter(stage::decode, on.now());
  if (auto decoded = decode(on, x); !decoded) co_return std::unexpected(std::move(decoded.error()));

  x.enter(stage::admit, on.now());
  if (auto admitted = admit(on, x); !admitted) co_return std::unexpected(std::move(admitted.error()));

  if (has_cache(on, x)) {
    x.enter(stage::recall, on.now());
    auto found = co_await recall(on, x);
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (*found) co_return result<void>{};
  }

  x.enter(stage::dispatch, on.now());
  if (may_join(on, x)) co_return co_await dispatch_joined(on, x);
  co_return co_await dispatch(on, x);
}

}  // namespace

net::task<void> run_path(gateway& on, exchange& x) {
  const auto carried = co_await carry(on, x);
  if (!carried) co_await answer_error(on, x, in_time(carried.error(), x.given(), on.now()));
}

}  // namespace andon::gateway
