#pragma once
// What the room's tests share: a folder of their own and a ledger with Records in it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "andon/base/random.hpp"
#include "andon/base/testing_place.hpp"
#include "andon/ledger/ledger.hpp"

namespace andon::drill::testing_support {

class temporary_directory {
public:
  temporary_directory() {
    std::string name = (andon::testing_support::testing_place() / "andon-drill-XXXXXX").native();
    path_ = ::mkdtemp(name.data());
  }
  ~temporary_directory() { std::error_code ignored; std::filesystem::remove_all(path_, ignored); }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

inline std::unique_ptr<ledger::ledger> open_ledger(const std::filesystem::path& data, const clock& time, std::optional<secret> master_key = {}) {
  ledger::ledger_options how{.data = data, .segment_bytes = 64 << 10, .sync_interval = std::chrono::milliseconds{1}, .index_poll = std::chrono::milliseconds{1}, .store_retry = std::chrono::milliseconds{1}};
  how.master_key = std::move(master_key);
  return ledger::ledger::open(std::move(how), time, nullptr).value();
}

inline void append(ledger::ledger& to, std::uint64_t count, const clock& time) {
  random_source random(7);
  for (std::uint64_t n = 0; n < count; ++n) {
    ledger::record r;
    r.started = time.wall();
    r.id = request_id::make(r.started, random);
    r.route = route_name{"chat"};
    r.request_body = std::string(200, 'q');
    r.reply_body = std::string(500, 'a');
    ASSERT_TRUE(to.writer(0).append_record(r));
  }
}

}  // namespace andon::drill::testing_support
