#include "andon/gateway/running_attempt.hpp"

#include "andon/gateway/stream_relay.hpp"

namespace andon::gateway {

running_attempt::running_attempt() = default;
running_attempt::~running_attempt() = default;

}  // namespace andon::gateway
