#pragma once
// The gateway's process as the system shows it, so that it can be started again exactly as it was.
//
// Life cycle: read() while it lives → gone() → start_again(). One thread.
#include <sys/types.h>

#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"

namespace andon::app::cli {

class running_process {
public:
  /// Of the gateway that holds the data directory. errc::unavailable: none runs; forbidden: it is another user's; conflict: its program file
  /// was replaced since it was started.
  static result<running_process> read(const std::string& data_directory);
  running_process(running_process&& other) noexcept;
  running_process& operator=(running_process&&) = delete;
  running_process(const running_process&) = delete;
  ~running_process();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// It is no more, or nobody has reaped it yet; in any case the data directory is free.
  [[nodiscard]] bool gone() const;
  /// The same program with the same arguments, environment and directory, its output where it went; in a session of its own.
  /// errc::io_error.
  result<pid_t> start_again() const;

private:
  running_process(pid_t pid, std::string data) : pid_(pid), data_(std::move(data)) {}
  pid_t pid_;
  std::string data_, program_, directory_;
  std::vector<std::string> arguments_, environment_;
  int out_ = -1, error_ = -1;   ///< its standard output and error, open here as well
};

}  // namespace andon::app::cli
