#include "andon/admin/admin_api.hpp"

#include <fmt/format.h>

#include <array>

#include "andon/admin/admin_state.hpp"
#include "andon/admin/handlers.hpp"
#include "andon/admin/piece_channel.hpp"
#include "andon/base/log.hpp"
#include "andon/llm/dialect/openai_error.hpp"

namespace andon::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t threads = 3;
constexpr std::size_t max_queue = 64;
constexpr nanoseconds usual_patience = 10s;
constexpr nanoseconds most_patience = 60s;
constexpr nanoseconds stream_patience = std::chrono::hours{1};
constexpr nanoseconds poll_patience = 10s;
constexpr nanoseconds poll_interval = 200ms;
constexpr int misdirected = 421;

constexpr net::header no_store{"Cache-Control", "no-store"};
constexpr net::header no_sniff{"X-Content-Type-Options", "nosniff"};
constexpr net::header no_frames{"X-Frame-Options", "DENY"};
constexpr net::header no_referrer{"Referrer-Policy", "no-referrer"};
constexpr net::header own_referrer{"Referrer-Policy", "same-origin"};  // without one, browsers send forms with `Origin: null`
constexpr net::header form_policy{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'"};
constexpr net::header policy{"Content-Security-Policy",
                             "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'"};

std::string_view bearer(std::span<const net::header> headers) {
  const auto value = net::find_header(headers, "authorization");
  if (value.size() > 7 && net::header_equals(value.substr(0, 7), "bearer ")) return value.substr(7);
  return net::find_header(headers, "x-api-key");
}

bool has_body(std::string_view method) { return method == "POST" || method == "PUT" || method == "PATCH"; }

}  // namespace

admin_api::state::state(net::core& on, services with)
    : core(on), parts(std::move(with)), callers(parts.callers), pool(threads, max_queue),
      refusals(parts.metrics.make_counter({"andon.admin.refused", "Requests to the admin port that were not valid HTTP.", "{request}"})) {}

admin_api::admin_api(net::core& on, services with) : state_(std::make_unique<state>(on, std::move(with))) {}

admin_api::~admin_api() { stop(); }

void admin_api::stop() {
  state_->ending.request_stop();
  state_->pool.stop();
}

void admin_api::refused(const error& why, std::string_view peer_address) {
  state_->refusals.add();
  log::debug("admin_request_refused", {{"reason", kind_of(why.code).name}, {"peer", peer_address}});
}

net::refusal_answer admin_api::describe(const error& why) {
  const error told{why.code, why.message};
  return {.content_type = "application/json", .body = llm::openai::error_body(told), .more = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}};
}

net::task<void> admin_api::handle(net::incoming_call& call) { return state_->answer(call); }

std::optional<std::pair<int, error>> admin_api::state::check_origin(const net::incoming_call& call) const {
  if (!is_own_host(net::find_header(call.headers(), "host"), parts.host_names))
    return std::pair{misdirected, error{errc::forbidden, "the admin port answers only to an IP address, localhost or a configured name in Host"}};
  if (!is_own_origin(call.headers()))
    return std::pair{403, error{errc::forbidden, "requests from pages of other sites are refused (Origin)"}};
  return std::nullopt;
}

result<access::caller> admin_api::state::identify(const net::incoming_call& call) {
  const auto now = core.now();
  const auto token = bearer(call.headers());
  if (token.empty()) return fail(errc::missing_key, "a key is needed: `Authorization: Bearer …`; the admin token is in the data directory, file admin-token");
  auto who = access::directory::identify(callers.get(), token, parts.time.wall());
  if (who) return who;  // a good key is never locked out by somebody else's guesses from the same address
  if (failures.must_wait(call.peer_address(), now))
    return fail(errc::requests_limited, fmt::format("too many failed authentications from this address; retry in {} s", seconds_to_wait(call)));
  failures.failed(call.peer_address(), now);
  return who;
}

/// Seconds until this peer may try again.
std::string admin_api::state::seconds_to_wait(const net::incoming_call& call) const {
  const auto wait = failures.must_wait(call.peer_address(), core.now()).value_or(nanoseconds{});
  return std::to_string(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count()));
}

result<void> admin_api::state::check_link(const net::incoming_call& call, const std::string& token) {
  if (parts.alerts == nullptr) return fail(errc::unavailable, "there is no board of alerts");
  const auto link = parts.alerts->read_link(token, parts.time.wall());
  if (link) return {};  // as with keys: a good one is never locked out by somebody else's guesses
  if (failures.must_wait(call.peer_address(), core.now()))
    return fail(errc::requests_limited, fmt::format("too many links that are not good from this address; retry in {} s", seconds_to_wait(call)));
  failures.failed(call.peer_address(), core.now());
  return std::unexpected(link.error());
}

void admin_api::state::note(const net::incoming_call& call, const admin_path* path, const access::caller& who, int status) {
  const std::string_view pattern = path != nullptr ? path->pattern : "other";
  parts.metrics.make_counter({"andon.admin.requests", "Requests to the admin API.", "{request}"}, {{"path", std::string(pattern)}, {"status", std::to_string(status)}}).add();
  if (path == nullptr || !is_act(*path)) return;
  const auto shown = path->by_link ? path->pattern : call.path();  // whoever reads the log may not use the link
  log::info("admin_act", {{"method", path->method}, {"path", shown}, {"status", status}, {"key", who ? who->key.view() : std::string_view{}}, {"peer", call.peer_address()}});
}

net::task<void> admin_api::state::refuse(net::incoming_call& call, const admin_path* path, int status, const error& why,
                                         const access::caller& who, std::string_view extra_name, std::string_view extra) {
  note(call, path, who, status);
  if (path != nullptr && path->by_link) {
    auto page = handlers::refused_link(why);
    page.status = status;
    if (net::header_equals(extra_name, "retry-after")) page.retry_after = extra;
    co_return co_await respond(call, path, who, page);
  }
  const auto body = llm::openai::error_body(why);
  const net::header type{"Content-Type", "application/json"};
  std::array<net::header, 4> headers{type, no_store, no_sniff, net::header{extra_name, extra}};
  const std::span<const net::header> all(headers.data(), extra_name.empty() ? 3 : 4);
  (void)co_await call.respond(status, all, body);
}

net::task<void> admin_api::state::respond(net::incoming_call& call, const admin_path* path, const access::caller& who, const result<reply>& with) {
  if (!with) {
    const int status = kind_of(with.error().code).http_status;
    co_return co_await refuse(call, path, status, with.error(), who);
  }
  const net::header type{"Content-Type", with->content_type};
  const std::array<net::header, 7> headers{type, no_store, no_sniff, no_frames, with->has_form ? own_referrer : no_referrer, with->has_form ? form_policy : policy, net::header{"Retry-After", with->retry_after}};
  (void)co_await call.respond(with->status, std::span(headers).first(headers.size() - (with->retry_after.empty() ? 1 : 0)), with->body);
}

namespace {

/// To whom may_call() said no.
std::string why_not(const admin_path& path, const access::principal& who) {
  if (!access::allows(who.role, *path.needs)) return fmt::format("role {} may not do this (it needs {})", access::to_string(who.role), access::to_string(*path.needs));
  return "a key of a project may not do this: it is about the whole installation; use a key that is bound to no project";
}

}  // namespace

net::task<void> admin_api::state::answer(net::incoming_call& call) {
  auto found = find_path(call.method(), call.path());
  const bool probe = found.path != nullptr && (found.path->pattern == "/healthz" || found.path->pattern == "/readyz");
  if (const auto stranger = probe ? std::nullopt : check_origin(call)) co_return co_await refuse(call, found.path, stranger->first, stranger->second, {});
  if (found.path == nullptr) {
    const bool elsewhere = !found.allow.empty();
    const error why{elsewhere ? errc::method_not_allowed : errc::unknown_path,
                    elsewhere ? "this path takes " + found.allow : "no such path; GET /api/v1/paths lists them"};
    co_return co_await refuse(call, nullptr, elsewhere ? 405 : 404, why, {}, elsewhere ? "Allow" : "", found.allow);
  }
  request asked;
  asked.argument = std::move(found.argument);
  asked.second = std::move(found.second);
  if (found.path->needs) {
    const auto began = parts.time.mono();
    auto who = identify(call);
    if (parts.times != nullptr) parts.times->sign_in.add(parts.time.mono() - began);
    if (!who) {
      const int status = kind_of(who.error().code).http_status;
      const bool slow = status == 429;
      const auto wait = seconds_to_wait(call);
      co_return co_await refuse(call, found.path, status, who.error(), {}, slow ? "Retry-After" : "WWW-Authenticate", slow ? std::string_view(wait) : "Bearer realm=\"andon\"");
    }
    asked.who = std::move(*who);
    if (!may_call(*found.path, *asked.who)) {
      const error why{errc::forbidden, why_not(*found.path, *asked.who)};
      if (is_act(*found.path)) co_await note_refusal(call, *found.path, asked, why);
      co_return co_await refuse(call, found.path, 403, why, asked.who);
    }
  }
  if (found.path->by_link && is_act(*found.path)) {  // to look is no guess that counts: the page says what is wrong
    const auto good = check_link(call, asked.argument);
    if (!good) {
      const int status = kind_of(good.error().code).http_status;
      const auto wait = seconds_to_wait(call);
      co_return co_await refuse(call, found.path, status, good.error(), {}, status == 429 ? "Retry-After" : "", wait);
    }
  }
  std::stop_source stop;
  const std::stop_callback chained(ending.get_token(), [&stop] { stop.request_stop(); });
  co_await serve(call, *found.path, asked, stop);
}

net::task<void> admin_api::state::serve(net::incoming_call& call, const admin_path& path, request& asked, std::stop_source& stop) {
  const auto began = parts.time.mono();
  auto arguments = query_arguments::parse(path.by_link ? std::string_view{} : call.query(), path.arguments);  // mail gateways add their own to links
  if (!arguments) co_return co_await refuse(call, &path, 400, arguments.error(), asked.who);
  asked.query = std::move(*arguments);
  const auto patience = asked.query.duration("timeout", path.how == conduct::stream ? stream_patience : usual_patience,
                                             path.how == conduct::stream ? stream_patience : most_patience);
  if (!patience) co_return co_await refuse(call, &path, 400, patience.error(), asked.who);
  if (has_body(call.method())) {
    const auto body = co_await call.read_body();
    if (!body) co_return co_await refuse(call, &path, kind_of(body.error().code).http_status, body.error(), asked.who);
    asked.body = std::string(*body);
  }
  asked.now = parts.time.wall();
  asked.wait = {deadline::after(core.now(), *patience), stop.get_token()};
  call.on_client_gone([&stop] { stop.request_stop(); });
  if (path.how == conduct::stream) {
    co_await run_stream(call, path, asked, stop);
    co_return;
  }
  result<reply> out;
  if (path.how == conduct::at_once) out = path.run(parts, asked);
  else if (is_act(path)) out = co_await run_act(call, path, asked);
  else if (path.how == conduct::poll) out = co_await run_poll(path, asked);
  else out = co_await run_blocking(path, asked);
  call.on_client_gone(nullptr);
  if (out) note(call, &path, asked.who, out->status);
  co_await respond(call, &path, asked.who, out);
  if (parts.times != nullptr && path.how != conduct::poll && !is_act(path)) parts.times->page.add(parts.time.mono() - began);
}

net::task<result<reply>> admin_api::state::run_blocking(const admin_path& path, const request& asked) {
  result<reply> out;
  const std::function<void()> work = [&] { out = path.run(parts, asked); };
  const bool ran = co_await pool.run(core, work);
  if (!ran) out = fail(ending.stop_requested() ? errc::draining : errc::overloaded, "too much administrative work at once; try again in a moment");
  co_return out;
}

net::task<result<reply>> admin_api::state::run_act(net::incoming_call& call, const admin_path& path, request& asked) {
  if (parts.audit == nullptr) co_return co_await run_blocking(path, asked);
  act_note noted;
  asked.act = &noted;
  auto entry = audit_entry_of(path, asked, call.path(), call.peer_address());
  (void)parts.audit->begin(entry);  // a failure is the audit log's alarm; an act that ends a trouble must not fail for it
  const auto began = core.now();
  result<reply> out;
  const std::function<void()> work = [&] {
    out = path.run(parts, asked);
    conclude(entry, noted, out, parts.time.mono() - began);
    (void)parts.audit->end(entry);
  };
  const bool ran = co_await pool.run(core, work);
  asked.act = nullptr;
  if (ran) co_return out;
  out = fail(ending.stop_requested() ? errc::draining : errc::overloaded, "too much administrative work at once; try again in a moment");
  conclude(entry, noted, out, core.now() - began);
  (void)parts.audit->end(entry, ledger::audit_log::safety::in_memory);
  co_return out;
}

net::task<void> admin_api::state::note_refusal(net::incoming_call& call, const admin_path& path, const request& asked, const error& why) {
  std::uint32_t unlisted = 0;
  if (parts.audit == nullptr || !refused_acts.list(asked.who->key.view(), core.now(), unlisted)) co_return;
  auto entry = audit_entry_of(path, asked, call.path(), call.peer_address());
  entry.began = parts.time.wall();
  entry.unlisted = unlisted;
  result<reply> outcome = std::unexpected(why);
  conclude(entry, {}, outcome, nanoseconds{});
  const std::function<void()> work = [&] { (void)parts.audit->note(entry, ledger::audit_log::safety::on_disk); };
  const bool ran = co_await pool.run(core, work);
  if (!ran) (void)parts.audit->note(entry, ledger::audit_log::safety::in_memory);
}

net::task<result<reply>> admin_api::state::run_poll(const admin_path& path, const request& asked) {
  const auto until = deadline::after(core.now(), poll_patience);
  for (;;) {
    auto out = co_await run_blocking(path, asked);
    const bool again = out && out->nothing_yet && !until.passed(core.now()) && !asked.wait.stop.stop_requested();
    if (!again) co_return out;
    co_await core.sleep_for(poll_interval);
  }
}

net::task<void> admin_api::state::run_stream(net::incoming_call& call, const admin_path& path, const request& asked, std::stop_source& stop) {
  piece_channel channel(core);
  result<void> outcome;
  bool ended = false, started = false, gone = false;
  const auto token = stop.get_token();
  const piece_writer write = [&](std::string_view piece) { return channel.put(piece, token); };
  const std::function<void()> work = [&] { outcome = path.run_stream(parts, asked, write); };
  std::function<void()> done = [&ended, &channel] {
    ended = true;
    channel.wake();
  };
  if (!pool.start(core, work, std::move(done))) {
    const error busy{errc::overloaded, "too much administrative work at once; try again in a moment"};
    co_return co_await refuse(call, &path, 503, busy, asked.who);
  }
  const std::array<net::header, 3> headers{net::header{"Content-Type", "application/x-ndjson"}, no_store, no_sniff};
  for (;;) {
    const bool last = ended;
    const auto piece = channel.take();
    if (piece.empty() && last) break;
    if (piece.empty()) {
      co_await channel.wait();
    } else if (!gone) {
      if (!std::exchange(started, true)) call.start(200, headers);
      const auto sent = co_await call.write(piece);
      if (!sent) {
        gone = true;
        stop.request_stop();
      }
    }
  }
  call.on_client_gone(nullptr);
  if (gone) co_return call.abort();
  if (!outcome && !started) co_return co_await refuse(call, &path, kind_of(outcome.error().code).http_status, outcome.error(), asked.who);
  note(call, &path, asked.who, outcome ? 200 : 500);
  if (!outcome) co_return call.abort();
  if (!started) call.start(200, headers);
  (void)co_await call.finish({});
}

}  // namespace andon::admin
