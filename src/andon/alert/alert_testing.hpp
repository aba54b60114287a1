#pragma once
// Short ways to write alerts and rules in tests.
#include <gtest/gtest.h>

#include "andon/alert/configuration.hpp"

namespace andon::alert::testing_support {

using namespace std::chrono_literals;

inline const wall_time t0{std::chrono::seconds{1'760'000'000}};  // 2025-10-09 08:53:20 UTC, a Thursday

inline matchers match(const std::string& text) {
  auto read = matcher::parse_all(text);
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return read ? *read : matchers{};
}
inline posted_alert posted(label_set labels, std::optional<wall_time> starts = {}, std::optional<wall_time> ends = {}) { return {std::move(labels), {}, starts, ends}; }

inline way way_of(std::string_view kind) {
  way out;
  out.kind = find_kind(kind);
  out.url = secret("http://127.0.0.1:1/hook");
  return out;
}

}  // namespace andon::alert::testing_support
