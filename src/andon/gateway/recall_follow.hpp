#pragma once
// A client that gets the stream of an identical call while that one is under way.
#include "andon/gateway/recall.hpp"
#include "andon/gateway/stages.hpp"

namespace andon::gateway {

/// Ends a wait for others: wakes the seat when the client leaves or the call's time is over.
class patience {
public:
  patience(gateway& on, exchange& x, recall_seat& seat);
  ~patience();
  patience(const patience&) = delete;  // the client's connection and a timer refer to it
  patience& operator=(const patience&) = delete;

  /// Why nothing more is waited for; nothing: go on.
  [[nodiscard]] std::optional<error> over() const;

private:
  gateway& on_;
  exchange& x_;
  deadline until_;
  net::deadline_timer alarm_;
};

/// Gives the client what the seat follows, from its beginning, as it comes. True: the client is answered, the Record
/// stands. False: nothing was sent, and the seat follows no more. Errors, before anything was sent: client_gone,
/// total_timeout.
net::task<result<bool>> follow(gateway& on, exchange& x, recall_seat_ptr seat);

/// What a Record tells of a reply that another call's target made.
void tell_given(gateway& on, exchange& x, const cache::reply& given, cache::use how);
/// The reservation goes back whole, but for what finding the reply took.
void settle_given(gateway& on, exchange& x);
const served_model* model_named(const exchange& x, const model_name& name);

}  // namespace andon::gateway
