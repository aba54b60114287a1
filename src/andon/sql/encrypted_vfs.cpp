#include "andon/sql/encrypted_vfs.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "andon/base/hashing.hpp"
#include "andon/sql/database.hpp"

namespace andon::sql {
namespace {

constexpr std::uint32_t log_header = 32;
constexpr std::uint32_t frame_header = 24;
constexpr std::uint32_t sector = 4096;

struct context_free { void operator()(EVP_CIPHER_CTX* c) const noexcept { EVP_CIPHER_CTX_free(c); } };
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, context_free>;

enum class file_role : std::uint8_t { clear, pages, log };

/// The encrypted stretch that holds or follows a byte.
struct unit { std::uint64_t first; std::uint32_t size; };

}  // namespace

struct encrypted_vfs::state {
  sqlite3_vfs vfs{};
  sqlite3_vfs* system = nullptr;
  std::string name;
  std::uint32_t page_size = 0;
  std::string key;  ///< 64 bytes: XTS uses two keys
  ~state() {
    if (!name.empty()) sqlite3_vfs_unregister(&vfs);
    OPENSSL_cleanse(key.data(), key.size());
  }
};

namespace {

class cipher {
public:
  bool start(std::string_view key) {
    for (auto& context : contexts_) {
      context.reset(EVP_CIPHER_CTX_new());
      const bool encrypt = &context == &contexts_[1];
      if (!context || EVP_CipherInit_ex(context.get(), EVP_aes_256_xts(), nullptr, reinterpret_cast<const unsigned char*>(key.data()), nullptr, encrypt ? 1 : 0) != 1) return false;
    }
    return true;
  }
  bool apply(bool encrypt, std::uint64_t place, unsigned char* to, const unsigned char* from, std::uint32_t size) const {
    unsigned char tweak[16]{};
    std::memcpy(tweak, &place, sizeof place);
    int done = 0;
    EVP_CIPHER_CTX* c = contexts_[encrypt ? 1 : 0].get();
    return EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, tweak, -1) == 1 && EVP_CipherUpdate(c, to, &done, from, static_cast<int>(size)) == 1;
  }

private:
  cipher_context contexts_[2];
};

/// What SQLite holds as a file; the system's file follows it in memory.
struct encrypted_file {
  sqlite3_file base;
  file_role role;
  std::uint32_t page_size;
  cipher* crypt;
  std::vector<unsigned char>* buffer;
  [[nodiscard]] sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }

  /// The unit around byte `at`, or the next one after it.
  [[nodiscard]] unit unit_at(std::uint64_t at) const {
    if (role == file_role::pages) return {at / sector * sector, sector};
    const std::uint64_t frame = frame_header + page_size;
    const std::uint64_t number = at < log_header ? 0 : (at - log_header) / frame;
    return {log_header + number * frame + frame_header, page_size};
  }
  /// Apart from each other in the two files.
  [[nodiscard]] std::uint64_t tweak(std::uint64_t at) const { return at * 2 + (role == file_role::log ? 1 : 0); }
};

encrypted_file* self(sqlite3_file* file) { return reinterpret_cast<encrypted_file*>(file); }
sqlite3_file* real(sqlite3_file* file) { return self(file)->real(); }

bool is_zero(const unsigned char* bytes, std::size_t size) { return std::all_of(bytes, bytes + size, [](unsigned char b) { return b == 0; }); }

/// Reads a unit in plain; short is set when the file ends before its end (the rest is zero).
int read_unit(encrypted_file& f, unit u, bool& short_read) {
  f.buffer->resize(std::size_t{u.size} * 2);
  unsigned char* raw = f.buffer->data();
  const int code = f.real()->pMethods->xRead(f.real(), raw, static_cast<int>(u.size), static_cast<sqlite3_int64>(u.first));
  short_read = code == SQLITE_IOERR_SHORT_READ;
  if (code != SQLITE_OK && !short_read) return code;
  unsigned char* plain = raw + u.size;
  if (short_read || is_zero(raw, u.size)) std::memset(plain, 0, u.size);  // a hole: never written
  else if (!f.crypt->apply(false, f.tweak(u.first), plain, raw, u.size)) return SQLITE_IOERR_READ;
  return SQLITE_OK;
}

int read_file(sqlite3_file* file, void* to, int amount, sqlite3_int64 offset) {
  encrypted_file& f = *self(file);
  if (f.role == file_role::clear) return f.real()->pMethods->xRead(f.real(), to, amount, offset);
  auto* out = static_cast<unsigned char*>(to);
  std::uint64_t at = static_cast<std::uint64_t>(offset);
  const std::uint64_t end = at + static_cast<std::uint64_t>(amount);
  bool any_short = false;
  while (at < end) {
    const unit u = f.unit_at(at);
    if (at < u.first) {  // headers of the log are in clear
      const auto n = static_cast<int>(std::min(end, u.first) - at);
      const int code = f.real()->pMethods->xRead(f.real(), out, n, static_cast<sqlite3_int64>(at));
      if (code == SQLITE_IOERR_SHORT_READ) any_short = true;
      else if (code != SQLITE_OK) return code;
      at += static_cast<std::uint64_t>(n);
      out += n;
      continue;
    }
    bool short_read = false;
    if (const int code = read_unit(f, u, short_read); code != SQLITE_OK) return code;
    any_short |= short_read;
    const auto n = static_cast<std::size_t>(std::min(end, u.first + u.size) - at);
    std::memcpy(out, f.buffer->data() + u.size + (at - u.first), n);
    at += n;
    out += n;
  }
  return any_short ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

int write_unit(encrypted_file& f, unit u, const unsigned char* plain) {
  f.buffer->resize(std::size_t{u.size} * 2);
  if (!f.crypt->apply(true, f.tweak(u.first), f.buffer->data(), plain, u.size)) return SQLITE_IOERR_WRITE;
  return f.real()->pMethods->xWrite(f.real(), f.buffer->data(), static_cast<int>(u.size), static_cast<sqlite3_int64>(u.first));
}

int write_file(sqlite3_file* file, const void* from, int amount, sqlite3_int64 offset) {
  encrypted_file& f = *self(file);
  if (f.role == file_role::clear) return f.real()->pMethods->xWrite(f.real(), from, amount, offset);
  const auto* in = static_cast<const unsigned char*>(from);
  std::uint64_t at = static_cast<std::uint64_t>(offset);
  const std::uint64_t end = at + static_cast<std::uint64_t>(amount);
  while (at < end) {
    const unit u = f.unit_at(at);
    std::size_t n = 0;
    int code = SQLITE_OK;
    if (at < u.first) {
      n = static_cast<std::size_t>(std::min(end, u.first) - at);
      code = f.real()->pMethods->xWrite(f.real(), in, static_cast<int>(n), static_cast<sqlite3_int64>(at));
    } else if (at == u.first && end >= u.first + u.size) {
      n = u.size;
      code = write_unit(f, u, in);
    } else {
      n = static_cast<std::size_t>(std::min(end, u.first + u.size) - at);
      bool short_read = false;
      code = read_unit(f, u, short_read);
      if (code == SQLITE_OK) {
        std::vector<unsigned char> plain(f.buffer->begin() + u.size, f.buffer->begin() + 2 * static_cast<std::ptrdiff_t>(u.size));
        std::memcpy(plain.data() + (at - u.first), in, n);
        code = write_unit(f, u, plain.data());
      }
    }
    if (code != SQLITE_OK) return code;
    at += n;
    in += n;
  }
  return SQLITE_OK;
}

int close_file(sqlite3_file* file) {
  encrypted_file& f = *self(file);
  const int code = f.real()->pMethods != nullptr ? f.real()->pMethods->xClose(f.real()) : SQLITE_OK;
  delete f.crypt;
  delete f.buffer;
  return code;
}

const sqlite3_io_methods methods{
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = [](sqlite3_file* f, sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); },
    .xSync = [](sqlite3_file* f, int flags) { return real(f)->pMethods->xSync(real(f), flags); },
    .xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); },
    .xLock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); },
    .xUnlock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); },
    .xCheckReservedLock = [](sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); },
    .xFileControl = [](sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); },
    .xSectorSize = [](sqlite3_file*) { return static_cast<int>(sector); },
    .xDeviceCharacteristics = [](sqlite3_file*) { return 0; },
    .xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) { return real(f)->pMethods->xShmMap(real(f), page, size, extend, out); },
    .xShmLock = [](sqlite3_file* f, int offset, int n, int flags) { return real(f)->pMethods->xShmLock(real(f), offset, n, flags); },
    .xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); },
    .xShmUnmap = [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); },
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

file_role role_of(int flags) {
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) return file_role::pages;
  return (flags & SQLITE_OPEN_WAL) != 0 ? file_role::log : file_role::clear;
}

struct opening { sqlite3_vfs* system; std::uint32_t page_size; std::string_view key; };

int open_file(const opening& with, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  auto* f = new (static_cast<void*>(file)) encrypted_file{};
  f->role = role_of(flags);
  f->page_size = with.page_size;
  f->crypt = new (std::nothrow) cipher;
  f->buffer = new (std::nothrow) std::vector<unsigned char>;
  if (f->crypt == nullptr || f->buffer == nullptr || !f->crypt->start(with.key)) {
    delete f->crypt;
    delete f->buffer;
    return SQLITE_CANTOPEN;
  }
  const int code = with.system->xOpen(with.system, path, f->real(), flags, out_flags);
  if (code != SQLITE_OK) {
    close_file(file);
    f->base.pMethods = nullptr;
    return code;
  }
  f->base.pMethods = &methods;
  return SQLITE_OK;
}

}  // namespace

encrypted_vfs::encrypted_vfs(std::unique_ptr<state> s) : state_(std::move(s)) {}
encrypted_vfs::~encrypted_vfs() = default;
const std::string& encrypted_vfs::name() const { return state_->name; }

result<std::unique_ptr<encrypted_vfs>> encrypted_vfs::make(const secret& key, std::uint32_t page_size) {
  if (key.reveal().size() != 32) return fail(errc::invalid_argument, "index: the encryption key must have 32 bytes");
  auto s = std::make_unique<state>();
  prepare_library();
  s->system = sqlite3_vfs_find(nullptr);
  if (s->system == nullptr) return fail(errc::internal, "index: SQLite has no VFS");
  s->page_size = page_size;
  for (const char* half : {"andon index pages 1", "andon index pages 2"}) {
    const digest d = hmac_sha256(key.reveal(), half);
    s->key.append(reinterpret_cast<const char*>(d.data()), d.size());
  }
  s->vfs = *s->system;
  s->vfs.iVersion = 2;
  s->vfs.pNext = nullptr;
  s->vfs.szOsFile = static_cast<int>(sizeof(encrypted_file)) + s->system->szOsFile;
  s->vfs.pAppData = s.get();
  s->vfs.xOpen = [](sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    const auto* own = static_cast<state*>(vfs->pAppData);
    return open_file({own->system, own->page_size, own->key}, path, file, flags, out_flags);
  };
  s->vfs.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync) { auto* sys = static_cast<state*>(vfs->pAppData)->system; return sys->xDelete(sys, path, sync); };
  s->vfs.xAccess = [](sqlite3_vfs* vfs, const char* path, int flags, int* out) { auto* sys = static_cast<state*>(vfs->pAppData)->system; return sys->xAccess(sys, path, flags, out); };
  s->vfs.xFullPathname = [](sqlite3_vfs* vfs, const char* path, int n, char* out) { auto* sys = static_cast<state*>(vfs->pAppData)->system; return sys->xFullPathname(sys, path, n, out); };
  s->vfs.xRandomness = [](sqlite3_vfs* vfs, int n, char* out) { auto* sys = static_cast<state*>(vfs->pAppData)->system; return sys->xRandomness(sys, n, out); };
  s->vfs.xSleep = [](sqlite3_vfs* vfs, int us) { auto* sys = static_cast<state*>(vfs->pAppData)->system; return sys->xSleep(sys, us); };
  s->vfs.xCurrentTime = [](sqlite3_vfs* vfs, double* out) { auto* sys = static_cast<state*>(vfs->pAppData)->system; return sys->xCurrentTime(sys, out); };
  s->vfs.xCurrentTimeInt64 = [](sqlite3_vfs* vfs, sqlite3_int64* out) { auto* sys = static_cast<state*>(vfs->pAppData)->system; return sys->xCurrentTimeInt64(sys, out); };
  s->vfs.xGetLastError = [](sqlite3_vfs* vfs, int n, char* out) { auto* sys = static_cast<state*>(vfs->pAppData)->system; return sys->xGetLastError(sys, n, out); };
  s->name = fmt::format("andon-encrypted-{}", static_cast<const void*>(s.get()));
  s->vfs.zName = s->name.c_str();
  if (sqlite3_vfs_register(&s->vfs, 0) != SQLITE_OK) { s->name.clear(); return fail(errc::internal, "index: SQLite refused the encrypted VFS"); }
  return std::unique_ptr<encrypted_vfs>(new encrypted_vfs(std::move(s)));
}

}  // namespace andon::sql
