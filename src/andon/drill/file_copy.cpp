#include "andon/drill/file_copy.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "andon/base/hashing.hpp"

namespace andon::drill {
namespace {

constexpr std::size_t block_bytes = 1u << 20;

std::unexpected<error> failed(std::string_view doing, const std::filesystem::path& file) {
  const int why = errno;
  const auto code = why == ENOENT ? errc::not_found : why == EEXIST ? errc::already_exists : why == ENOSPC || why == EDQUOT ? errc::disk_full : errc::io_error;
  return fail(code, std::string(doing) + " " + file.string() + ": " + std::strerror(why));
}

class open_file {
public:
  open_file(const std::filesystem::path& file, int flags) : fd_(::open(file.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~open_file() { if (fd_ >= 0) ::close(fd_); }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  [[nodiscard]] int get() const { return fd_; }

private:
  int fd_;
};

/// Calls each(bytes, count) for every block.
template <class F>
result<void> each_block(const open_file& in, const std::filesystem::path& file, F&& each) {
  if (in.get() < 0) return failed("open", file);
  std::vector<char> block(block_bytes);
  for (;;) {
    const auto got = ::read(in.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", file);
    if (got == 0) return {};
    if (auto taken = each(block.data(), static_cast<std::size_t>(got)); !taken) return taken;
  }
}

/// Statements, for one, are dated by their files.
result<void> keep_time(const open_file& in, const open_file& out, const std::filesystem::path& to) {
  struct stat about {};
  if (::fstat(in.get(), &about) != 0) return failed("date", to);
  const std::array times{about.st_atim, about.st_mtim};
  if (::futimens(out.get(), times.data()) != 0) return failed("date", to);
  return {};
}

result<void> write_all(int fd, const std::filesystem::path& file, const char* bytes, std::size_t count) {
  while (count > 0) {
    const auto put = ::write(fd, bytes, count);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed("write", file);
    bytes += put;
    count -= static_cast<std::size_t>(put);
  }
  return {};
}

}  // namespace

result<std::uint64_t> copy_bytes(const std::filesystem::path& from, const std::filesystem::path& to) {
  const open_file in(from, O_RDONLY);
  if (in.get() < 0) return failed("open", from);
  const open_file out(to, O_WRONLY | O_CREAT | O_EXCL);
  if (out.get() < 0) return failed("create", to);
  std::uint64_t bytes = 0;
  const auto copied = each_block(in, from, [&](const char* block, std::size_t count) {
    bytes += count;
    return write_all(out.get(), to, block, count);
  });
  if (!copied) return std::unexpected(copied.error());
  if (auto dated = keep_time(in, out, to); !dated) return std::unexpected(std::move(dated.error()));
  if (::fsync(out.get()) != 0) return failed("sync", to);
  return bytes;
}

result<std::string> digest_of(const std::filesystem::path& file) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1) return fail(errc::internal, "SHA-256 is not to be had");
  const open_file in(file, O_RDONLY);
  const auto read = each_block(in, file, [&](const char* block, std::size_t count) -> result<void> {
    EVP_DigestUpdate(hash.get(), block, count);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  digest out{};
  EVP_DigestFinal_ex(hash.get(), out.data(), nullptr);
  return to_hex(out);
}

result<void> end_file(const std::filesystem::path& file, std::uint64_t bytes, std::uint64_t padded) {
  const open_file out(file, O_WRONLY);
  if (out.get() < 0) return failed("open", file);
  if (::ftruncate(out.get(), static_cast<off_t>(bytes)) != 0 || ::ftruncate(out.get(), static_cast<off_t>(padded)) != 0) return failed("shorten", file);
  if (::fsync(out.get()) != 0) return failed("sync", file);
  return {};
}

result<void> sync_directory(const std::filesystem::path& directory) {
  const open_file in(directory, O_RDONLY | O_DIRECTORY);
  if (in.get() < 0) return failed("open", directory);
  if (::fsync(in.get()) != 0) return failed("sync", directory);
  return {};
}

result<void> sync_tree(const std::filesystem::path& root) {
  std::error_code code;
  std::filesystem::recursive_directory_iterator at(root, code);
  for (; !code && at != std::filesystem::recursive_directory_iterator{}; at.increment(code)) {
    if (std::error_code gone; !at->is_directory(gone)) continue;
    if (auto synced = sync_directory(at->path()); !synced) return synced;
  }
  if (code) return fail(errc::io_error, "list " + root.string() + ": " + code.message());
  return sync_directory(root);
}

}  // namespace andon::drill
