#include "andon/route/fault.hpp"

#include <gtest/gtest.h>

namespace andon::route {
namespace {

using namespace std::chrono_literals;

TEST(fault, every_error_of_a_provider_has_a_kind_but_the_total_deadline) {
  for (const auto& row : error_table()) {
    const bool expected = row.from == origin::provider && row.code != errc::total_timeout;
    EXPECT_EQ(fault_of(row.code, 0) != fault_kind::none, expected) << row.name;
  }
}

TEST(fault, statuses_map_to_errors_and_kinds) {
  struct row { int status; errc code; fault_kind kind; };
  for (const auto& [status, code, kind] : {row{400, errc::upstream_rejected, fault_kind::none}, row{422, errc::upstream_rejected, fault_kind::none},
                                           row{401, errc::upstream_error, fault_kind::credential}, row{404, errc::upstream_error, fault_kind::credential},
                                           row{405, errc::upstream_error, fault_kind::credential}, row{410, errc::upstream_error, fault_kind::credential},
                                           row{408, errc::upstream_error, fault_kind::timeout}, row{409, errc::upstream_error, fault_kind::server_error},
                                           row{429, errc::upstream_rate_limited, fault_kind::rate_limit}, row{500, errc::upstream_error, fault_kind::server_error},
                                           row{529, errc::upstream_error, fault_kind::server_error}}) {
    EXPECT_EQ(error_of_status(status), code) << status;
    EXPECT_EQ(fault_of(code, status), kind) << status;
  }
}

TEST(fault, reads_retry_after_in_all_its_forms) {
  const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 17h};
  struct row { const char* seconds; const char* millis; nanoseconds wait; };
  for (const auto& [seconds, millis, wait] : {row{"3", "", 3s}, row{" 0.5 ", "", 500ms}, row{"3", "250", 250ms}, row{"", "", 0s}, row{"-1", "", 0s},
                                              row{"soon", "", 0s}, row{"1e3", "", 0s}, row{"99999999999", "", 0s}, row{"nan", "", 0s},
                                              row{"Sun, 22 Nov 2026 17:00:30 GMT", "", 30s}, row{"Sun, 22 Nov 2026 16:00:30 GMT", "", 0s},
                                              row{"Sun, 32 Nov 2026 17:00:30 GMT", "", 0s}, row{"Sun, 22 Nvo 2026 17:00:30 GMT", "", 0s},
                                              row{"Sun, 22 Nov 2026 25:00:30 GMT", "", 0s}, row{"Sun, 22 Nov 9999 17:00:30 GMT", "", 0s}, row{"Sun, 22 Nov 1110 17:00:30 GMT", "", 0s},
                                              row{"Sun, 22 Nov 2026 17-00-30 GMT", "", 0s}})
    EXPECT_EQ(parse_retry_after(seconds, millis, now), wait) << seconds << '/' << millis;
}

TEST(fault, kinds_have_names_that_parse) {
  for (const char* name : {"connect", "timeout", "429", "5xx", "reset", "bad_reply", "credential"}) EXPECT_EQ(to_string(parse_fault_kind(name).value()), name);
  EXPECT_FALSE(parse_fault_kind("none"));
  EXPECT_FALSE(parse_fault_kind("4xx"));
}

}  // namespace
}  // namespace andon::route
