#include "andon/base/json_text.hpp"
#include "andon/cache/embedding.hpp"
#include "andon/gateway/attempt.hpp"
#include "andon/gateway/stages.hpp"
#include "andon/llm/dialect/openai_reply.hpp"

namespace andon::gateway {
namespace {

constexpr std::size_t max_question = 16 * 1024;    // embedding models take about eight thousand tokens
constexpr std::size_t max_vector_reply = 1u << 20;
constexpr int max_lost = 4;                        // neighbours whose replies have been evicted

/// What the embedding consumed belongs to the exchange's cost, whoever serves it then.
void book(exchange& x, const served_model& by, const llm::usage& use) {
  const auto price = cost_of(x, by, use);
  x.failed_unpriced |= price.state == llm::price_state::unknown;
  x.failed_cost += price.amount;
  x.failed_use.input += use.input;
  x.failed_use.estimated |= use.estimated;
  x.failed_model = &by;
}

net::task<result<std::vector<float>>> embed(gateway& on, exchange& x, const served_model& by, std::string_view text) {
  std::string body = R"({"model":)" + json_string(by.upstream_model) + R"(,"input":)" + json_string(text) + R"(,"encoding_format":"float"})";
  std::vector<net::header> lines{{"content-type", "application/json"}, {"accept", "application/json"}, {"accept-encoding", "identity"}, {"user-agent", "andon"}};
  for (const auto& line : by.headers) lines.push_back({line.name, line.value});
  const auto key = by.keys ? by.keys->pick(on.now()) : 0;
  if (by.keys) lines.push_back({by.credentials[key].name, by.credentials[key].value});
  const net::outgoing_request request{"POST", by.paths[static_cast<std::size_t>(llm::operation::embeddings)], lines, body};
  auto until = deadline::after(on.now(), x.route->cache.embedding_limit);
  if (x.client_limit) until = until.earlier(deadline::after(x.arrived(), *x.client_limit));
  const net::call_deadlines limits{until, until, until, {}};
  if (auto refused = staged_refusal(on, by)) co_return std::unexpected(std::move(*refused));
  auto reply = co_await on.parts().providers.send(by.to, request, limits);
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  const int status = (*reply)->status();
  if (by.keys && (status == 401 || status == 429)) (void)by.keys->rest(key, status == 429 ? route::key_ring::rest_of_limited : route::key_ring::rest_of_refused, on.now());
  if (status != 200) co_return fail(errc::upstream_error, "The embedding model answered with status " + std::to_string(status) + ".");
  const auto got = co_await (*reply)->read_all(max_vector_reply);
  if (!got) co_return std::unexpected(got.error());
  if (const auto facts = llm::openai::scan_reply(llm::operation::embeddings, *got); facts && facts->use) book(x, by, *facts->use);
  co_return cache::read_embedding(*got);
}

cache::reply_ptr nearest(gateway& on, exchange& x, const digest& partition, std::span<const float> vector, nanoseconds max_age) {
  auto& replies = *on.parts().replies;
  for (int i = 0; i < max_lost; ++i) {
    const auto found = replies.questions.find(partition, vector, x.route->cache.threshold);
    if (!found) return nullptr;
    if (auto kept = replies.kept.find(found->key, x.route->cache.keep, on.now())) return on.now() - kept->made > max_age ? nullptr : kept;
    replies.questions.forget(partition, found->key);
  }
  return nullptr;
}

}  // namespace

net::task<cache::reply_ptr> recall_similar(gateway& on, exchange& x, cache::key_scope scope, recall_wish& wish, nanoseconds max_age) {
  const auto& by = *x.route->embedder;
  std::string variant(scope.variant);
  variant.append("|").append(by.name.view()).append("|").append(by.upstream_model);
  scope.variant = variant;
  auto asked = cache::question_of(scope, x.body, on.text_scratch());
  if (!asked || asked->text.size() > max_question) co_return nullptr;
  const auto began = on.now();
  auto vector = co_await embed(on, x, by, asked->text);
  x.account.upstream += on.now() - began;
  on.parts().replies->embedding(!vector.has_value());
  if (!vector) co_return nullptr;
  auto kept = nearest(on, x, asked->partition, *vector, max_age);
  wish.partition = asked->partition;
  wish.vector = std::move(*vector);
  co_return kept;
}

}  // namespace andon::gateway
