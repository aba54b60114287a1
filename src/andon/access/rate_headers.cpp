#include "andon/access/rate_headers.hpp"

#include <fmt/format.h>

namespace andon::access {
namespace {

std::string_view header_scope(const bound_limit& rule) {
  if (rule.per.has(scope::user)) return "end_user";
  const bool route = rule.only_route != route_index::none;
  if (rule.owner == scope::key || rule.per.has(scope::key)) return route ? "model_per_key" : "api_key";
  if (rule.owner == scope::project || rule.per.has(scope::project)) return route ? "model_per_team" : "team";
  return route ? "model" : "gateway";
}

void write_scoped(void* context, const bound_limit& rule, const rate_readings& r) {
  const auto& sink = *static_cast<const header_sink*>(context);
  auto write = [&](const rate_reading& one, std::string_view what) {
    if (one.rule == nullptr) return;
    sink(fmt::format("x-ratelimit-{}-limit-{}", header_scope(rule), what), fmt::to_string(one.limit));
    sink(fmt::format("x-ratelimit-{}-remaining-{}", header_scope(rule), what), fmt::to_string(one.remaining));
  };
  write(r.requests, "requests");
  write(r.tokens, "tokens");
  write(r.parallel, "max_parallel_requests");
}

void write_one(const rate_reading& one, std::string_view what, const header_sink& sink) {
  if (one.rule == nullptr) return;
  sink(fmt::format("x-ratelimit-limit-{}", what), fmt::to_string(one.limit));
  sink(fmt::format("x-ratelimit-remaining-{}", what), fmt::to_string(one.remaining));
  sink(fmt::format("x-ratelimit-reset-{}", what), rate_duration(one.reset));
}

std::string_view limit_type(errc code) {
  switch (code) {
    case errc::requests_limited: return "requests";
    case errc::tokens_limited: return "tokens";
    case errc::parallel_limited: return "max_parallel_requests";
    case errc::budget_exceeded: return "budget";
    default: return "overloaded";
  }
}

}  // namespace

std::string rate_duration(nanoseconds span) {
  const auto total = std::chrono::ceil<std::chrono::milliseconds>(std::max(span, nanoseconds{0})).count();
  if (total == 0) return "0s";
  if (total < 1000) return fmt::format("{}ms", total);
  const auto minutes = total / 60'000;
  const auto rest = total % 60'000;
  auto seconds = fmt::format("{}", rest / 1000);
  if (rest % 1000 != 0) {
    auto fraction = fmt::format("{:03}", rest % 1000);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    seconds += '.' + fraction;
  }
  return minutes == 0 ? seconds + "s" : fmt::format("{}m{}s", minutes, seconds);
}

void write_rate_headers(const ticket& held, mono_time now, const header_sink& sink) {
  const auto best = held.rates(now);
  write_one(best.requests, "requests", sink);
  write_one(best.tokens, "tokens", sink);
  held.each_limit(now, write_scoped, const_cast<header_sink*>(&sink));
}

void write_refusal_headers(const refusal& why, const header_sink& sink) {
  const bool retry = kind_of(why.code).client_may_retry && !why.never;
  if (!why.never) {
    const auto wait = std::max(why.retry_after, nanoseconds{1});
    sink("retry-after", fmt::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()));
    sink("retry-after-ms", fmt::to_string(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
  }
  if (why.code == errc::requests_limited || why.code == errc::tokens_limited) {
    const std::string kind = why.code == errc::requests_limited ? "requests" : "tokens";
    sink("x-ratelimit-limit-" + kind, fmt::to_string(why.limit));
    sink("x-ratelimit-remaining-" + kind, "0");
    sink("x-ratelimit-reset-" + kind, rate_duration(why.retry_after));
  }
  sink("x-should-retry", retry ? "true" : "false");
  sink("rate_limit_type", std::string(limit_type(why.code)));
}

}  // namespace andon::access
