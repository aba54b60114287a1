#pragma once
// A queue of coroutines that wait for something of the same core, each with its deadline. Private to the client.
#include "andon/net/core.hpp"
#include "andon/net/http_client.hpp"

namespace andon::net {

enum class wait_end : std::uint8_t { woken, expired, cancelled };

class wait_list {
public:
  wait_list() = default;
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;

  task<wait_end> wait(core& at, deadline until, call_switch* stop);
  bool wake_one(wait_end why = wait_end::woken);   ///< the one who waits longest; false if nobody does
  void wake_all(wait_end why);
  [[nodiscard]] bool empty() const { return first_ == nullptr; }

private:
  struct entry;
  void append(entry& one);
  void remove(entry& one);

  entry* first_ = nullptr;
  entry* last_ = nullptr;
};

}  // namespace andon::net
