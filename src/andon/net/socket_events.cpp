// Uses Asio's reactor below its public interface, whose every wait costs an epoll_ctl or a read that finds nothing.
// The build pins the version of Boost.
#include "andon/net/socket_events.hpp"

#include <poll.h>
#include <unistd.h>

#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>

namespace andon::net {
namespace {

using boost::asio::detail::reactor_op;
using os_reactor = boost::asio::detail::reactor;

os_reactor& reactor_of(core& at) { return boost::asio::use_service<os_reactor>(at.context()); }

}  // namespace

// Outlives its socket_events while the scheduler still holds it, then deletes itself.
struct socket_events::operation : reactor_op {
  explicit operation(socket_events* of, bool reads)
      : reactor_op({}, reads ? perform_read : perform_write, complete), owner(of), reading(reads) {}

  static status perform_read(reactor_op* base) {
    socket_events* events = static_cast<operation*>(base)->owner;
    if (events == nullptr) return not_done;
    events->readable_ = true;
    return events->wanted(true) ? done_and_exhausted : not_done;
  }
  static status perform_write(reactor_op* base) {
    const auto* self = static_cast<operation*>(base);
    if (self->owner == nullptr || self->starting) return not_done;
    return self->owner->wanted(false) ? done_and_exhausted : not_done;
  }
  static void complete(void* scheduler, boost::asio::detail::scheduler_operation* base, const boost::system::error_code&, std::size_t) {
    auto* self = static_cast<operation*>(static_cast<reactor_op*>(base));
    self->queued = false;
    socket_events* events = self->owner;
    if (events == nullptr) return delete self;
    if (scheduler == nullptr) return;
    if (!self->reading) return events->told_writable();
    if (events->watcher_ != nullptr || !events->reader_.waiting()) events->queue(events->read_, os_reactor::read_op);
    if (events->reader_.waiting()) return events->reader_.wake();
    if (events->watcher_ != nullptr) events->watcher_(events->watcher_context_);
  }

  socket_events* owner;
  bool reading;
  bool queued = false;
  bool starting = false;
};

socket_events::socket_events(core& at, int descriptor) : core_(at), descriptor_(descriptor) {
  os_reactor::per_descriptor_data registration = nullptr;
  usable_ = reactor_of(core_).register_descriptor(descriptor_, registration) == 0;
  registration_ = registration;
  if (usable_) queue(read_, os_reactor::read_op);
  readable_ = true;
}

socket_events::~socket_events() {
  if (descriptor_ < 0) return;
  unregister(true);
  ::close(descriptor_);
}

void socket_events::unregister(bool closing) {
  auto registration = static_cast<os_reactor::per_descriptor_data>(registration_);
  auto& os = reactor_of(core_);
  os.deregister_descriptor(descriptor_, registration, closing);
  release(read_);
  release(write_);
  os.cleanup_descriptor_data(registration);
}

int socket_events::give_up() {
  unregister(false);
  return std::exchange(descriptor_, -1);
}

void socket_events::release(operation*& which) {
  if (which == nullptr) return;
  which->owner = nullptr;
  if (!which->queued) delete which;
  which = nullptr;
}

void socket_events::queue(operation*& which, int kind) {
  if (which == nullptr) which = new operation(this, kind == os_reactor::read_op);
  if (which->queued) return;
  which->queued = true;
  which->starting = true;
  auto registration = static_cast<os_reactor::per_descriptor_data>(registration_);
  reactor_of(core_).start_op(kind, descriptor_, registration, which, true, true);
  which->starting = false;
}

void socket_events::await_read(frame* top) {
  (void)reader_.wait()(top);
  if (cancelled_ || readable_) return reader_.wake();
  queue(read_, os_reactor::read_op);
}

void socket_events::await_write(frame* top) {
  (void)writer_.wait()(top);
  if (cancelled_) return writer_.wake();
  queue(write_, os_reactor::write_op);
}

void socket_events::cancel() {
  cancelled_ = true;
  auto reader = reader_.take();
  auto writer = writer_.take();
  if (reader) reader->resume();
  if (writer) writer->resume();
}

void socket_events::watch(watcher call, void* context) {
  watcher_ = call;
  watcher_context_ = context;
  if (call != nullptr) queue(read_, os_reactor::read_op);
}

void socket_events::watch_writable() {
  write_watched_ = true;
  queue(write_, os_reactor::write_op);
}

void socket_events::told_writable() {
  if (writer_.waiting()) return writer_.wake();
  if (std::exchange(write_watched_, false) && watcher_ != nullptr) watcher_(watcher_context_);
}

bool socket_events::peer_gone() const {
  pollfd look{descriptor_, POLLRDHUP, 0};
  return ::poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

}  // namespace andon::net
