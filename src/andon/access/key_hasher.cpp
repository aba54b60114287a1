// SHA256_* copies its state without allocation; the EVP interface allocates on every copy.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "andon/access/key_hasher.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "andon/base/random.hpp"

namespace andon::access {
namespace {

constexpr std::size_t block = 64;

std::string reason() { return std::generic_category().message(errno); }

class descriptor {
public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() { if (fd_ >= 0) ::close(fd_); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

private:
  int fd_;
};

result<void> write_all(int fd, std::string_view bytes, const std::filesystem::path& file) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno == ENOSPC ? errc::disk_full : errc::io_error, "cannot write " + file.string() + ": " + reason());
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return fail(errc::io_error, "cannot sync " + file.string() + ": " + reason());
  return {};
}

void sync_directory(const std::filesystem::path& file) {
  const auto folder = file.parent_path().empty() ? std::filesystem::path{"."} : file.parent_path();
  const descriptor fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (fd.get() >= 0) ::fsync(fd.get());
}

}  // namespace

struct key_hasher::pads {
  SHA256_CTX inner;
  SHA256_CTX outer;
};

key_hasher::key_hasher(const secret& pepper) : pads_(std::make_unique<pads>()) {
  std::array<unsigned char, block> key{};
  const auto text = pepper.reveal();
  if (text.size() > block) {
    const auto shortened = sha256(text);
    std::copy(shortened.begin(), shortened.end(), key.begin());
  } else {
    std::copy(text.begin(), text.end(), key.begin());
  }
  for (auto& byte : key) byte ^= 0x36U;
  SHA256_Init(&pads_->inner);
  SHA256_Update(&pads_->inner, key.data(), key.size());
  for (auto& byte : key) byte ^= 0x36U ^ 0x5cU;
  SHA256_Init(&pads_->outer);
  SHA256_Update(&pads_->outer, key.data(), key.size());
  OPENSSL_cleanse(key.data(), key.size());
}

key_hasher::~key_hasher() { OPENSSL_cleanse(pads_.get(), sizeof(pads)); }

digest key_hasher::hash(std::string_view text) const noexcept {
  digest out;
  SHA256_CTX context = pads_->inner;
  SHA256_Update(&context, text.data(), text.size());
  SHA256_Final(out.data(), &context);
  context = pads_->outer;
  SHA256_Update(&context, out.data(), out.size());
  SHA256_Final(out.data(), &context);
  return out;
}

result<secret> read_secret_file(const std::filesystem::path& file) {
  const descriptor fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (fd.get() < 0) return fail(errno == ENOENT ? errc::not_found : errc::io_error, "cannot open " + file.string() + ": " + reason());
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0 || !S_ISREG(about.st_mode)) return fail(errc::io_error, file.string() + " is not a regular file");
  if ((about.st_mode & 077U) != 0) return fail(errc::forbidden, file.string() + " may be read by others; run chmod 600 on it");
  std::array<char, 4096> buffer;
  const auto n = ::read(fd.get(), buffer.data(), buffer.size());
  if (n < 0) return fail(errc::io_error, "cannot read " + file.string() + ": " + reason());
  std::string_view text{buffer.data(), static_cast<std::size_t>(n)};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  secret out{std::string(text)};
  OPENSSL_cleanse(buffer.data(), buffer.size());
  return out;
}

result<void> write_secret_file(const std::filesystem::path& file, const secret& text) {
  const auto temporary = file.string() + ".new";
  ::unlink(temporary.c_str());
  {
    const descriptor fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (fd.get() < 0) return fail(errc::io_error, "cannot make " + temporary + ": " + reason());
    const secret line{std::string(text.reveal()) + "\n"};
    if (auto written = write_all(fd.get(), line.reveal(), file); !written) return written;
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) return fail(errc::io_error, "cannot make " + file.string() + ": " + reason());
  sync_directory(file);
  return {};
}

result<secret> load_or_make_pepper(const std::filesystem::path& file) {
  auto read = read_secret_file(file);
  if (!read && read.error().code == errc::not_found) {
    std::array<unsigned char, 32> bytes{};
    secure_random(bytes);
    const secret fresh{to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()})};
    OPENSSL_cleanse(bytes.data(), bytes.size());
    if (auto written = write_secret_file(file, fresh); !written) return std::unexpected(written.error());
    return fresh;
  }
  if (!read) return read;
  if (read->reveal().size() != 64 || !from_hex(read->reveal()))
    return fail(errc::corrupt, file.string() + " is not 64 hexadecimal digits; restore it from a backup: without it no key is valid");
  return read;
}

}  // namespace andon::access
