#pragma once
// The x-ratelimit-* and retry-after headers of a reply, as OpenAI's clients and LiteLLM's scripts read them.
#include <string>
#include <string_view>
#include <type_traits>

#include "andon/access/admission.hpp"

namespace andon::access {

/// `120ms`, `6s`, `1.5s`, `2m5s`: rounded up to the millisecond.
std::string rate_duration(nanoseconds span);

/// Refers to a callable (std::string_view name, std::string_view value), which must outlive the call that it is given to.
/// Names are literals; values are gone after the call.
class header_sink {
public:
  template <class Callable>
  header_sink(Callable&& to)
      : to_(const_cast<void*>(static_cast<const void*>(&to))),
        call_([](void* here, std::string_view name, std::string_view value) { (*static_cast<std::remove_reference_t<Callable>*>(here))(name, value); }) {}
  void operator()(std::string_view name, std::string_view value) const { call_(to_, name, value); }

private:
  void* to_;
  void (*call_)(void*, std::string_view, std::string_view);
};

/// x-ratelimit-{limit,remaining,reset}-{requests,tokens} of the tightest limits, and for each scope
/// x-ratelimit-{api_key,team,model_per_key,…}-{limit,remaining}-{requests,tokens,max_parallel_requests}.
void write_rate_headers(const ticket& held, mono_time now, const header_sink& sink);

/// retry-after (whole seconds, at least 1), retry-after-ms, x-should-retry and rate_limit_type of a refusal.
void write_refusal_headers(const refusal& why, const header_sink& sink);

}  // namespace andon::access
