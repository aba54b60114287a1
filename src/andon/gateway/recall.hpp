#pragma once
// An exchange's dealings with the cache: the stage `recall` looks for a reply; where there is none, the reply that the
// following stages give passes through a tap, which keeps it and lets identical calls have it.
//
// Everything belongs to the exchange's core; a seat is woken from any.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/cache/canonical.hpp"
#include "andon/cache/shared_replies.hpp"
#include "andon/net/core.hpp"
#include "andon/net/http_server.hpp"

namespace andon::gateway {

class gateway;
class exchange;
class reply_tap;
struct served_route;

/// A call's place among identical ones.
class recall_seat final : public cache::seat, public std::enable_shared_from_this<recall_seat> {
public:
  explicit recall_seat(net::core& on) : on_(on) {}
  void wake() override;

  net::wait_point turn;         ///< where the call waits
  reply_tap* tap = nullptr;     ///< the leader's

private:
  net::core& on_;
};
using recall_seat_ptr = std::shared_ptr<recall_seat>;

/// What is to be done with the reply.
struct recall_wish {
  digest key{};
  bool keep = true;                        ///< into the store; else it is only for those who wait
  nanoseconds age{};                       ///< how long it may be given again
  recall_seat_ptr seat;                    ///< null: nobody can wait for it
  std::optional<digest> partition;         ///< with its vector: where similar questions shall find it
  std::vector<float> vector;
};

/// Stands between the stages and the client's connection. What goes to the client is recorded; a whole good reply is
/// kept and given to those who wait. A stream is open to them while it comes (cache/live_stream.hpp). While someone waits
/// or follows, the client's leaving does not end the call.
class reply_tap final : public net::incoming_call {
public:
  reply_tap(gateway& on, exchange& x, recall_wish wish);
  ~reply_tap() override;
  reply_tap(const reply_tap&) = delete;
  reply_tap& operator=(const reply_tap&) = delete;

  /// Before the Record is written: whether the reply may be shared; what became of the client.
  void before_record();
  /// Nobody waits any more.
  void unwanted();

  [[nodiscard]] std::string_view method() const override { return inner_.method(); }
  [[nodiscard]] std::string_view path() const override { return inner_.path(); }
  [[nodiscard]] std::string_view query() const override { return inner_.query(); }
  [[nodiscard]] std::span<const net::header> headers() const override { return inner_.headers(); }
  [[nodiscard]] std::string_view peer_address() const override { return inner_.peer_address(); }
  [[nodiscard]] bool encrypted() const override { return inner_.encrypted(); }
  [[nodiscard]] net::spoken_http spoken() const override { return inner_.spoken(); }
  [[nodiscard]] mono_time arrived() const override { return inner_.arrived(); }
  net::task<result<std::string_view>> read_body() override { return inner_.read_body(); }
  net::task<result<void>> respond(int status, std::span<const net::header> headers, std::string_view body) override;
  void start(int status, std::span<const net::header> headers) override;
  net::task<result<void>> write(std::string_view bytes) override;
  net::task<result<void>> finish(std::string_view last_bytes) override;
  void abort() override;
  void on_client_gone(std::function<void()> gone) override;

private:
  [[nodiscard]] bool wanted() const;
  void record(std::string_view bytes);
  void share(int status, std::string_view body);
  [[nodiscard]] std::shared_ptr<cache::reply> account_of_reply() const;
  void break_live();
  void end_live(std::shared_ptr<cache::reply> about, cache::worth worth);
  void land(cache::reply_ptr with);
  void scatter();
  net::task<result<void>> write_or_carry_on(std::string_view bytes);
  void client_left();

  gateway& on_;
  exchange& x_;
  net::incoming_call& inner_;
  recall_wish wish_;
  std::function<void()> gone_;
  std::string type_, recorded_;
  cache::live_stream_ptr live_;            ///< instead of recorded_: a stream that others may follow
  int status_ = 0;
  bool good_ = false, left_ = false, started_ = false, too_large_ = false, marked_ = false;
};

/// The part of an exchange that belongs to the cache.
struct recall_state {
  std::unique_ptr<reply_tap> tap;
  std::optional<nanoseconds> age;   ///< of the reply that was found
};

/// Whether the exchange's route has a cache at all.
[[nodiscard]] bool has_cache(gateway& on, const exchange& x);
/// Looks for the reply: kept, of an identical call under way, or of a similar question. True: the client has it, and
/// the Record stands. False: a target must be called. Errors: total_timeout, client_gone, while it waited for another.
net::task<result<bool>> recall(gateway& on, exchange& x);
/// The nearest earlier question's reply; fills the wish so that a new reply will be found. Null for none, for an
/// embedding that fails or comes too late, and for requests that ask no question.
net::task<cache::reply_ptr> recall_similar(gateway& on, exchange& x, cache::key_scope scope, recall_wish& wish, nanoseconds max_age);
/// `x-andon-cache` and `age`.
void add_cache_headers(exchange& x);

}  // namespace andon::gateway
