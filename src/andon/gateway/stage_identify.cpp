#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "andon/access/credential.hpp"
#include "andon/access/key_text.hpp"
#include "andon/base/log.hpp"
#include "andon/gateway/stages.hpp"

namespace andon::gateway {
namespace {

constexpr std::size_t max_label = 256;    // of a user, session or tag: they become index entries
constexpr std::size_t max_tags = 64;

std::string clipped(std::string_view text) { return std::string(text.substr(0, max_label)); }

void add_tags(std::vector<std::string>& tags, std::string_view list) {
  while (!list.empty() && tags.size() < max_tags) {
    const auto comma = list.find(',');
    auto one = list.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (!one.empty()) tags.push_back(clipped(one));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
}

std::optional<nanoseconds> parse_seconds(std::string_view text) {
  double seconds = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (code != std::errc{} || end != text.data() + text.size() || !(seconds > 0) || seconds > 86'400) return std::nullopt;
  return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(seconds));
}

bool starts_with_x(std::string_view name) { return !name.empty() && (name[0] == 'x' || name[0] == 'X'); }

/// What callers tell beside the body. Headers of the names that LiteLLM's users have in their scripts count as ours.
void read_extras(exchange& x, const net::header& line) {
  using net::header_equals;
  constexpr std::string_view litellm = "x-litellm-";
  if (header_equals(line.name.substr(0, litellm.size()), litellm)) x.litellm = true;
  if (header_equals(line.name, "x-andon-tags") || header_equals(line.name, "x-litellm-tags")) add_tags(x.tags, line.value);
  else if (header_equals(line.name, "x-andon-session")) x.account.session = clipped(line.value);
  else if (header_equals(line.name, "x-andon-user") || header_equals(line.name, "x-litellm-end-user-id") ||
           header_equals(line.name, "x-litellm-customer-id")) x.account.user = clipped(line.value);
  else if (header_equals(line.name, "x-andon-priority")) x.asked_rank = route::parse_priority(line.value);
  else if (header_equals(line.name, "x-andon-timeout") || header_equals(line.name, "x-litellm-timeout")) x.client_limit = parse_seconds(line.value);
}

void begin_trace(gateway& on, exchange& x, const std::optional<telemetry::trace_context>& parent) {
  auto& random = on.parts().on.random();
  x.trace = parent ? parent->trace : telemetry::make_trace_id(random);
  x.parent = parent ? parent->parent : telemetry::span_id{};
  x.span = telemetry::make_span_id(random);
  x.sampled = on.parts().sampling.decide(parent, x.trace);
  x.account.trace_id = telemetry::hex(x.trace);
  x.account.span_id = telemetry::hex(x.span);
}

/// What a stranger's complaint is counted by. Programs behind one address are told apart by their keys, but whoever
/// guesses keys gets no more than a few lines.
std::string pace_of(const exchange& x, std::string_view shown_key, errc why) {
  constexpr std::size_t most = 8;
  const auto which = x.who ? std::string(shown_key) : std::to_string(std::hash<std::string_view>{}(shown_key) % most);
  return fmt::format("{} {} {}", x.account.client_address, kind_of(why).name, which);
}

/// No Record tells of strangers, so the log does: what is wrong, from where, and with which key, as far as it may be shown.
/// Only where the key is what the reply is about: not of paths that do not exist, nor when browsers ask what they may send.
void note_refusal(gateway& on, const exchange& x, std::string_view key_text, const error& why) {
  if ((x.what != errand::call && x.what != errand::feedback) || on.draining()) return;
  const std::string key = x.who ? x.account.key.str() : key_text.empty() ? "" : access::masked(key_text);
  const auto turn = on.caller_complaints().due(pace_of(x, key, why.code), on.now());
  if (!turn) return;
  log::warn("caller_refused", {{"reason", kind_of(why.code).name}, {"peer", x.account.client_address}, {"key", key}, {"agent", x.account.user_agent}, {"path", x.account.path},
                               {"calls", turn->times}, {"held_back", turn->held_back}});
}

}  // namespace

result<void> identify(gateway& on, exchange& x) {
  auto& account = x.account;
  account.method = x.call->method();
  account.path = x.call->path().substr(0, 1024);
  account.client_address = x.call->peer_address();
  account.http = noted(x.call->spoken());
  access::credential_finder credential;
  std::optional<telemetry::trace_context> parent;
  for (const auto& line : x.call->headers()) {
    credential.see(line.name, line.value);
    if (starts_with_x(line.name)) read_extras(x, line);
    else if (net::header_equals(line.name, "user-agent")) account.user_agent = clipped(line.value);
    else if (net::header_equals(line.name, "traceparent")) parent = telemetry::parse_traceparent(line.value);
    else if (net::header_equals(line.name, "tracestate")) x.trace_state = telemetry::usable_tracestate(line.value);
  }
  begin_trace(on, x, parent);

  const auto secret_text = credential.found();
  if (!secret_text) {
    note_refusal(on, x, {}, secret_text.error());
    return std::unexpected(secret_text.error());
  }
  auto good = access::directory::identify(on.callers().get(), *secret_text, account.started, &x.who);
  if (x.who) {
    account.project = x.who->project;
    account.key = x.who->key;
    x.rank = static_cast<route::priority>(std::min<std::uint8_t>(x.who->priority, 2));
    if (x.asked_rank && x.who->may_ask_priority) x.rank = *x.asked_rank;
  }
  if (!good) {
    note_refusal(on, x, *secret_text, good.error());
    return std::unexpected(std::move(good.error()));
  }
  if (!access::allows(x.who->role, access::permission::models_call) && !access::allows(x.who->role, access::permission::models_list))
    return fail(errc::forbidden, "A key of role " + std::string(access::to_string(x.who->role)) + " may not call models; use one of role caller.");
  return {};
}

}  // namespace andon::gateway
