#include "andon/gateway/dispatch_queue.hpp"

#include "andon/route/waiting_room.hpp"

namespace andon::gateway {
namespace {

using fate = route::waiting_room::fate;

constexpr nanoseconds between_looks = std::chrono::milliseconds{100};

/// A call in the waiting room. Its ticket may be taken by another core, which then posts to this one: so it lives until
/// that post has arrived.
struct waiting_call {
  waiting_call(net::core& core, net::wait_point& where)
      : on(core), pause(where), alarm(core.timers(), [](void* at) { static_cast<net::wait_point*>(at)->wake(); }, &where) {}
  net::core& on;
  net::wait_point& pause;
  net::deadline_timer alarm;
  route::waiting_room::ticket ticket;
  bool arrived = false;

  static void wake(void* self) {
    auto& one = *static_cast<waiting_call*>(self);
    one.on.post([&one] {
      one.arrived = true;
      one.pause.wake();
    });
  }
};

std::unexpected<error> busy(exchange& x, const served_route& at, nanoseconds retry_after) {
  x.retry_after = retry_after;
  return fail(errc::overloaded, "Every target of '" + at.name.str() + "' has as many calls as it takes, and the queue for them is full or too slow for this call.");
}

/// Sleeps until the fate is decided, or the client left, or `until` passed: then the ticket is out of the room.
net::task<bool> wait_for_fate(gateway& on, exchange& x, route::waiting_room& room, waiting_call& one, deadline until) {
  while (!one.arrived) {
    if ((x.gone || until.passed(on.now())) && room.leave(one.ticket)) co_return false;
    one.alarm.arm(until.earlier(deadline::after(on.now(), between_looks)));
    co_await x.pause.wait();
    if (!one.arrived) room.sweep(on.now());
  }
  co_return true;
}

}  // namespace

net::task<result<route::attempt_step>> wait_for_place(gateway& on, exchange& x, const served_route& at, route::attempt_plan& attempts) {
  if (at.choice->room() == nullptr) co_return busy(x, at, std::chrono::seconds{1});
  auto& room = *at.choice->room();
  waiting_call one(on.parts().on, x.pause);
  const auto until = attempts.total().earlier(deadline::after(on.now(), at.choice->settings().queue.max_wait));
  one.ticket.of = at.choice.get();
  one.ticket.about = &attempts.about();
  one.ticket.targets = attempts.busy_targets();
  one.ticket.rank = x.rank;
  one.ticket.until = until;
  one.ticket.wake = &waiting_call::wake;
  one.ticket.context = &one;
  const auto joined = room.join(one.ticket, on.now());
  if (!joined) co_return busy(x, at, joined.error());
  if (*joined == fate::waiting) {
    const bool decided = co_await wait_for_fate(on, x, room, one, until);
    if (!decided && x.gone) co_return fail(errc::client_gone, "The client left while the call waited for a place.");
    if (!decided) co_return busy(x, at, std::chrono::seconds{1});
  }
  if (one.ticket.now == fate::granted) co_return attempts.granted(one.ticket.index, one.ticket.taken, on.now());
  if (one.ticket.now == fate::displaced) co_return busy(x, at, one.ticket.retry_after);
  co_return fail(errc::no_target, "No target of '" + at.name.str() + "' is left that the call could wait for.");
}

}  // namespace andon::gateway
