#pragma once
// The configuration file as plain values. Every setting is declared once, in settings.cpp: its name, doc and bounds;
// its default is the initial value here.
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "andon/app/config/alert_settings.hpp"
#include "andon/app/config/business_settings.hpp"
#include "andon/app/config/calendar_choice.hpp"
#include "andon/app/config/policy_settings.hpp"
#include "andon/app/config/schema.hpp"
#include "andon/app/config/value.hpp"
#include "andon/base/log.hpp"
#include "andon/net/http_types.hpp"
#include "andon/net/tls_settings.hpp"

namespace andon::app {

using namespace std::chrono_literals;

struct tls_settings {
  std::string certificate_file, key_file, client_ca_file;
  net::client_certificates client_auth = net::client_certificates::none;
};

struct listen_settings {
  address gateway{"127.0.0.1", 4000};
  address admin{"127.0.0.1", 4001};
  tls_settings gateway_tls, admin_tls;
  bool http2 = true;
  std::vector<std::string> admin_hosts;
  std::int64_t threads = 0;
  byte_count max_body{32ll << 20};
  byte_count body_memory{256ll << 20};
  byte_count max_headers{64ll << 10};
  nanoseconds request_timeout = 60s;
  nanoseconds idle_timeout = 5min;
  nanoseconds write_timeout = 60s;
  nanoseconds drain_timeout = 30s;
  std::int64_t max_connections = 100'000;
};

struct shedding_settings {
  nanoseconds target = 50ms;
  nanoseconds interval = 200ms;
};

struct log_settings {
  log::level level = log::level::info;
  log::format format = log::format::text;
};

enum class sync_mode : std::uint8_t { interval, always };
enum class full_choice : std::uint8_t { refuse, drop_oldest };


struct ledger_settings {
  bool enabled = true;
  sync_mode sync = sync_mode::interval;
  nanoseconds sync_interval = 50ms;
  byte_count segment{16ll << 20};
  byte_count max_disk{0};
  full_choice on_full = full_choice::refuse;
  std::optional<secret> encryption;
  nanoseconds retention{0};
  nanoseconds index_lag = 1s;
  nanoseconds verify_interval = 12h;
  byte_count verify_rate{32ll << 20};
};

struct drill_settings {
  bool enabled = true;
  nanoseconds longest = 10min;
  nanoseconds settle = 2min;
};

struct telemetry_settings {
  std::string otlp_endpoint;
  std::map<std::string, secret> headers;
  double sample_ratio = 1.0;
  bool traces = true;
  bool metrics = true;
  nanoseconds metrics_interval = 60s;
};

struct price_settings {
  std::optional<std::string> input, output, cached_read, cache_write_5m, cache_write_1h, reasoning, input_audio, output_audio, per_request;
  bool free = false;
};

struct health_check_settings {
  std::string path;
  nanoseconds interval = 300ms;
  nanoseconds timeout = 300ms;
  std::int64_t healthy_after = 2;
  std::int64_t unhealthy_after = 2;
};

struct provider_settings {
  std::string dialect = "openai";
  std::string kind;
  std::string url;
  std::optional<secret> key;
  std::vector<secret> keys;
  std::map<std::string, secret> headers;
  std::string api_version;
  std::string ca_file;
  bool verify = true;
  std::string certificate_file, key_file;
  std::string proxy;
  net::http_version http = net::http_version::negotiated;
  std::string script;
  std::optional<health_check_settings> health_check;
};

struct model_settings {
  std::string provider;
  std::string name;
  std::string region;
  price_settings price;
  table_of<price_settings> service_tiers;
  std::optional<health_check_settings> health_check;
  std::int64_t max_output = 0;
};

struct condition_settings {
  std::string field, op;
  std::vector<std::string> value;
};

struct target_settings {
  std::string model;
  std::int64_t weight = 1;
  std::int64_t priority = 0;
  std::int64_t max_parallel = 0;
  std::vector<condition_settings> when;
};

struct deadline_settings {
  nanoseconds connect = 2s;
  nanoseconds first_token = 30s;
  nanoseconds idle = 30s;
  nanoseconds total = 300s;
};

struct retry_settings {
  std::int64_t attempts = 2;
  std::vector<std::string> on;
  nanoseconds backoff = 100ms;
  nanoseconds max_backoff = 2s;
  nanoseconds max_retry_after = 10s;
  double budget = 0.2;
};

struct breaker_settings {
  std::int64_t failures = 5;
  double error_rate = 0.5;
  std::int64_t min_calls = 20;
  nanoseconds window = 30s;
  nanoseconds open = 2s;
  nanoseconds max_open = 10s;
  std::int64_t half_open_calls = 1;
  nanoseconds slow_start = 10s;
};

struct outlier_settings {
  double error_margin = 0.2;
  double latency_factor = 0;
  std::int64_t min_calls = 20;
  double max_ejected = 0.5;
};

struct hedge_settings {
  nanoseconds after = 0s;
  double quantile = 0;
  double budget = 0.05;
};

struct stream_settings {
  bool go_on = true;
};

struct limit_settings {
  std::optional<std::int64_t> requests_per_minute, tokens_per_minute, parallel;
};

struct rule_settings {
  std::vector<std::string> per;
  std::string model;
  std::optional<std::int64_t> requests_per_minute, tokens_per_minute, parallel;
};

struct budget_settings {
  std::optional<nano_usd> daily, weekly, monthly;
};

struct budget_rule_settings {
  std::vector<std::string> per;
  std::string model, tag;
  std::optional<nano_usd> daily, weekly, monthly;
  std::int64_t alarm_percent = 80;
};

struct cache_settings {
  byte_count memory{64ll << 20};
  byte_count max_entry{1ll << 20};
  std::int64_t max_questions = 20'000;
};

struct semantic_settings {
  std::string model;
  double threshold = 0.95;
  nanoseconds timeout = 500ms;
};

struct route_cache_settings {
  nanoseconds ttl{0};
  bool exact = true;
  bool coalesce = true;
  semantic_settings semantic;
};

struct queue_settings {
  std::int64_t size = 100;
  nanoseconds max_wait = 30s;
};

struct batch_settings {
  nanoseconds window = 0s;
  std::int64_t max_inputs = 64;
  byte_count max_bytes{256ll << 10};
};

enum class structured_choice : std::uint8_t { any, require };

struct fallback_settings {
  std::string context_window, content_filter, rate_limit;
};

struct route_settings {
  std::string strategy = "priority";
  std::vector<target_settings> targets;
  deadline_settings deadline;
  retry_settings retry;
  hedge_settings hedge;
  breaker_settings breaker;
  outlier_settings outlier;
  fallback_settings fallbacks;
  queue_settings queue;
  batch_settings batch;
  stream_settings streams;
  structured_choice structured = structured_choice::any;
  limit_settings limits;
  budget_settings budget;
  route_cache_settings cache;
};

enum class unknown_price_choice : std::uint8_t { allow, refuse };

struct project_settings {
  std::string title;
  limit_settings limits;
  std::vector<rule_settings> limit_rules;
  budget_settings budget;
  std::vector<budget_rule_settings> budget_rules;
  std::vector<std::string> models;
  std::vector<std::string> tags;
  std::string time_zone;
  unknown_price_choice unknown_price = unknown_price_choice::allow;
  nanoseconds retention{0};
  bool blocked = false;
};

enum class priority_choice : std::uint8_t { low, normal, high };

struct key_declaration {
  std::string project;
  secret value;
  std::string role = "caller";
  priority_choice priority = priority_choice::normal;
  bool priority_header = false;
  std::vector<std::string> models;
  limit_settings limits;
  budget_settings budget;
};

struct objective_alert_settings {
  bool page = true, ticket = true;
  std::int64_t min_events = 10;
  nanoseconds absent{0};
};

struct objective_part_settings {
  std::string objective;
  double weight = 1;
};

enum class budgeting_choice : std::uint8_t { occurrences, timeslices, ratio_timeslices };

struct objective_settings {
  std::string title, description, service;
  std::vector<std::string> labels;
  std::string measure = "availability", filter, good;
  std::vector<std::string> errors;
  std::optional<double> at_most, at_least;
  std::vector<objective_part_settings> parts;
  double target = 0;
  nanoseconds window = 30 * 24h;
  calendar_choice calendar = calendar_choice::none;
  std::string time_zone;
  budgeting_choice method = budgeting_choice::occurrences;
  nanoseconds slice = 1min;
  std::optional<double> slice_target;
  objective_alert_settings alerts;
  std::string policy;
};

struct indicator_settings {
  std::string description;
  std::string measure = "availability", filter, good;
  std::vector<std::string> errors, by;
  std::optional<double> at_most, at_least;
};

enum class alert_rule_choice : std::uint8_t { threshold, absence, forecast, anomaly, change };

struct alert_rule_settings {
  std::string indicator, statistic, severity = "ticket";
  alert_rule_choice kind = alert_rule_choice::threshold;
  std::optional<double> above, below;
  nanoseconds over = 5min, wait{0}, ahead = 4h, history = 24h;
  std::int64_t min_events = 1;
  double sensitivity = 4;
  std::vector<std::string> labels;
  std::string summary;
};

/// A pack of declarations that ships with the program (packs.hpp).
struct pack_settings {
  std::string name, filter;
  std::vector<std::string> without;
};

struct maintenance_settings {
  std::string from, to, reason;
  std::vector<std::string> objectives;
};

struct settings {
  listen_settings listen;
  log_settings log;
  shedding_settings shedding;
  ledger_settings ledger;
  drill_settings drills;
  telemetry_settings telemetry;
  cache_settings cache;
  std::string time_zone = "UTC";
  std::int64_t default_max_output = 4096;
  limit_settings limits;
  budget_settings budget;
  table_of<provider_settings> providers;
  table_of<model_settings> models;
  table_of<route_settings> routes;
  table_of<project_settings> projects;
  table_of<key_declaration> keys;
  std::vector<pack_settings> packs;
  table_of<objective_settings> objectives;
  std::vector<std::string> openslo;
  table_of<indicator_settings> indicators;
  table_of<alert_rule_settings> alert_rules;
  std::vector<maintenance_settings> maintenance;
  table_of<policy_settings> policies;
  std::int64_t plan_history = 20;
  alerting_settings alerting;
  table_of<agreement_settings> agreements;
  table_of<kpi_settings> kpis;
  place_map places;  ///< of everything that the file holds, for complaints beyond single values
};

template <> struct enum_names<net::client_certificates> { static constexpr std::array<std::string_view, 3> names{"none", "request", "require"}; };
template <> struct enum_names<net::http_version> { static constexpr std::array<std::string_view, 3> names{"auto", "1.1", "2"}; };
template <> struct enum_names<log::level> { static constexpr std::array<std::string_view, 5> names{"debug", "info", "warn", "error", "off"}; };
template <> struct enum_names<log::format> { static constexpr std::array<std::string_view, 2> names{"text", "json"}; };
template <> struct enum_names<sync_mode> { static constexpr std::array<std::string_view, 2> names{"interval", "always"}; };
template <> struct enum_names<full_choice> { static constexpr std::array<std::string_view, 2> names{"refuse", "drop-oldest"}; };
template <> struct enum_names<priority_choice> { static constexpr std::array<std::string_view, 3> names{"low", "normal", "high"}; };
template <> struct enum_names<budgeting_choice> { static constexpr std::array<std::string_view, 3> names{"occurrences", "timeslices", "ratio-timeslices"}; };
template <> struct enum_names<alert_rule_choice> { static constexpr std::array<std::string_view, 5> names{"threshold", "absence", "forecast", "anomaly", "change"}; };
template <> struct enum_names<structured_choice> { static constexpr std::array<std::string_view, 2> names{"any", "require"}; };
template <> struct enum_names<unknown_price_choice> { static constexpr std::array<std::string_view, 2> names{"allow", "refuse"}; };

/// The declaration of all settings.
schema<settings> settings_schema();

/// Reads a whole file's text. Every complaint goes to `found`; the result is usable only when there is none.
settings read_settings(const std::string& text, diagnostics& found,
                       const std::function<std::optional<std::string>(const std::string&)>& environment);

}  // namespace andon::app
