#include "andon/gateway/embedding_batch_parts.hpp"

#include <algorithm>
#include <exception>
#include <numeric>

#include "andon/base/log.hpp"
#include "andon/gateway/attempt.hpp"
#include "andon/llm/dialect/openai_request.hpp"
#include "andon/route/fault.hpp"

namespace andon::gateway {

using fate = batch_member::fate;

net::task<result<std::string_view>> joined_client::read_body() { co_return std::string_view{}; }
net::task<result<void>> joined_client::write(std::string_view) { co_return result<void>{}; }
net::task<result<void>> joined_client::finish(std::string_view) { co_return result<void>{}; }

net::task<result<void>> joined_client::respond(int status, std::span<const net::header> headers, std::string_view) {
  status_ = status;
  type_ = net::find_header(headers, "content-type");
  co_return result<void>{};
}

void joined_client::leave() {
  const auto tell = gone_;  // this may be gone before it returns
  if (tell) tell();
}

batcher::batcher(gateway& on) : on_(on) {}
batcher::~batcher() = default;

std::shared_ptr<embedding_batch> batcher::place_in(const std::string& key, const exchange& x, std::size_t inputs, std::size_t bytes) {
  if (const auto known = gathering_.find(key); known != gathering_.end()) {
    const auto one = known->second;
    if (one->has_room(inputs, bytes)) return one;
    one->send();
  }
  auto made = std::make_shared<embedding_batch>(on_, *this, key, x);
  gathering_[key] = made;
  return made;
}

void batcher::closed(const embedding_batch& one) {
  if (const auto known = gathering_.find(one.key()); known != gathering_.end() && known->second.get() == &one) gathering_.erase(known);
}

embedding_batch::embedding_batch(gateway& on, batcher& in, std::string key, const exchange& first)
    : on_(on), in_(&in), key_(std::move(key)), under_(first.under), route_(*first.route),
      alarm_(on.parts().on.timers(), net::deadline_timer::member<&embedding_batch::send>(), this) {
  alarm_.arm(deadline::after(on.now(), route_.batch.window));
}

bool embedding_batch::has_room(std::size_t inputs, std::size_t bytes) const {
  return inputs_ + inputs <= route_.batch.max_inputs && bytes_ + bytes <= route_.batch.max_bytes;
}

void embedding_batch::join(batch_member& who) {
  who.slot = members_.size();
  members_.push_back(&who);
  weights_.push_back(who.weight);
  first_input_.push_back(inputs_);
  inputs_ += who.asked.inputs.size();
  bytes_ += who.x.body.size();
  if (!has_room(1, 1)) send();
}

void embedding_batch::leave(batch_member& who) {
  members_[who.slot] = nullptr;
  if (sent() && std::ranges::all_of(members_, [](const auto* one) { return one == nullptr; })) client_->leave();
}

std::int64_t embedding_batch::all_weights() const { return std::accumulate(weights_.begin(), weights_.end(), std::int64_t{0}); }

/// Those who have left before it goes take no part.
void embedding_batch::send() {
  const auto self = shared_from_this();  // the batcher may hold the last of it
  alarm_.disarm();
  if (in_ != nullptr) std::exchange(in_, nullptr)->closed(*this);
  std::erase(members_, nullptr);
  weights_.clear();
  first_input_.clear();
  inputs_ = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    members_[i]->slot = i;
    weights_.push_back(members_[i]->weight);
    first_input_.push_back(inputs_);
    inputs_ += members_[i]->asked.inputs.size();
  }
  auto inside = on_.enter();
  if (members_.size() < 2 || !inside) return decide(fate::alone);
  make_joined();
  on_.parts().meter.batched(route_.name.view(), members_.size());
  on_.parts().on.spawn(run(self, std::move(inside)));
}

void embedding_batch::make_joined() {
  const auto& first = members_.front()->x;
  std::vector<std::string_view> inputs;
  for (const auto* one : members_) inputs.insert(inputs.end(), one->asked.inputs.begin(), one->asked.inputs.end());
  body_ = llm::openai::join_embedding_requests(first.asked.azure ? std::string_view{} : std::string_view(first.facts.model), members_.front()->asked.options, inputs);
  client_ = std::make_unique<joined_client>(on_.now());
  joined_ = std::make_unique<exchange>();
  auto& j = *joined_;
  j.begin(*client_, under_, request_id::make(on_.wall(), on_.parts().on.random()), on_.now(), on_.wall());
  j.joins = this;
  j.asked = first.asked;
  j.route = &route_;
  j.body = body_;
  j.account.op = first.account.op;
  j.account.project = first.account.project;
  j.account.route = first.account.route;
  j.account.user = first.account.user;
  j.account.metadata = first.account.metadata;
  j.tags = first.tags;
  j.trace = first.trace;
  j.span = first.span;
  j.sampled = first.sampled;
  std::optional<nanoseconds> longest = nanoseconds{};
  for (const auto* one : members_) {
    j.input_estimate += one->x.input_estimate;
    j.rank = std::max(j.rank, one->x.rank);
    if (one->x.client_limit && longest) longest = std::max(*longest, one->x.arrived() + *one->x.client_limit - j.arrived());
    else longest.reset();
  }
  j.client_limit = longest;
}

net::task<void> embedding_batch::run(std::shared_ptr<embedding_batch> self, net::gate::pass inside) {
  auto& j = self->joined();
  auto facts = llm::openai::scan_request(j.asked.op, j.body, j.asked.azure ? llm::openai::model_from::path : llm::openai::model_from::body);
  if (!facts) {
    self->ended(std::unexpected(std::move(facts.error())));
    co_return;
  }
  j.facts = std::move(*facts);
  j.facts.model = j.account.route.view();
  result<void> how;
  try {
    how = co_await dispatch(self->on_, j);
  } catch (const std::exception& fault) {  // a bug, or no memory: the members must hear of it
    how = fail(errc::internal, fault.what());
  }
  self->ended(std::move(how));
}

namespace {

/// Whether it was the joined call's contents that a provider refused: one of the inputs, or their number.
bool is_about_contents(errc code, int status) {
  if (code == errc::budget_exceeded || code == errc::no_target) return true;  // of the sum: each alone may be served
  if (code == errc::overloaded || code == errc::total_timeout || code == errc::client_gone) return false;
  return route::fault_of(code, status) == route::fault_kind::none;
}

}  // namespace

void embedding_batch::ended(result<void> how) {
  auto& j = *joined_;
  if (how && j.account.outcome == errc::none && client_->status() == 200) {
    auto reply = llm::openai::read_embedding_reply(j.account.reply_body, inputs_);
    if (reply) {
      reply_ = std::move(*reply);
      return decide(fate::served);
    }
    why_ = std::move(reply.error());
    book_failed(j, *j.running->model, {relayed::end::failed_before_client, why_, 200, std::nullopt});
    log::warn("joined_reply_unusable", {{"route", route_.name.view()}, {"provider", j.running->model->provider.view()}, {"detail", why_.message}});
    return split();
  }
  why_ = how ? error{errc::internal, "The joined call ended without a reply."} : std::move(how.error());
  if (is_about_contents(why_.code, j.upstream_error_status)) return split();
  decide(fate::failed);
}

void embedding_batch::split() {
  on_.parts().meter.batch_split(route_.name.view());
  decide(fate::alone);
}

/// Whoever is woken may be gone before wake() returns, and may take others with it, which leave their places.
void embedding_batch::decide(fate what) {
  const auto self = shared_from_this();
  for (auto* one : members_)
    if (one != nullptr) one->now = what;
  for (auto& place : members_)
    if (auto* one = std::exchange(place, nullptr)) one->turn.wake();
}

std::string embedding_batch::part_of(const batch_member& who, std::int64_t input_tokens) const {
  return llm::openai::embedding_reply_part(reply_, first_input_[who.slot], who.asked.inputs.size(), input_tokens);
}

std::optional<access::refusal> embedding_batch::raise(nano_usd more) {
  const auto parts = shares(more.value());
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i] == nullptr) continue;
    if (auto refused = members_[i]->x.held.raise(nano_usd{parts[i]}, on_.wall())) return refused;
    members_[i]->raised += nano_usd{parts[i]};
  }
  return std::nullopt;
}

std::optional<access::refusal> raise_members(gateway&, embedding_batch& of, nano_usd more) { return of.raise(more); }

}  // namespace andon::gateway
