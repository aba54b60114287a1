#include "andon/access/rate_headers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace andon::access {
namespace {

/// Text put together on the stack: these headers go with every reply.
class short_text {
public:
  template <class... Parts>
  explicit short_text(const Parts&... parts) { (add(parts), ...); }
  void add(std::string_view text) {
    const auto size = std::min(text.size(), text_.size() - size_);
    std::memcpy(text_.data() + size_, text.data(), size);
    size_ += size;
  }
  void add(std::int64_t number) {
    const auto [end, code] = std::to_chars(text_.data() + size_, text_.data() + text_.size(), number);
    if (code == std::errc{}) size_ = static_cast<std::size_t>(end - text_.data());
  }
  operator std::string_view() const { return {text_.data(), size_}; }

private:
  std::array<char, 32> text_;
  std::size_t size_ = 0;
};

/// Names of the headers that tell of one limit.
struct pair_names {
  std::string_view limit, remaining;
};
struct scope_names {
  pair_names requests, tokens, parallel;
};

#define ANDON_PAIR(SCOPE, WHAT) pair_names{"x-ratelimit-" SCOPE "-limit-" WHAT, "x-ratelimit-" SCOPE "-remaining-" WHAT}
#define ANDON_SCOPE(SCOPE) scope_names{ANDON_PAIR(SCOPE, "requests"), ANDON_PAIR(SCOPE, "tokens"), ANDON_PAIR(SCOPE, "max_parallel_requests")}
constexpr scope_names of_user = ANDON_SCOPE("end_user"), of_key = ANDON_SCOPE("api_key"), of_key_model = ANDON_SCOPE("model_per_key"), of_project = ANDON_SCOPE("team"),
                      of_project_model = ANDON_SCOPE("model_per_team"), of_model = ANDON_SCOPE("model"), of_all = ANDON_SCOPE("gateway");
#undef ANDON_SCOPE
#undef ANDON_PAIR

const scope_names& names_for(const bound_limit& rule) {
  if (rule.per.has(scope::user)) return of_user;
  const bool route = rule.only_route != route_index::none;
  if (rule.owner == scope::key || rule.per.has(scope::key)) return route ? of_key_model : of_key;
  if (rule.owner == scope::project || rule.per.has(scope::project)) return route ? of_project_model : of_project;
  return route ? of_model : of_all;
}

void write_pair(const rate_reading& one, const pair_names& names, const header_sink& sink) {
  if (one.rule == nullptr) return;
  sink(names.limit, short_text(one.limit));
  sink(names.remaining, short_text(one.remaining));
}

void write_scoped(void* context, const bound_limit& rule, const rate_readings& r) {
  const auto& sink = *static_cast<const header_sink*>(context);
  const auto& names = names_for(rule);
  write_pair(r.requests, names.requests, sink);
  write_pair(r.tokens, names.tokens, sink);
  write_pair(r.parallel, names.parallel, sink);
}

short_text duration_text(nanoseconds span) {
  const std::int64_t total = std::chrono::ceil<std::chrono::milliseconds>(std::max(span, nanoseconds{0})).count();
  if (total == 0) return short_text("0s");
  if (total < 1000) return short_text(total, "ms");
  short_text out;
  if (total >= 60'000) out.add(total / 60'000), out.add("m");
  out.add(total % 60'000 / 1000);
  if (const auto thousandths = total % 1000; thousandths != 0) {
    const std::array<char, 4> digits{'.', static_cast<char>('0' + thousandths / 100), static_cast<char>('0' + thousandths / 10 % 10), static_cast<char>('0' + thousandths % 10)};
    std::string_view fraction(digits.data(), digits.size());
    out.add(fraction.substr(0, fraction.find_last_not_of('0') + 1));
  }
  out.add("s");
  return out;
}

struct tightest_names {
  pair_names pair;
  std::string_view reset;
};
constexpr tightest_names tightest_requests{{"x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"}, "x-ratelimit-reset-requests"};
constexpr tightest_names tightest_tokens{{"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens"}, "x-ratelimit-reset-tokens"};

void write_tightest(const rate_reading& one, const tightest_names& names, const header_sink& sink) {
  write_pair(one, names.pair, sink);
  if (one.rule != nullptr) sink(names.reset, duration_text(one.reset));
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

std::string rate_duration(nanoseconds span) { return std::string{std::string_view{duration_text(span)}}; }

void write_rate_headers(const ticket& held, mono_time now, const header_sink& sink) {
  const auto best = held.rates(now);
  write_tightest(best.requests, tightest_requests, sink);
  write_tightest(best.tokens, tightest_tokens, sink);
  held.each_limit(now, write_scoped, const_cast<header_sink*>(&sink));
}

void write_refusal_headers(const refusal& why, const header_sink& sink) {
  const bool retry = kind_of(why.code).client_may_retry && !why.never;
  if (!why.never) {
    const auto wait = std::max(why.retry_after, nanoseconds{1});
    sink("retry-after", short_text(std::int64_t{std::chrono::ceil<std::chrono::seconds>(wait).count()}));
    sink("retry-after-ms", short_text(std::int64_t{std::chrono::ceil<std::chrono::milliseconds>(wait).count()}));
  }
  if (why.code == errc::requests_limited || why.code == errc::tokens_limited) {
    const auto& names = why.code == errc::requests_limited ? tightest_requests : tightest_tokens;
    sink(names.pair.limit, short_text(why.limit));
    sink(names.pair.remaining, "0");
    sink(names.reset, duration_text(why.retry_after));
  }
  sink("x-should-retry", retry ? "true" : "false");
  sink("rate_limit_type", limit_type(why.code));
}

}  // namespace andon::access
