#pragma once
// What a client reads when the HTTP server refuses before a call exists, or while it reads one's body: the OpenAI form,
// a whole sentence, and the setting behind a bound. Pure, thread-safe.
#include "andon/base/error.hpp"
#include "andon/base/ids.hpp"
#include "andon/net/http_server.hpp"

namespace andon::gateway {

/// An error of net's server as a client shall read it: a sentence, with the setting that bounds it (net says which of its
/// server_limits it was in `param`; the result's is empty: it is no field of the request's body).
error in_full(error why);

/// The whole answer to a request that never became a call.
net::refusal_answer answer_of(const error& why, const request_id& id);

}  // namespace andon::gateway
