#pragma once
// A gate counts who is inside an object with background work. Closing it refuses newcomers; whoever closes waits for
// the rest. Destroying a gate with somebody inside is a bug (asserted).
//
// Threads: one core's thread.
#include <cassert>
#include <cstddef>
#include <utility>

#include "andon/net/wait_point.hpp"

namespace andon::net {

class gate {
public:
  /// Held by one who is inside; leaves when destroyed.
  class pass {
  public:
    pass() = default;
    explicit pass(gate& into) : gate_(&into) {}
    pass(pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    pass& operator=(pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~pass() {
      if (gate_ != nullptr) gate_->leave();
    }
    explicit operator bool() const { return gate_ != nullptr; }

  private:
    gate* gate_ = nullptr;
  };

  gate() = default;
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;
  ~gate() { assert(inside_ == 0 && "a gate was destroyed with work inside"); }

  /// An empty pass if the gate is closed.
  [[nodiscard]] pass enter() {
    if (closed_) return {};
    ++inside_;
    return pass{*this};
  }
  void close() { closed_ = true; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] std::size_t inside() const { return inside_; }

  /// Closes and waits for everybody inside. One waiter.
  task<void> close_and_wait() {
    closed_ = true;
    while (inside_ != 0) co_await emptied_.wait();
  }

private:
  void leave() {
    if (--inside_ == 0 && closed_) emptied_.wake();
  }

  std::size_t inside_ = 0;
  bool closed_ = false;
  wait_point emptied_;
};

}  // namespace andon::net
