#pragma once
// What a batch is made of: a member's place, the batch itself, and the stand-in for a client of the joined call.
#include <functional>
#include <vector>

#include "andon/gateway/embedding_batch.hpp"
#include "andon/llm/dialect/openai_embeddings.hpp"

namespace andon::gateway {

/// One call's place in a batch. Lives in the frame of the call's coroutine, which waits at `turn`.
struct batch_member {
  enum class fate : std::uint8_t {
    waiting,
    alone,      ///< makes its call by itself
    served,     ///< the batch has its part of the reply
    failed,     ///< the joined call failed for all
  };
  exchange& x;
  llm::openai::embedding_request asked;
  std::int64_t weight = 1;         ///< tokens of its inputs, counted
  fate now = fate::waiting;
  std::size_t slot = 0;            ///< its number in the batch
  nano_usd raised{};               ///< of its reservation, for the joined call's failed attempts
  net::wait_point turn;
};

/// Takes the joined call's reply.
class joined_client final : public net::incoming_call {
public:
  explicit joined_client(mono_time arrived) : arrived_(arrived) {}

  [[nodiscard]] std::string_view method() const override { return "POST"; }
  [[nodiscard]] std::string_view path() const override { return "/v1/embeddings"; }
  [[nodiscard]] std::string_view query() const override { return {}; }
  [[nodiscard]] std::span<const net::header> headers() const override { return {}; }
  [[nodiscard]] std::string_view peer_address() const override { return {}; }
  [[nodiscard]] bool encrypted() const override { return true; }   // it never left the program
  [[nodiscard]] net::spoken_http spoken() const override { return net::spoken_http::http_1_1; }   // nor was any spoken
  [[nodiscard]] mono_time arrived() const override { return arrived_; }
  net::task<result<std::string_view>> read_body() override;
  net::task<result<void>> respond(int status, std::span<const net::header> headers, std::string_view body) override;
  void start(int, std::span<const net::header>) override {}
  net::task<result<void>> write(std::string_view bytes) override;
  net::task<result<void>> finish(std::string_view last_bytes) override;
  void abort() override {}
  void on_client_gone(std::function<void()> gone) override { gone_ = std::move(gone); }

  /// Nobody waits for it any more.
  void leave();
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& type() const { return type_; }

private:
  mono_time arrived_;
  std::function<void()> gone_;
  int status_ = 0;
  std::string type_;
};

class embedding_batch : public std::enable_shared_from_this<embedding_batch> {
public:
  embedding_batch(gateway& on, batcher& in, std::string key, const exchange& first);
  embedding_batch(const embedding_batch&) = delete;  // its timer refers to it
  embedding_batch& operator=(const embedding_batch&) = delete;

  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] bool has_room(std::size_t inputs, std::size_t bytes) const;
  void join(batch_member& who);
  /// Its place is dropped; the joined call goes on for the others.
  void leave(batch_member& who);
  /// The window is over: it goes.
  void send();

  [[nodiscard]] bool sent() const { return joined_ != nullptr; }
  [[nodiscard]] exchange& joined() { return *joined_; }
  /// Of those who were there when it went, by slot.
  [[nodiscard]] std::vector<std::int64_t> shares(std::int64_t of) const { return llm::openai::share_out(of, weights_); }
  [[nodiscard]] std::int64_t all_weights() const;
  [[nodiscard]] std::size_t calls() const { return weights_.size(); }
  [[nodiscard]] std::string part_of(const batch_member& who, std::int64_t input_tokens) const;
  [[nodiscard]] const std::string& type() const { return client_->type(); }
  [[nodiscard]] const error& why() const { return why_; }
  std::optional<access::refusal> raise(nano_usd more);

private:
  static net::task<void> run(std::shared_ptr<embedding_batch> self, net::gate::pass inside);
  void make_joined();
  void ended(result<void> how);
  void split();
  void decide(batch_member::fate what);

  gateway& on_;
  batcher* in_;                              // null once it gathers no more
  std::string key_;
  plan_ptr under_;
  const served_route& route_;
  std::vector<batch_member*> members_;       // by slot; null: has left
  std::vector<std::int64_t> weights_;
  std::vector<std::size_t> first_input_;     // by slot
  std::size_t inputs_ = 0, bytes_ = 0;
  net::deadline_timer alarm_;
  std::string body_;
  std::unique_ptr<joined_client> client_;
  std::unique_ptr<exchange> joined_;
  llm::openai::embedding_reply reply_;
  error why_{errc::none, {}};
};

}  // namespace andon::gateway
