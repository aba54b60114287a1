#pragma once
// Readiness of one non-blocking descriptor, edge-triggered: registered with the core's epoll once, after which waiting
// costs no system call. The owner reads and writes with plain system calls (or OpenSSL), first, and waits only when the
// kernel has no more:
//
//   n = ::recv(events.descriptor(), …);
//   if (n < size) events.drained();                    // EAGAIN or a short read: the next wait really waits
//   …
//   if (!events.readable()) co_await events.wait_readable();
//   if (events.cancelled()) …                          // a deadline's callback called cancel()
//
// A FIN that arrives together with the last bytes of a short read raises no event of its own: a reader that must see it
// tries a read after a pause (the server's idle probe).
//
// One coroutine may wait for reading and one for writing. Threads: the core's own.
#include <cstdint>

#include "andon/net/core.hpp"

namespace andon::net {

class socket_events {
public:
  using watcher = void (*)(void* context);

  /// Takes over the descriptor, which must be non-blocking; destroying closes it. Check usable() after. Starts out as
  /// readable(); where the peer speaks first and has hardly spoken yet, call drained() at once.
  socket_events(core& at, int descriptor);
  socket_events(const socket_events&) = delete;  // the reactor's operations refer to it
  socket_events& operator=(const socket_events&) = delete;
  ~socket_events();

  [[nodiscard]] core& at() const { return core_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] bool usable() const { return usable_; }  ///< false: epoll refused it (out of memory or watches)
  /// The descriptor, open and watched no more, for an owner who goes on with it. Nobody may wait; only destroying is left.
  [[nodiscard]] int give_up();

  /// True until drained(): a read may find bytes.
  [[nodiscard]] bool readable() const { return readable_; }
  void drained() { readable_ = false; }
  void assume_readable() { readable_ = true; }
  [[nodiscard]] auto wait_readable() { return suspension<&socket_events::await_read>{this}; }
  /// Until the kernel takes bytes again (call after EAGAIN of a write or EINPROGRESS of a connect).
  [[nodiscard]] auto wait_writable() { return suspension<&socket_events::await_write>{this}; }

  /// Ends a wait for writing without its condition, so that the writer looks at what else has changed.
  void wake_writer() { writer_.wake(); }

  /// Ends the waits of now and of all later: they return at once, and cancelled() is true. The woken coroutines run
  /// before this returns and may destroy this object.
  void cancel();
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  /// Makes a pending wait_readable() return, nothing else.
  void wake_reader() { reader_.wake(); }

  /// While no coroutine waits for reading, `call` is told of every readiness event (bytes, FIN, RST, error).
  /// nullptr ends it. The callback may destroy this object.
  void watch(watcher call, void* context);
  /// While no coroutine waits for writing: who watches is also told, once, when the kernel takes bytes again.
  void watch_writable();
  /// True if the peer has shut its side down or reset the connection, even behind unread bytes. One system call.
  [[nodiscard]] bool peer_gone() const;

private:
  struct operation;
  using thread = boost::asio::detail::awaitable_thread<executor>;
  using frame = boost::asio::detail::awaitable_frame_base<executor>;
  template <auto Start>
  struct suspension {
    socket_events* events;
    thread* operator()(frame* top) const {
      (events->*Start)(top);
      return nullptr;
    }
  };
  void await_read(frame* top);
  void await_write(frame* top);
  void queue(operation*& which, int kind);
  void release(operation*& which);
  void unregister(bool closing);
  void told_writable();
  [[nodiscard]] bool wanted(bool reading) const { return reading ? reader_.waiting() || watcher_ != nullptr : writer_.waiting() || write_watched_; }

  core& core_;
  void* registration_ = nullptr;  ///< of the reactor
  operation* read_ = nullptr;
  operation* write_ = nullptr;
  wait_point reader_;
  wait_point writer_;
  watcher watcher_ = nullptr;
  void* watcher_context_ = nullptr;
  int descriptor_;
  bool usable_ = false;
  bool readable_ = true;
  bool cancelled_ = false;
  bool write_watched_ = false;
};

}  // namespace andon::net
