#include "andon/net/resolver.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <future>

namespace andon::net {
namespace {

const addresses home{boost::asio::ip::make_address("10.0.0.1")};

/// Runs what is posted until `holds`, ten seconds at most.
template <class Condition>
bool becomes(io_context& on, const Condition& holds) {
  on.restart();
  const auto guard = boost::asio::make_work_guard(on);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!holds() && std::chrono::steady_clock::now() < give_up) on.run_one_for(std::chrono::milliseconds{5});
  return holds();
}

TEST(resolver, who_asks_for_the_same_name_shares_the_lookup) {
  std::promise<void> release;
  auto released = release.get_future().share();
  std::atomic<int> lookups{0};
  resolver names([&](const std::string&) -> result<addresses> {
    ++lookups;
    released.wait();
    return home;
  });
  io_context on{1};
  int answers = 0;
  std::vector<resolver::ticket> tickets;
  for (int i = 0; i < 50; ++i) tickets.push_back(names.lookup("slow.test", on, [&](result<addresses> got) { answers += got.value() == home; }));
  tickets.pop_back();  // dropped: not called
  release.set_value();
  EXPECT_TRUE(becomes(on, [&] { return answers == 49; }));
  EXPECT_EQ(lookups, 1);
  const auto again = names.lookup("slow.test", on, [&](result<addresses>) { ++answers; });
  EXPECT_TRUE(becomes(on, [&] { return answers == 50; }));
  EXPECT_EQ(lookups, 2) << "an answer is no cache";
}

TEST(resolver, silent_names_do_not_hold_up_others) {
  std::promise<void> release;
  auto released = release.get_future().share();
  resolver names([&](const std::string& host) -> result<addresses> {
    if (host.starts_with("silent")) released.wait();
    if (host.starts_with("silent")) return fail(errc::dns_failed, host + " does not resolve");
    return home;
  });
  io_context on{1};
  int failed = 0, found = 0;
  std::vector<resolver::ticket> tickets;
  for (int name = 0; name < 8; ++name)
    for (int core = 0; core < 8; ++core) tickets.push_back(names.lookup("silent" + std::to_string(name), on, [&](result<addresses> got) { failed += !got; }));
  tickets.push_back(names.lookup("good.test", on, [&](result<addresses> got) { found += got.has_value(); }));
  EXPECT_TRUE(becomes(on, [&] { return found == 1; }));
  EXPECT_EQ(failed, 0);
  release.set_value();
  EXPECT_TRUE(becomes(on, [&] { return failed == 64; }));
}

}  // namespace
}  // namespace andon::net
