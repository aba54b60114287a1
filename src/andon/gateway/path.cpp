#include "andon/gateway/path.hpp"

#include "andon/gateway/model_list.hpp"
#include "andon/gateway/stages.hpp"

namespace andon::gateway {
namespace {

using ledger::stage;

/// The stages in their order. `identify` reads only the head and stands before the body is received, so that nobody
/// without a key can make the gateway hold a body.
net::task<result<void>> carry(gateway& on, exchange& x) {
  if (on.draining()) co_return fail(errc::draining, "The gateway is shutting down; retry on another instance.");
  x.enter(stage::identify, on.now());
  if (auto known = identify(on, x); !known) co_return std::unexpected(std::move(known.error()));
  if (x.asked.op == llm::operation::models) co_return co_await answer_models(on, x);

  x.enter(stage::receive, on.now());
  const auto body = co_await x.call->read_body();
  if (!body) co_return std::unexpected(body.error());
  x.body = *body;

  x.enter(stage::decode, on.now());
  if (auto decoded = decode(on, x); !decoded) co_return std::unexpected(std::move(decoded.error()));

  x.enter(stage::admit, on.now());
  if (auto admitted = admit(on, x); !admitted) co_return std::unexpected(std::move(admitted.error()));

  x.enter(stage::dispatch, on.now());
  co_return co_await dispatch(on, x);
}

}  // namespace

net::task<void> run_path(gateway& on, exchange& x) {
  const auto carried = co_await carry(on, x);
  if (!carried) co_await answer_error(on, x, carried.error());
}

}  // namespace andon::gateway
