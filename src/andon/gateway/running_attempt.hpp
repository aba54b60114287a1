#pragma once
// One try of one target under way: everything that is its own, so that two can run at the same time.
//
// Life cycle: belongs to the exchange (or to the continuation of its stream), begun by begin_attempt() for one attempt
// after the other, only when nothing of the one before runs any more.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/net/http_client.hpp"

namespace andon::gateway {

class stream_relay;
struct served_model;

struct running_attempt {
  running_attempt();
  ~running_attempt();
  running_attempt(const running_attempt&) = delete;  // its call refers to it
  running_attempt& operator=(const running_attempt&) = delete;

  const served_model* model = nullptr;
  std::size_t number = 0;                ///< its place among the Record's attempts
  std::uint32_t key = 0;                 ///< which credential, where its provider has several
  std::optional<net::call_switch> stop;  ///< cancels its call
  std::string body;                      ///< as edited for the target
  std::vector<net::header> lines;
  std::array<char, 55> traceparent{};
  std::string idempotency_key;           ///< that goes to the provider: the client's, hashed with its project
  nanoseconds waited{};                  ///< for the provider, until its reply was opened
  nanoseconds answer{};                  ///< until the reply's head, of a stream until its first token
  net::reply_ptr reply;                  ///< once opened
  std::unique_ptr<stream_relay> stream;  ///< of a stream
};

}  // namespace andon::gateway
