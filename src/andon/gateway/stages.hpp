#pragma once
// The stages of the path, each a function on the exchange. path.cpp calls them in order.
// A stage that fails returns why; the path answers in the client's dialect and closes.
#include "andon/gateway/exchange.hpp"
#include "andon/gateway/gateway.hpp"

namespace andon::gateway {

/// Who calls: key → principal. Needs only the head, so that strangers cannot make the gateway buffer bodies. A key that
/// has expired or is blocked is refused, but x.who is set: the refusal has a Record.
result<void> identify(gateway& on, exchange& x);
/// Before the body is read: the limits that need none of it, and memory for it.
result<void> let_in(gateway& on, exchange& x);
/// The body into facts; the route that is asked for; tags, user, session.
result<void> decode(gateway& on, exchange& x);
/// Limits and budgets: reserves the estimate and journals `opened`.
result<void> admit(gateway& on, exchange& x);
/// Before an attempt: adds to the reservation what earlier ones have cost, so that no budget is overrun. The error is the
/// budget's refusal.
result<void> cover_failed(gateway& on, exchange& x);
/// Adds to the reservation, of a joined call to those of all who share it; the refusal of a budget that cannot.
std::optional<access::refusal> raise_reservation(gateway& on, exchange& x, nano_usd more);
/// Finds a target that answers, within the deadlines; relays its reply and closes. An error: nothing was sent.
net::task<result<void>> dispatch(gateway& on, exchange& x);

/// One attempt's reply, relayed. `retry`: nothing has gone to the client, another target may be tried.
struct relayed {
  enum class end : std::uint8_t { done, failed_before_client, failed_after_client } how = end::done;
  error why{errc::none, {}};
  int status = 0;
  std::optional<nanoseconds> retry_after;
};
/// A provider's reply with an error status: what it means.
net::task<relayed> take_refusal(gateway& on, exchange& x, running_attempt& run);
/// Reads an event stream to its first token.
net::task<relayed> open_stream(gateway& on, exchange& x, running_attempt& run);
/// The rest of an opened reply, to the client.
net::task<relayed> relay_whole(gateway& on, exchange& x, running_attempt& run);
net::task<relayed> relay_stream(gateway& on, exchange& x, running_attempt& run);
/// `ledger.sync: always` promises that a reply stands on the disk before the client has it.
net::task<void> answer_not_durable(exchange& x);

/// Counts, settles and appends the Record; after it the last bytes may go. Idempotent. Waits for the disk only when the
/// ledger is set so; false: it was asked to and the disk refused, so the client must not be told that all is well.
net::task<bool> close(gateway& on, exchange& x, const served_model* model);
/// What so much of a model costs, at the prices of the day of the call.
llm::cost_answer cost_of(const exchange& x, const served_model& model, const llm::usage& use);
/// Works out what the exchange costs, once; close does it when nobody did before.
void price_exchange(exchange& x, const served_model* model);
/// The parts of close that need no waiting; the Record's place if it was written. Throws nothing: what fails of it is
/// logged, and a Record that is lost by it counted.
std::optional<ledger::position> close_now(gateway& on, exchange& x, const served_model* model);

/// Bytes of a provider's id that a span tells.
inline constexpr std::size_t max_response_id = 256;
inline constexpr std::size_t max_service_tier = 64;

/// Answers an exchange that failed before anything was sent.
net::task<void> answer_error(gateway& on, exchange& x, const error& why);

/// Answers OPTIONS: what the path takes. For anyone.
net::task<void> answer_options(gateway& on, exchange& x);

/// Headers that every reply of an exchange carries.
void add_common_headers(gateway& on, exchange& x, const served_model* model);

/// Tokens of all texts of a request under the profiles of its route, the largest count.
tokens count_request(gateway& on, const exchange& x, const llm::token_profile& profile);

}  // namespace andon::gateway
