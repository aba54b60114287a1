#include "andon/app/config/settings.hpp"
#include "andon/app/config/packs.hpp"
#include "andon/slo/yaml_documents.hpp"

namespace andon::app {
namespace {

schema<tls_settings> tls() {
  using s = tls_settings;
  schema<s> out;
  out.value("certificate_file", &s::certificate_file, "PEM file of the certificate and its chain; given, the port speaks TLS (1.2 and later) only. Read again when it changes and on SIGHUP; one that cannot be used leaves the one before in force.");
  out.value("key_file", &s::key_file, "PEM file of the certificate's private key; left out, it stands in certificate_file.");
  out.value("client_ca_file", &s::client_ca_file, "PEM file of the authorities that clients' certificates must come from.");
  out.value("client_auth", &s::client_auth, "Clients' certificates: not asked for, checked when shown, or required. Beside the key, never instead of it.");
  return out;
}

schema<listen_settings> listen() {
  using s = listen_settings;
  schema<s> out;
  out.value("gateway", &s::gateway, "Where clients connect. Needs a restart to change.");
  out.value("admin", &s::admin, "Admin API, status page and metrics. Keep it on loopback or behind your own proxy. Needs a restart to change.");
  out.group("gateway_tls", &s::gateway_tls, tls(), "TLS on the gateway port.");
  out.group("admin_tls", &s::admin_tls, tls(), "TLS on the admin port.");
  out.value("http2", &s::http2, "Speak HTTP/2 with clients that want it, by ALPN over TLS or from their first byte. Needs a restart to change.");
  out.list("admin_hosts", &s::admin_hosts, "Names under which the admin port may be addressed, beside IP addresses and localhost; others are refused against DNS rebinding. Needs a restart to change.");
  out.value("threads", &s::threads, "Cores that carry calls; 0 means all. Needs a restart to change.", between<std::int64_t>(0, 64));
  out.value("max_body", &s::max_body, "Largest request body, both as received and as unpacked.", at_least(byte_count{1024}));
  out.value("body_memory", &s::body_memory, "Most memory that the bodies of all calls under way may take; a call beyond it is answered 503.", at_least(byte_count{1024}));
  out.value("max_headers", &s::max_headers, "Largest request line and header lines together.", at_least(byte_count{4096}));
  out.value("request_timeout", &s::request_timeout, "Longest silence while a request arrives; the whole of it may take ten times as long.", at_least<nanoseconds>(100ms));
  out.value("idle_timeout", &s::idle_timeout, "How long a kept-alive connection may wait for its next request.", at_least<nanoseconds>(1s));
  out.value("write_timeout", &s::write_timeout, "A client that takes no bytes for this long is treated as gone.", at_least<nanoseconds>(1s));
  out.value("drain_timeout", &s::drain_timeout, "After SIGTERM, how long running calls may take to end.", at_least<nanoseconds>(0s));
  out.value("max_connections", &s::max_connections, "Connections per core; one more is answered 503.", at_least<std::int64_t>(1));
  return out;
}

schema<log_settings> logging() {
  using s = log_settings;
  schema<s> out;
  out.value("level", &s::level, "Least severity that is written.");
  out.value("format", &s::format, "One line an event, as text or JSON. Requests' content and credentials are never logged.");
  return out;
}

schema<ledger_settings> ledger() {
  using s = ledger_settings;
  schema<s> out;
  out.value("enabled", &s::enabled, "Record every exchange. Off only for measurements: without it there is no search, no audit and no proof.");
  out.value("sync", &s::sync, "When a record is forced to the disk: in groups every `sync_interval` (survives kill -9 always, a power loss up to the interval), or before each reply ends (`always`).");
  out.value("sync_interval", &s::sync_interval, "Time between two fdatasync calls.", between<nanoseconds>(1ms, 10s));
  out.value("segment", &s::segment, "Size of one journal file.", between(byte_count{16 << 10}, byte_count{1 << 30}));
  out.value("max_disk", &s::max_disk, "Most that the journal may take on disk; 0 B means no quota.");
  out.value("on_full", &s::on_full, "What happens at the quota or on a full disk: refuse new calls with 503, or drop the oldest records (counted and alarmed).");
  out.value("encryption", &s::encryption, "Master key for encryption at rest: 32 bytes as hex or base64, from the environment or a file. Losing it loses everything recorded.");
  out.value("retention", &s::retention, "How long records are kept; 0s means for ever.");
  out.value("index_lag", &s::index_lag, "Indexing takes what the cores leave over; records that have waited for so long are indexed although the cores are busy.",
            between<nanoseconds>(0s, 1h));
  out.value("verify_interval", &s::verify_interval, "How often the whole journal is read and checked; an alarm and the measure `integrity_age` say what came of it. 0s: only when asked.", between<nanoseconds>(0s, 365 * 24h));
  out.value("verify_rate", &s::verify_rate, "Most that such a check reads in a second, on average.", at_least(byte_count{1 << 20}));
  return out;
}

schema<drill_settings> drills() {
  using s = drill_settings;
  schema<s> out;
  out.value("enabled", &s::enabled, "Whether `andon drill` may break something on purpose; it needs the permission `operate` besides.");
  out.value("longest", &s::longest, "Most that one drill may last.", between<nanoseconds>(1s, 24h));
  out.value("settle", &s::settle, "How long recovery is waited for behind a drill's end.", between<nanoseconds>(1s, 1h));
  return out;
}

schema<telemetry_settings> telemetry() {
  using s = telemetry_settings;
  schema<s> out;
  out.value("otlp_endpoint", &s::otlp_endpoint, "Base URL of an OTLP/HTTP collector, e.g. http://127.0.0.1:4318; empty means no export.");
  out.pairs("headers", &s::headers, "Headers sent to the collector, such as its key.");
  out.value("sample_ratio", &s::sample_ratio, "Share of traces that start here and are exported; a caller's own decision is honoured.", between(0.0, 1.0));
  out.value("traces", &s::traces, "Export a span per exchange and attempt.");
  out.value("metrics", &s::metrics, "Export metrics.");
  out.value("metrics_interval", &s::metrics_interval, "Time between two exports of metrics.", at_least<nanoseconds>(1s));
  return out;
}

schema<price_settings> price() {
  using s = price_settings;
  schema<s> out;
  out.value("input", &s::input, "Dollars per million input tokens.");
  out.value("output", &s::output, "Dollars per million output tokens.");
  out.value("cached_read", &s::cached_read, "Dollars per million input tokens read from the provider's cache.");
  out.value("cache_write_5m", &s::cache_write_5m, "Dollars per million tokens written to the five-minute cache.");
  out.value("cache_write_1h", &s::cache_write_1h, "Dollars per million tokens written to the one-hour cache.");
  out.value("reasoning", &s::reasoning, "Dollars per million reasoning tokens, where they differ from output.");
  out.value("input_audio", &s::input_audio, "Dollars per million audio input tokens.");
  out.value("output_audio", &s::output_audio, "Dollars per million audio output tokens.");
  out.value("per_request", &s::per_request, "Dollars per call, beside the tokens.");
  out.value("free", &s::free, "The model costs nothing, such as one on your own machine.");
  return out;
}

schema<health_check_settings> health_check() {
  using s = health_check_settings;
  schema<s> out;
  out.value("path", &s::path, "What is asked with GET: a path from the host's root, such as /health. Left out: the list of models.");
  out.value("interval", &s::interval, "Time between two checks; they run on one core for the whole program.", at_least<nanoseconds>(10ms));
  out.value("timeout", &s::timeout, "How long one may take.", at_least<nanoseconds>(1ms));
  out.value("healthy_after", &s::healthy_after, "Good checks in a row (status 2xx) after which the target is taken in again.", between<std::int64_t>(1, 1'000));
  out.value("unhealthy_after", &s::unhealthy_after, "Failed checks in a row after which it is taken out.", between<std::int64_t>(1, 1'000));
  return out;
}

schema<provider_settings> provider() {
  using s = provider_settings;
  schema<s> out;
  out.value("dialect", &s::dialect, "Wire protocol the provider speaks.");
  out.value("kind", &s::kind, "Which service it is (openai, azure, vllm, llama-server, ollama, groq, mistral, deepseek, xai, together, openrouter, sim, custom); the provider's own name when that is one of these.");
  out.value("url", &s::url, "Base URL up to and including the version, e.g. http://127.0.0.1:8080/v1; known kinds have one.");
  out.value("key", &s::key, "Credential sent to the provider.");
  out.list("keys", &s::keys, "Several credentials instead: one is used until the provider limits or refuses it, then the next.");
  out.pairs("headers", &s::headers, "Further headers sent with every call.");
  out.value("api_version", &s::api_version, "Azure OpenAI's api-version.");
  out.value("ca_file", &s::ca_file, "PEM file of the certification authorities to trust instead of the system's.");
  out.value("verify", &s::verify, "Check the provider's certificate. Off is for tests only and is logged as a warning.");
  out.value("certificate_file", &s::certificate_file, "PEM file of the certificate, and its chain, that is shown to a provider that asks for one.");
  out.value("key_file", &s::key_file, "PEM file of that certificate's key; left out, it stands in certificate_file.");
  out.value("proxy", &s::proxy, "HTTP proxy through which the provider is reached by CONNECT, e.g. http://proxy.example:3128; `none` for none. Left out, the environment's HTTPS_PROXY and NO_PROXY decide. For https:// only.");
  out.value("http", &s::http, "HTTP version spoken with the provider: auto (HTTP/2 where an https:// provider agrees to it, else 1.1), 1.1, or 2 (for http:// urls by prior knowledge).");
  out.value("script", &s::script, "For kind sim: the script file of its behaviour.");
  out.group("health_check", &s::health_check, health_check(), "Asks the provider at intervals and takes its models out and in by the answers. Given, even empty, it is on.");
  return out;
}

schema<model_settings> model() {
  using s = model_settings;
  schema<s> out;
  out.value("provider", &s::provider, "Name of an entry of `providers`.").required();
  out.value("name", &s::name, "The provider's name of the model; this entry's name when left out.");
  out.value("region", &s::region, "Where it runs, for Records and indicators, such as eu-west-1.");
  out.group("price", &s::price, price(), "Replaces the shipped price of the model entirely.");
  out.table("service_tiers", &s::service_tiers, price(), "Prices of other service tiers, by the name that requests and replies give them (flex, batch, priority). A tier that is not here has an unknown price.");
  out.group("health_check", &s::health_check, health_check(), "The same for this model alone, instead of the provider's.");
  out.value("max_output", &s::max_output, "Output tokens it can write; 0 means as shipped. Bounds reservations when a call states no max_tokens.", at_least<std::int64_t>(0));
  return out;
}

schema<condition_settings> condition() {
  using s = condition_settings;
  schema<s> out;
  out.value("field", &s::field, "model, size (bytes), tokens, stream, tag, user, project, or metadata.NAME.").required();
  out.value("op", &s::op, "eq, ne, in, nin, gt, gte, lt, lte, prefix, contains.").required();
  out.list("value", &s::value, "What to compare with; one for all operators but in and nin.").required();
  return out;
}

schema<target_settings> target() {
  using s = target_settings;
  schema<s> out;
  out.value("model", &s::model, "Name of an entry of `models`.").required();
  out.value("weight", &s::weight, "Share of calls under `weighted`.", between<std::int64_t>(0, 1'000'000));
  out.value("priority", &s::priority, "Tier; a lower one is used first. Left out, the order of the list decides under `priority`.", between<std::int64_t>(0, 1'000));
  out.value("max_parallel", &s::max_parallel, "Calls of the model at the same time, from all routes and cores; further ones go to other targets or wait. 0 means no bound.", between<std::int64_t>(0, 1'000'000));
  out.items("when", &s::when, condition(), +[](std::string name) { return condition_settings{.field = std::move(name), .op = {}, .value = {}}; }, "Conditions that a call must all meet for this target.");
  return out;
}

schema<deadline_settings> deadlines() {
  using s = deadline_settings;
  schema<s> out;
  out.value("connect", &s::connect, "TCP and TLS established.", at_least<nanoseconds>(1ms));
  out.value("first_token", &s::first_token, "From sending the request to the reply's first byte.", at_least<nanoseconds>(1ms));
  out.value("idle", &s::idle, "Longest silence in mid-reply.", at_least<nanoseconds>(1ms));
  out.value("total", &s::total, "The whole call, all attempts together.", at_least<nanoseconds>(1ms));
  return out;
}

schema<retry_settings> retry() {
  using s = retry_settings;
  schema<s> out;
  out.value("attempts", &s::attempts, "Tries of one target, the first included; other targets of the route are tried as well.", between<std::int64_t>(1, 20));
  out.list("on", &s::on, "What is tried again: connect, timeout, 429, 5xx, reset, bad_reply, credential. Left out: connect, 429, 5xx, reset.");
  out.value("backoff", &s::backoff, "Base of the pause before the same target is tried again; doubled each time, with full jitter.", at_least<nanoseconds>(1ms));
  out.value("max_backoff", &s::max_backoff, "Longest such pause.", at_least<nanoseconds>(1ms));
  out.value("max_retry_after", &s::max_retry_after, "A provider's longer Retry-After is not waited for.", at_least<nanoseconds>(0s));
  out.value("budget", &s::budget, "Retries per call on average over the route, so that a failing provider is not hit harder.", between(0.0, 10.0));
  return out;
}

schema<hedge_settings> hedge() {
  using s = hedge_settings;
  schema<s> out;
  out.value("after", &s::after, "How long the first target may be silent (no reply, or no first token of a stream) before a second one is asked as well; 0s without `quantile`: never.", at_least<nanoseconds>(0s));
  out.value("quantile", &s::quantile, "Instead of a fixed time: as long as this share of the target's answers of the last minute took, e.g. 0.95; `after` is then the least, and counts alone while fewer than 50 answers are known. 0: not used.", between(0.0, 0.999));
  out.value("budget", &s::budget, "Second targets asked per call on average over the route, so that a slow provider does not double its load. At most 10 are saved up.", between(0.0, 1.0));
  return out;
}

schema<breaker_settings> breaker() {
  using s = breaker_settings;
  schema<s> out;
  out.value("failures", &s::failures, "Failures in a row after which a target's breaker opens; 0 switches the breaker off.", at_least<std::int64_t>(0));
  out.value("error_rate", &s::error_rate, "Share of failures in `window` at which it opens as well; 1 means never.", between(0.0, 1.0));
  out.value("min_calls", &s::min_calls, "Calls in `window` below which the share says nothing.", at_least<std::int64_t>(1));
  out.value("window", &s::window, "Span over which the share is taken, in steps of 5 s.", between<nanoseconds>(5s, 60s));
  out.value("open", &s::open, "How long it stays open the first time; doubled each time in a row, less up to a fifth by lot.", at_least<nanoseconds>(1ms));
  out.value("max_open", &s::max_open, "Longest such time.", at_least<nanoseconds>(1ms));
  out.value("half_open_calls", &s::half_open_calls, "Calls let through at once as probes when that time is over; the first good one closes it.", between<std::int64_t>(1, 1'000));
  out.value("slow_start", &s::slow_start, "After it closed, the time in which the target's share of calls grows from a tenth to all.", at_least<nanoseconds>(0s));
  return out;
}

schema<outlier_settings> outlier() {
  using s = outlier_settings;
  schema<s> out;
  out.value("error_margin", &s::error_margin, "By how much a target's share of failures must be above the median of the others'.", between(0.01, 1.0));
  out.value("latency_factor", &s::latency_factor, "How many times the median of the others its mean latency must be; 0 means latency is not compared.", between(0.0, 1'000.0));
  out.value("min_calls", &s::min_calls, "Calls in `breaker.window` below which a target is not compared.", at_least<std::int64_t>(1));
  out.value("max_ejected", &s::max_ejected, "Share of the route's targets that may be out at the same time; 0 switches it off. The last one is never taken out.", between(0.0, 1.0));
  return out;
}

schema<limit_settings> limits() {
  using s = limit_settings;
  schema<s> out;
  out.value("requests_per_minute", &s::requests_per_minute, "Calls per minute.", at_least<std::int64_t>(0));
  out.value("tokens_per_minute", &s::tokens_per_minute, "Tokens per minute, input and output; the estimate counts until the reply has ended.", at_least<std::int64_t>(0));
  out.value("parallel", &s::parallel, "Calls at the same time.", at_least<std::int64_t>(0));
  return out;
}

schema<budget_settings> budget() {
  using s = budget_settings;
  schema<s> out;
  out.value("daily", &s::daily, "Spending per calendar day.", at_least(nano_usd{0}));
  out.value("weekly", &s::weekly, "Spending per calendar week, from Monday.", at_least(nano_usd{0}));
  out.value("monthly", &s::monthly, "Spending per calendar month.", at_least(nano_usd{0}));
  return out;
}

schema<rule_settings> limit_rule() {
  using s = rule_settings;
  schema<s> out;
  out.list("per", &s::per, "Count separately per user, key, model; any combination.");
  out.value("model", &s::model, "Only calls of this route.");
  out.value("requests_per_minute", &s::requests_per_minute, "Calls per minute.", at_least<std::int64_t>(0));
  out.value("tokens_per_minute", &s::tokens_per_minute, "Tokens per minute.", at_least<std::int64_t>(0));
  out.value("parallel", &s::parallel, "Calls at the same time.", at_least<std::int64_t>(0));
  return out;
}

schema<budget_rule_settings> budget_rule() {
  using s = budget_rule_settings;
  schema<s> out;
  out.list("per", &s::per, "Account separately per user, key, model, tag; any combination.");
  out.value("model", &s::model, "Only calls of this route.");
  out.value("tag", &s::tag, "Only calls that carry this tag.");
  out.value("daily", &s::daily, "Spending per calendar day.", at_least(nano_usd{0}));
  out.value("weekly", &s::weekly, "Spending per calendar week.", at_least(nano_usd{0}));
  out.value("monthly", &s::monthly, "Spending per calendar month.", at_least(nano_usd{0}));
  out.value("alarm_percent", &s::alarm_percent, "Share of the budget from which it is shown as nearly spent.", between<std::int64_t>(1, 100));
  return out;
}

schema<cache_settings> cache() {
  using s = cache_settings;
  schema<s> out;
  out.value("memory", &s::memory, "Most memory that everything kept may take, all routes and projects together; what was used longest ago goes first.", between(byte_count{0}, byte_count{1ll << 40}));
  out.value("max_entry", &s::max_entry, "Largest reply that is kept.", at_least(byte_count{1024}));
  out.value("max_questions", &s::max_questions, "Questions that the semantic cache knows at once; their vectors take at most half of `memory`.", between<std::int64_t>(0, 10'000'000));
  return out;
}

schema<semantic_settings> semantic() {
  using s = semantic_settings;
  schema<s> out;
  out.value("model", &s::model, "Entry of `models` that makes embeddings; left out: no semantic cache.");
  out.value("threshold", &s::threshold, "Least cosine of two questions that count as the same. Depends on the embedding model: measure before you trust it.", between(0.5, 1.0));
  out.value("timeout", &s::timeout, "How long an embedding may take; then the call goes on without.", at_least<nanoseconds>(1ms));
  return out;
}

schema<route_cache_settings> route_cache() {
  using s = route_cache_settings;
  schema<s> out;
  out.value("ttl", &s::ttl, "How long a reply may be given again; 0s: the route has no cache.", at_least<nanoseconds>(0s));
  out.value("exact", &s::exact, "The same request gets the kept reply.");
  out.value("coalesce", &s::coalesce, "Identical calls under way are made once; the others wait for its reply.");
  out.group("semantic", &s::semantic, semantic(), "A question that means the same gets the kept reply, too.");
  return out;
}

schema<queue_settings> queue() {
  using s = queue_settings;
  schema<s> out;
  out.value("size", &s::size, "Calls that may wait; one more is refused with 503 and an estimate in Retry-After. 0: none waits.", between<std::int64_t>(0, 1'000'000));
  out.value("max_wait", &s::max_wait, "Longest wait, within deadline.total. A call that would wait longer, as places become free now, is refused at once.", at_least<nanoseconds>(1ms));
  return out;
}

schema<batch_settings> batch() {
  using s = batch_settings;
  schema<s> out;
  out.value("window", &s::window, "How long an embeddings call waits for others of its project that ask the same of other inputs, to go to the provider as one call; 0s: each goes by itself.", between<nanoseconds>(0s, 1s));
  out.value("max_inputs", &s::max_inputs, "Inputs of such a call; with this many it goes at once.", between<std::int64_t>(2, 2'048));
  out.value("max_bytes", &s::max_bytes, "Bytes of the request bodies that go into it.", between(byte_count{1024}, byte_count{64ll << 20}));
  return out;
}

schema<fallback_settings> fallbacks() {
  using s = fallback_settings;
  schema<s> out;
  out.value("context_window", &s::context_window, "Route that takes a call which is too long for this one's model.");
  out.value("content_filter", &s::content_filter, "Route that takes a call which the provider's content filter refused.");
  out.value("rate_limit", &s::rate_limit, "Route that takes a call when the providers of this one limit it.");
  return out;
}

schema<stream_settings> streams() {
  using s = stream_settings;
  schema<s> out;
  out.value("continue", &s::go_on, "A text-only stream that breaks after its first tokens goes on from another target, which is given the part that came; else it ends with an error event.");
  return out;
}

schema<route_settings> route() {
  using s = route_settings;
  schema<s> out;
  out.value("strategy", &s::strategy, "How a target is chosen: priority, weighted, round-robin, least-busy, latency, cost, usage.");
  out.items("targets", &s::targets, target(), +[](std::string name) { return target_settings{.model = std::move(name), .when = {}}; }, "Models that can serve the route: names, or groups.").required();
  out.group("deadline", &s::deadline, deadlines(), "How long each part of a call may take.");
  out.group("retry", &s::retry, retry(), "Trying again and failing over.");
  out.group("hedge", &s::hedge, hedge(), "Asking a second target while the first is silent: the first to answer serves, the other is cancelled.");
  out.group("breaker", &s::breaker, breaker(), "When a failing target is left alone, and how it comes back.");
  out.group("outlier", &s::outlier, outlier(), "In routes with three or more targets: taking out one that is far from its peers, through its breaker.");
  out.group("queue", &s::queue, queue(), "Calls that wait while every target has max_parallel calls.");
  out.group("batch", &s::batch, batch(), "Embeddings calls that go to the provider together.");
  out.group("fallbacks", &s::fallbacks, fallbacks(), "Other routes whose targets take over by the kind of the fault, as if the client had asked for them.");
  out.group("streams", &s::streams, streams(), "Streams that break.");
  out.value("structured", &s::structured, "require: a reply to a request with a response_format of JSON is held against it, and one that breaks it counts as the provider's error in objectives, although the client has it. any: nobody looks.");
  out.group("limits", &s::limits, limits(), "Limits of the route, all callers together.");
  out.group("budget", &s::budget, budget(), "Budgets of the route, all callers together.");
  out.group("cache", &s::cache, route_cache(), "Giving replies again.");
  return out;
}

schema<project_settings> project() {
  using s = project_settings;
  schema<s> out;
  out.value("title", &s::title, "For people.");
  out.group("limits", &s::limits, limits(), "Limits of the project as a whole.");
  out.items("limit_rules", &s::limit_rules, limit_rule(), +[](std::string name) { return rule_settings{.per = {std::move(name)}, .model = {}}; }, "Finer limits, such as per user or per model.");
  out.group("budget", &s::budget, budget(), "Budgets of the project as a whole.");
  out.items("budget_rules", &s::budget_rules, budget_rule(), +[](std::string name) { return budget_rule_settings{.per = {std::move(name)}, .model = {}, .tag = {}}; }, "Finer budgets, such as per user or tag.");
  out.list("models", &s::models, "Routes the project may use; left out: all.");
  out.list("tags", &s::tags, "Tags added to every call.");
  out.value("time_zone", &s::time_zone, "IANA name of the zone whose calendar the budgets follow; the gateway's when left out.");
  out.value("unknown_price", &s::unknown_price, "What to do with a call whose price is not known when a budget applies.");
  out.value("retention", &s::retention, "How long records are kept; 0s means as `ledger.retention`.");
  out.value("blocked", &s::blocked, "Refuse every call of the project.");
  return out;
}

schema<key_declaration> key() {
  using s = key_declaration;
  schema<s> out;
  out.value("project", &s::project, "Name of an entry of `projects`.");
  out.value("value", &s::value, "The secret, at least 16 characters, from the environment or a file.").required();
  out.value("role", &s::role, "admin, operator, developer, auditor or caller.");
  out.value("priority", &s::priority, "Whose calls go first where calls have to wait or some have to be refused.");
  out.value("priority_header", &s::priority_header, "Let a request say its priority itself, in x-andon-priority.");
  out.list("models", &s::models, "Routes the key may use; left out: all of the project's.");
  out.group("limits", &s::limits, limits(), "Limits of the key.");
  out.group("budget", &s::budget, budget(), "Budgets of the key.");
  return out;
}

schema<shedding_settings> shedding() {
  using s = shedding_settings;
  schema<s> out;
  out.value("target", &s::target, "How long work may wait for its core. While it waits longer, new calls are refused with 503, those of the lowest priority first. 0s: never.", at_least<nanoseconds>(0s));
  out.value("interval", &s::interval, "How long every wait must be above the target before the next priority is refused.", at_least<nanoseconds>(1ms));
  return out;
}

schema<objective_alert_settings> objective_alerts() {
  using s = objective_alert_settings;
  schema<s> out;
  out.value("page", &s::page, "Alert of severity page when the budget burns fast: 2 % of it in 1h, or 5 % in 6h.");
  out.value("ticket", &s::ticket, "Alert of severity ticket when it burns slowly: 10 % of it in a day, or in three.");
  out.value("min_events", &s::min_events, "Events that the alert's long window must have: fewer are no ground for waking somebody.", at_least<std::int64_t>(1));
  out.value("absent", &s::absent, "Alert when there was no event for so long; 0s: never.", at_least<nanoseconds>(0s));
  return out;
}

schema<objective_part_settings> objective_part() {
  using s = objective_part_settings;
  schema<s> out;
  out.value("objective", &s::objective, "Name of another entry of `objectives`.").required();
  out.value("weight", &s::weight, "How much its burning counts.", at_least(0.0));
  return out;
}

schema<objective_settings> objective() {
  using s = objective_settings;
  schema<s> out;
  out.value("title", &s::title, "For people.");
  out.value("description", &s::description, "For people.");
  out.value("service", &s::service, "Becomes the label `service` of its alerts.");
  out.list("labels", &s::labels, "Further labels of its alerts, each `name=value`.");
  out.value("measure", &s::measure, "What is measured; `andon indicator measures` lists all.");
  out.value("filter", &s::filter, "Which calls count, in the filter language without words: route:chat project:shop.");
  out.value("good", &s::good, "Instead of what the measure says: calls that also match this filter are good.");
  out.list("errors", &s::errors, "Whose errors are bad, of client, limit, guard, gateway, provider; left out: gateway and provider.");
  out.value("at_most", &s::at_most, "For measures that are numbers or have a time: good is what is at most this, in the measure's unit.");
  out.value("at_least", &s::at_least, "For measures that are numbers: good is what is at least this.");
  out.items("parts", &s::parts, objective_part(), +[](std::string name) { return objective_part_settings{.objective = std::move(name)}; }, "Makes it a composite of other objectives; then it has no measure of its own.");
  out.value("target", &s::target, "Promised share of good events, in percent: 99.9.", between(0.0, 100.0)).required();
  out.value("window", &s::window, "Over which time, up to now.", between<nanoseconds>(1h, 3 * 365 * 24h));
  out.value("calendar", &s::calendar, "Over the present day, week, month, quarter or year instead.");
  out.value("time_zone", &s::time_zone, "IANA name of the calendar's zone; the gateway's when left out.");
  out.value("method", &s::method, "What is counted: single events, slices of time that reach slice_target, or the mean of the slices' ratios.");
  out.value("slice", &s::slice, "Length of a slice of time, whole minutes.", between<nanoseconds>(1min, 24h));
  out.value("slice_target", &s::slice_target, "With timeslices: share of good events that makes a slice good, in percent; left out: the target.", between(0.0, 100.0));
  out.group("alerts", &s::alerts, objective_alerts(), "Alerts that follow from the objective.");
  out.value("policy", &s::policy, "Name of an entry of `policies` that is to look after its budget.");
  return out;
}

schema<indicator_settings> indicator() {
  using s = indicator_settings;
  schema<s> out;
  out.value("description", &s::description, "For people.");
  out.value("measure", &s::measure, "What is measured; `andon indicator measures` lists all.");
  out.value("filter", &s::filter, "Which calls count, in the filter language without words.");
  out.value("good", &s::good, "Instead of what the measure says: calls that also match this filter are good.");
  out.list("errors", &s::errors, "Whose errors are bad, of client, limit, guard, gateway, provider; left out: gateway and provider.");
  out.list("by", &s::by, "Apart by these, of project, route, model, provider, region, key; at most 200 combinations.");
  out.value("at_most", &s::at_most, "For measures that are numbers or have a time: good is what is at most this.");
  out.value("at_least", &s::at_least, "For measures that are numbers: good is what is at least this.");
  return out;
}

schema<alert_rule_settings> alert_rule() {
  using s = alert_rule_settings;
  schema<s> out;
  out.value("indicator", &s::indicator, "Name of an entry of `indicators`, or of a measure.").required();
  out.value("kind", &s::kind, "threshold: a bound is crossed. absence: no events. forecast: a bound will be crossed `ahead`. anomaly: unlike the `history`. change: not what it was a `history` ago; the bound is of the share that it grew by, -0.05 for 5 % less.");
  out.value("statistic", &s::statistic, "good, bad, rate, good_rate, count, good_count, sum, mean, p50, p90, p95, p99 or lower_bound (of the share of good events, at 95 % confidence); left out: the one usual for the measure.");
  out.value("above", &s::above, "Alert above this. With kind anomaly: alert on what is unusually high, the number is not looked at.");
  out.value("below", &s::below, "Alert below this. With kind anomaly: alert on what is unusually low.");
  out.value("over", &s::over, "The time that one value is of; with kind forecast, whose trend is taken.", between<nanoseconds>(5s, 31 * 24h));
  out.value("min_events", &s::min_events, "Events that `over` must have: fewer are no ground for an alert, nor (while there are any) for the end of one. Not with kind absence.", at_least<std::int64_t>(1));
  out.value("for", &s::wait, "How long the condition has to hold.", between<nanoseconds>(0s, 31 * 24h));
  out.value("ahead", &s::ahead, "With kind forecast: how far it looks.", between<nanoseconds>(1min, 31 * 24h));
  out.value("history", &s::history, "With kind anomaly: the time before that says what is usual, at most 31 days. With kind change: how long ago is compared with.", between<nanoseconds>(10min, 2 * 365 * 24h));
  out.value("sensitivity", &s::sensitivity, "With kind anomaly: how many deviations are unusual.", between(1.0, 100.0));
  out.value("severity", &s::severity, "page, ticket, or another word that whoever routes alerts knows.");
  out.list("labels", &s::labels, "Labels of the alert, each `name=value`.");
  out.value("summary", &s::summary, "What people are told, beside the numbers.");
  return out;
}

schema<pack_settings> pack() {
  using s = pack_settings;
  schema<s> out;
  out.value("name", &s::name, "`andon pack list` lists all.").required();
  out.value("filter", &s::filter, "Which calls its objectives, indicators and rules count, in the filter language without words: project:shop.");
  out.list("without", &s::without, "Objectives and alert rules of it that are not wanted.");
  return out;
}

schema<maintenance_settings> maintenance() {
  using s = maintenance_settings;
  schema<s> out;
  out.value("from", &s::from, "When it begins: 2026-01-31T22:00:00Z or with an offset; whole minutes.").required();
  out.value("to", &s::to, "When it ends.").required();
  out.value("reason", &s::reason, "For people.");
  out.list("objectives", &s::objectives, "Whose budgets it does not count for; left out: all.");
  return out;
}

schema<settings> make() {
  using s = settings;
  schema<s> out;
  out.group("listen", &s::listen, listen(), "Addresses, bounds and timeouts of the two ports.");
  out.group("shedding", &s::shedding, shedding(), "Refusing new calls before latency collapses. Health paths and calls under way are not touched.");
  out.group("log", &s::log, logging(), "The program's own log, on standard error.");
  out.group("ledger", &s::ledger, ledger(), "The durable record of every exchange.");
  out.group("drills", &s::drills, drills(), "Failures made on purpose: `andon drill`.");
  out.group("telemetry", &s::telemetry, telemetry(), "Export of traces and metrics by OTLP/HTTP.");
  out.group("cache", &s::cache, cache(), "What all routes' caches share.");
  out.value("time_zone", &s::time_zone, "IANA name of the zone whose calendar budgets follow.");
  out.value("default_max_output", &s::default_max_output, "Output tokens to reserve for a call when neither it nor the model states a bound.", at_least<std::int64_t>(1));
  out.group("limits", &s::limits, limits(), "Limits of the gateway as a whole.");
  out.group("budget", &s::budget, budget(), "Budgets of the gateway as a whole.");
  out.table("providers", &s::providers, provider(), "Services that serve models.");
  out.table("models", &s::models, model(), "Deployables: one provider's model each.");
  out.table("routes", &s::routes, route(), "The model names that clients ask for.");
  out.table("projects", &s::projects, project(), "Tenants with their limits and budgets.");
  out.table("keys", &s::keys, key(), "Keys declared here; others are made with `andon key create`.");
  out.items("packs", &s::packs, pack(), +[](std::string name) { return pack_settings{.name = std::move(name), .filter = {}, .without = {}}; }, "Objectives, indicators and alert rules that ship with the program, switched on by name. An entry of this file takes the place of the pack's of the same name.");
  out.table("objectives", &s::objectives, objective(), "What is promised: a share of good events over a time, with an error budget and alerts.");
  out.list("openslo", &s::openslo, "Files with objectives as OpenSLO v1 documents, beside this file.");
  out.table("indicators", &s::indicators, indicator(), "What is measured for charts and alert rules, beside what is always measured.");
  out.table("alert_rules", &s::alert_rules, alert_rule(), "Alerts on indicators: bounds, absence, forecasts, anomalies.");
  out.items("maintenance", &s::maintenance, maintenance(), +[](std::string from) { return maintenance_settings{.from = std::move(from), .to = {}, .reason = {}, .objectives = {}}; }, "Planned maintenance, which no budget counts.");
  out.table("agreements", &s::agreements, agreement_schema(), "Promises to counterparties (SLA): objectives, credits, exclusions; with a statement for each month.");
  out.table("kpis", &s::kpis, kpi_schema(), "Measures that the business goes by, with targets.");
  out.table("policies", &s::policies, policy_schema(), "What happens as an error budget goes.");
  out.value("plan_history", &s::plan_history, "How many of the configurations that were in force are kept, to roll back to.", between<std::int64_t>(2, 1'000));
  out.group("alerting", &s::alerting, alerting_schema(), "Who is told of alerts, and who is on call.");
  return out;
}

/// `line`: from 0; negative: none.
bool is_indented_by_tab(std::string_view text, int line) {
  for (; line > 0 && !text.empty(); --line) text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
  return line == 0 && text.substr(0, text.find_first_not_of(" \t")).contains('\t');
}

}  // namespace

schema<settings> settings_schema() { return make(); }

settings read_settings(const std::string& text, diagnostics& found,
                       const std::function<std::optional<std::string>(const std::string&)>& environment) {
  settings out;
  try {
    const auto documents = slo::yaml_documents(text);
    if (documents.size() > 1) found.add({}, "", "holds more than one YAML document", "remove the line '---'");
    reading in{found, environment, out.places};
    if (!documents.empty() && found.empty()) settings_schema().read(documents[0], "", out, in);
    add_packs(out, found);
  } catch (const YAML::Exception& broken) {
    const auto mark = broken.mark;
    found.add(mark.line < 0 ? position{} : position{mark.line + 1, mark.column + 1}, "", "is not valid YAML: " + broken.msg,
              is_indented_by_tab(text, mark.line) ? "a tab indents this line; YAML wants spaces" : "");
  }
  return out;
}

}  // namespace andon::app
