#include "andon/gateway/given_time.hpp"

#include <string>

namespace andon::gateway {
namespace {

bool timed_out(errc code) { return code == errc::total_timeout || code == errc::first_token_timeout || code == errc::idle_timeout || code == errc::connect_timeout; }

}  // namespace

error in_time(error why, const given_time& given, mono_time now) {
  if (why.code == errc::connect_timeout && given.total.passed(now)) why = {errc::total_timeout, "The call's time was over before the connection to the provider stood."};
  if (!timed_out(why.code) || !given.by_caller || !deadline::after(given.arrived, *given.by_caller).passed(now)) return why;
  return {errc::client_timeout, "The call was not answered within the " + std::to_string(*given.by_caller / std::chrono::milliseconds{1}) + " ms that it asked for (x-andon-timeout)."};
}

}  // namespace andon::gateway
