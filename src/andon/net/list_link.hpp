#pragma once

namespace andon::net {

/// A link of a circular intrusive list. A head is a link that points at itself. Destroying does not unlink.
struct list_link {
  list_link* next = nullptr;
  list_link* prev = nullptr;

  [[nodiscard]] bool linked() const { return next != nullptr; }
  void make_head() { next = prev = this; }
  void insert_before(list_link& position) {
    next = &position;
    prev = position.prev;
    prev->next = this;
    position.prev = this;
  }
  void unlink() {
    if (next == nullptr) return;
    prev->next = next;
    next->prev = prev;
    next = prev = nullptr;
  }
};

}  // namespace andon::net
