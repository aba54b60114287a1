#include "andon/app/cli/ledger_export.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "andon/app/cli/admin_client.hpp"

namespace andon::app::cli {
namespace {

struct close_file {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// Counts lines and says so on a terminal, ten thousand at a time.
class progress {
public:
  void add(std::string_view bytes) {
    lines_ += static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
    if (!shown_ || lines_ < next_) return;
    next_ = lines_ + 10'000;
    fmt::print(stderr, "\r{} Records", lines_);
  }
  void end() const {
    if (shown_) fmt::print(stderr, "\r{} Records\n", lines_);
  }

private:
  std::uint64_t lines_ = 0, next_ = 10'000;
  bool shown_ = isatty(STDERR_FILENO) == 1;
};

}  // namespace

int export_records(const context& in, const std::string& query, const std::string& file, std::uint64_t most) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto fresh = file + ".part";
  std::unique_ptr<std::FILE, close_file> opened;
  if (!file.empty()) {
    opened.reset(std::fopen(fresh.c_str(), "wb"));
    if (!opened) return complain({errc::io_error, fmt::format("cannot write {}: {}", fresh, std::strerror(errno))});
  }
  std::FILE* to = opened ? opened.get() : stdout;
  progress said;
  const auto got = client->stream("/api/v1/records/export" + query_text({{"q", query}, {"max", most == 0 ? "" : std::to_string(most)}}),
                                  [&](std::string_view piece) -> result<void> {
                                    if (std::fwrite(piece.data(), 1, piece.size(), to) != piece.size()) return fail(errc::io_error, "writing the export failed");
                                    said.add(piece);
                                    return {};
                                  });
  if (!got) return complain(got.error());
  if (std::fflush(to) != 0) return complain({errc::io_error, "writing the export failed"});
  said.end();
  if (file.empty()) return done;
  opened.reset();
  std::error_code wrong;
  std::filesystem::rename(fresh, file, wrong);
  return wrong ? complain({errc::io_error, fmt::format("cannot write {}: {}", file, wrong.message())}) : done;
}

}  // namespace andon::app::cli
