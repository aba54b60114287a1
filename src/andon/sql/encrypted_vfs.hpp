#pragma once
// A SQLite VFS that keeps a database unreadable at rest: pages of the main file and page images in the write-ahead log
// are AES-256-XTS encrypted, each unit under its place in the file; the shared-memory file holds no content. What is
// in clear: sizes, page numbers and SQLite's checksums of log frames. XTS hides, it does not authenticate: damage is
// found by checksums of what is stored, where the owner keeps some.
//
// Life cycle: make → open databases by name() → close them → destroy. Thread-safe as the system's VFS is.
#include <memory>
#include <string>

#include "andon/base/error.hpp"
#include "andon/base/secret.hpp"

namespace andon::sql {

class encrypted_vfs {
public:
  /// `key`: 32 bytes. `page_size`: of every database opened with it. errc::invalid_argument, internal.
  static result<std::unique_ptr<encrypted_vfs>> make(const secret& key, std::uint32_t page_size);
  ~encrypted_vfs();
  encrypted_vfs(const encrypted_vfs&) = delete;
  encrypted_vfs& operator=(const encrypted_vfs&) = delete;

  [[nodiscard]] const std::string& name() const;

private:
  struct state;
  explicit encrypted_vfs(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace andon::sql
