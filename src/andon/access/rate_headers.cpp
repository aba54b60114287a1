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
  std::array<char, 96> text_;
  std::size_t size_ = 0;
};

std::string_view header_scope(const bound_limit& rule) {
  if (rule.per.has(scope::user)) return "end_user";
  const bool route = rule.only_route != route_index::none;
  if (rule.owner == scope::key || rule.per.has(scope::key)) return route ? "model_per_key" : "api_key";
  if (rule.owner == scope::project || rule.per.has(scope::project)) return route ? "model_per_team" : "team";
  return route ? "model" : "gateway";
}

void write_scoped(void* context, const bound_limit& rule, const rate_readings& r) {
  const auto& sink = *static_cast<const header_sink*>(context);
  const auto scope = header_scope(rule);
  auto write = [&](const rate_reading& one, std::string_view what) {
    if (one.rule == nullptr) return;
    sink(short_text("x-ratelimit-", scope, "-limit-", what), short_text(one.limit));
    sink(short_text("x-ratelimit-", scope, "-remaining-", what), short_text(one.remaining));
  };
  write(r.requests, "requests");
  write(r.tokens, "tokens");
  write(r.parallel, "max_parallel_requests");
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

void write_one(const rate_reading& one, std::string_view what, const header_sink& sink) {
  if (one.rule == nullptr) return;
  sink(short_text("x-ratelimit-limit-", what), short_text(one.limit));
  sink(short_text("x-ratelimit-remaining-", what), short_text(one.remaining));
  sink(short_text("x-ratelimit-reset-", what), duration_text(one.reset));
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
  write_one(best.requests, "requests", sink);
  write_one(best.tokens, "tokens", sink);
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
    const std::string_view kind = why.code == errc::requests_limited ? "requests" : "tokens";
    sink(short_text("x-ratelimit-limit-", kind), short_text(why.limit));
    sink(short_text("x-ratelimit-remaining-", kind), "0");
    sink(short_text("x-ratelimit-reset-", kind), duration_text(why.retry_after));
  }
  sink("x-should-retry", retry ? "true" : "false");
  sink("rate_limit_type", limit_type(why.code));
}

}  // namespace andon::access
