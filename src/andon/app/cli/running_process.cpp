#include "andon/app/cli/running_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "andon/app/cli/admin_client.hpp"

namespace andon::app::cli {
namespace {

namespace fs = std::filesystem;

fs::path place_of(pid_t pid, const char* what) { return fs::path("/proc") / std::to_string(pid) / what; }

/// Texts that each end with a zero byte.
result<std::vector<std::string>> read_list(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(errc::forbidden, "cannot read " + file.string() + ": run this as the user that runs the gateway");
  const std::string all{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::string> out;
  for (std::size_t at = 0; at < all.size();) {
    const auto end = std::min(all.find('\0', at), all.size());
    out.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& from) {
  std::vector<char*> out;
  for (const auto& one : from) out.push_back(const_cast<char*>(one.c_str()));  // posix_spawn takes them so and changes none
  out.push_back(nullptr);
  return out;
}

/// The lock's last holder lets go of it when its last thread ends, some time after the process counts as dead.
bool is_free(const fs::path& lock) {
  const int fd = ::open(lock.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;
  const bool out = flock(fd, LOCK_SH | LOCK_NB) == 0;
  ::close(fd);
  return out;
}

int open_output(pid_t pid, int descriptor) {
  const int fd = ::open(place_of(pid, "fd").append(std::to_string(descriptor)).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  return fd >= 0 ? fd : ::open("/dev/null", O_WRONLY | O_CLOEXEC);
}

}  // namespace

running_process::running_process(running_process&& other) noexcept
    : pid_(other.pid_), data_(std::move(other.data_)), program_(std::move(other.program_)), directory_(std::move(other.directory_)), arguments_(std::move(other.arguments_)), environment_(std::move(other.environment_)),
      out_(std::exchange(other.out_, -1)), error_(std::exchange(other.error_, -1)) {}

running_process::~running_process() {
  for (const int fd : {out_, error_})
    if (fd >= 0) ::close(fd);
}

result<running_process> running_process::read(const std::string& data_directory) {
  const auto line = read_line_of(data_directory, "ledger.lock").value_or("");
  pid_t pid = 0;
  const auto [end, code] = std::from_chars(line.data(), line.data() + line.size(), pid);
  if (code != std::errc{} || pid <= 0 || kill(pid, 0) != 0) {
    if (code == std::errc{} && errno == EPERM) return fail(errc::forbidden, fmt::format("process {} is another user's: run this as the user that runs the gateway", pid));
    return fail(errc::unavailable, fmt::format("no gateway is running on this data directory ({})", data_directory));
  }
  running_process out(pid, data_directory);
  std::error_code failed;
  out.program_ = fs::read_symlink(place_of(pid, "exe"), failed).string();
  if (failed) return fail(errc::forbidden, fmt::format("cannot read {}: run this as the user that runs the gateway", place_of(pid, "exe").string()));
  if (out.program_.ends_with(" (deleted)")) return fail(errc::conflict, "the gateway's program file was replaced since it was started: restart it before a drill");
  out.directory_ = fs::read_symlink(place_of(pid, "cwd"), failed).string();
  auto arguments = read_list(place_of(pid, "cmdline"));
  if (!arguments) return std::unexpected(std::move(arguments.error()));
  auto environment = read_list(place_of(pid, "environ"));
  if (!environment) return std::unexpected(std::move(environment.error()));
  out.arguments_ = std::move(*arguments);
  out.environment_ = std::move(*environment);
  out.out_ = open_output(pid, STDOUT_FILENO);
  out.error_ = open_output(pid, STDERR_FILENO);
  return out;
}

bool running_process::gone() const {
  if (kill(pid_, 0) != 0) return true;
  std::ifstream in(place_of(pid_, "stat"));
  std::string text;
  std::getline(in, text);
  const auto name_end = text.rfind(')');
  const bool dead = name_end == std::string::npos || text.substr(name_end).starts_with(") Z");
  return dead && is_free(fs::path(data_) / "ledger.lock") && is_free(fs::path(data_) / "audit.lock");
}

result<pid_t> running_process::start_again() const {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out_, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, error_, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, directory_.c_str());
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, program_.c_str(), &actions, &attributes, pointers(arguments_).data(), pointers(environment_).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return fail(errc::io_error, fmt::format("cannot start {} again: {}", program_, std::strerror(failed)));
  return pid;
}

}  // namespace andon::app::cli
