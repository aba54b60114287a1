#include <fmt/format.h>

#include <boost/json.hpp>
#include <thread>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/drill_load.hpp"
#include "andon/app/cli/drill_text.hpp"
#include "andon/app/cli/json_rows.hpp"
#include "andon/app/cli/running_process.hpp"
#include "andon/app/cli/table.hpp"
#include "andon/app/serve/configuration.hpp"
#include "andon/base/random.hpp"
#include "andon/base/time_text.hpp"
#include "andon/net/url.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr nanoseconds look_every = 100ms;
constexpr nanoseconds index_patience = 30s;

struct drill_options {
  std::string target, span = "60s", key, model;
  double share = 1;
  std::uint64_t calls = 20;
  int limit = 20;
  bool even_when_firing = false, no_wait = false, restart = false;
};

int print_one(const context& in, const json::value& one) {
  if (in.json) fmt::print(stdout, "{}\n", json::serialize(one));
  else fmt::print(stdout, "drill {} {}: {}\n  {}\n{}", cell(one, "id"), cell(one, "kind"), cell(one, "outcome"), realised_text(one), cell(one, "note").empty() || cell(one, "note") == "-" ? "" : "  " + clean(cell(one, "note")) + "\n");
  return cell(one, "outcome") == "recovered" ? done : failed;
}

bool is_over(const json::value& one) { return cell(one, "phase") == "over"; }

/// Looks at it until it is over; ends it when this program is asked to end only by its own bound.
result<json::value> wait_for(const context& in, const std::string& id, nanoseconds patience) {
  const system_clock time;
  const auto until = deadline::after(time.mono(), patience);
  for (;;) {
    const auto client = admin_client::open(in.data);
    auto one = client ? client->call("GET", "/api/v1/drills/" + id) : std::unexpected(client.error());
    if (one && is_over(*one)) return one;
    if (until.passed(time.mono())) return fail(errc::total_timeout, one ? "the drill is not over yet; see andon drill list" : "the gateway is not back: " + one.error().message);
    std::this_thread::sleep_for(look_every);
  }
}

json::object order_of(std::string_view kind, const drill_options& from) {
  json::object out{{"kind", kind}, {"for", from.span}};
  if (from.even_when_firing) out["even_when_firing"] = true;
  if (kind == "provider-down") out["target"] = from.target, out["share"] = from.share;
  if (kind == "node-kill" && from.restart) out["restarted_by"] = "caller";
  return out;
}

int run_drill(const context& in, std::string_view kind, const drill_options& from) {
  const auto span = parse_duration(from.span);
  if (!span) return complain({errc::invalid_argument, "--for: " + span.error().message});
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto begun = client->call("POST", "/api/v1/drills", json::serialize(order_of(kind, from)));
  if (!begun) return complain(begun.error());
  const auto id = cell(*begun, "id");
  if (const auto note = cell(*begun, "note"); !in.json && note != "-" && !note.empty()) fmt::print(stderr, "{}\n", clean(note));
  if (from.no_wait) {
    fmt::print(stdout, "{}\n", in.json ? json::serialize(*begun) : "drill " + id + " began; it ends by itself within " + from.span + ", or with andon drill stop");
    return done;
  }
  if (!in.json) fmt::print(stderr, "drill {} began; it ends by itself within {}, or with andon drill stop\n", id, from.span);
  const auto over = wait_for(in, id, *span + 1h + 10s);   // drills.settle is at most an hour
  if (!over) return complain(over.error());
  return print_one(in, *over);
}

result<net::endpoint> gateway_of(const context& in) {
  const auto address = read_line_of(in.data, "gateway-address");
  if (!address) return fail(errc::unavailable, fmt::format("no gateway is running on this data directory ({})", in.data));
  auto url = net::parse_base_url(address->starts_with("https://") ? *address : "http://" + *address);
  if (!url) return std::unexpected(url.error());
  url->to.verify = false;   // the data directory's own gateway
  return url->to;
}

/// Records with this mark, when as many are indexed as are expected, or patience ends.
result<std::uint64_t> find_marked(const context& in, const drill_load& load) {
  const system_clock time;
  const auto until = deadline::after(time.mono(), index_patience);
  for (;;) {
    const auto client = admin_client::open(in.data);
    if (!client) return std::unexpected(client.error());
    const auto got = client->call("GET", "/api/v1/records/aggregate" + query_text({{"q", "user:" + load.mark() + " status:200"}}));
    if (!got) return std::unexpected(got.error());
    const auto found = got->at("total").at("count").to_number<std::uint64_t>();
    if (found >= load.acknowledged() || until.passed(time.mono())) return found;
    std::this_thread::sleep_for(look_every);
  }
}

std::string some_mark() { return fmt::format("drill-{:016x}", secure_seed()); }

/// Adds what the known calls say to the drill's own figures.
int print_killed(const context& in, json::value one, const drill_load* load) {
  if (load == nullptr) return print_one(in, one);
  const auto found = find_marked(in, *load);
  if (!found) return complain(found.error());
  const auto lost = load->acknowledged() > *found ? load->acknowledged() - *found : 0;
  one.as_object()["known_calls"] = json::object{{"acknowledged", load->acknowledged()}, {"found", *found}, {"lost", lost}};
  const int code = print_one(in, one);
  if (!in.json) fmt::print(stdout, "  {} calls were answered before the kill, {} of them are missing in the ledger\n", load->acknowledged(), lost);
  if (lost == 0) return code;
  if (const auto client = admin_client::open(in.data)) (void)client->call("POST", "/api/v1/measures/data_loss/samples", json::serialize(json::object{{"value", lost}}));
  return failed;
}

int node_kill(const context& in, const drill_options& from) {
  const auto span = parse_duration(from.span);
  if (!span) return complain({errc::invalid_argument, "--for: " + span.error().message});
  const auto process = running_process::read(in.data);
  if (!process) return complain(process.error());
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  std::unique_ptr<drill_load> load;
  const auto key = from.key.empty() ? environment_variable("ANDON_API_KEY").value_or("") : from.key;
  if (!from.model.empty()) {
    if (key.empty()) return complain({errc::invalid_argument, "calls before the kill need a key: --key or the environment's ANDON_API_KEY"});
    const auto to = gateway_of(in);
    if (!to) return complain(to.error());
    load = std::make_unique<drill_load>(*to, key, from.model, some_mark());
    if (const auto begun = load->begun(from.calls, *span); !begun) return complain(begun.error());
  }
  const auto begun = client->call("POST", "/api/v1/drills", json::serialize(order_of("node-kill", from)));
  if (!begun) return complain(begun.error());
  const system_clock time;
  const auto until = deadline::after(time.mono(), 10s);
  while (!process->gone()) {
    if (until.passed(time.mono())) return complain({errc::internal, "the gateway was told to kill itself and still runs"});
    std::this_thread::sleep_for(1ms);
  }
  if (load) load->finish();
  if (from.restart)
    if (const auto started = process->start_again(); !started) return complain(started.error());
  const auto over = wait_for(in, cell(*begun, "id"), *span);
  if (!over) return complain(over.error());
  return print_killed(in, *over, load.get());
}

int stop(const context& in) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto one = client->call("DELETE", "/api/v1/drills");
  if (!one) return complain(one.error());
  (void)print_one(in, *one);
  return done;
}

int list(const context& in, int limit) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto body = client->text("GET", "/api/v1/drills" + query_text({{"limit", std::to_string(limit)}}));
  if (!body) return complain(body.error());
  table out({"ID", "BEGAN", "KIND", "TARGET", "BY", "OUTCOME", "REALISED"});
  for (const auto row : raw_rows(*body)) {
    if (in.json) {
      fmt::print(stdout, "{}\n", row);
      continue;
    }
    const auto one = json::parse(row);
    out.add({cell(one, "id"), cell(one, "began").substr(0, 19), cell(one, "kind"), cell(one, "target"), cell(one, "who"), is_over(one) ? cell(one, "outcome") : cell(one, "phase"), realised_text(one)});
  }
  if (!in.json) fmt::print(stdout, "{}", out.empty() ? "no drill yet\n" : out.text(in.terminal));
  return done;
}

command add(command drill, context& in, const char* name, const char* about, std::function<int()> run) {
  auto verb = add_common(drill.add_verb(name, about), in);
  verb.callback([&in, run = std::move(run)] { in.chosen = run; });
  return verb;
}

void add_bounds(command verb, drill_options& to) {
  verb.add_option("--for", to.span, "At most so long").show_default();
  verb.add_flag("--even-when-firing", to.even_when_firing, "Although an alert that pages is firing");
}

}  // namespace

void add_drill_verbs(command root, context& in) {
  auto drill = root.add_verb("drill", "Break something on purpose, in bounds, and measure recovery and loss");
  drill.needs_verb();
  auto options = std::make_shared<drill_options>();
  const auto kind = [&](const char* name, const char* about) -> command {
    auto verb = add(drill, in, name, about, [&in, options, name] { return run_drill(in, name, *options); });
    add_bounds(verb, *options);
    verb.add_flag("--no-wait", options->no_wait, "Begin it and return; it ends by itself all the same");
    return verb;
  };
  auto provider = kind("provider-down", "A target refuses connections: how fast do others serve, and when is it back?");
  provider.add_option("--target", options->target, "A model of the configuration, or a provider: all of its models").required();
  provider.add_option("--share", options->share, "Of the attempts, above 0 and at most 1").show_default();
  kind("store-down", "The index takes no Record: is anything lost, and how fast does it catch up?");
  kind("restore", "Back up to a scratch folder, restore from it and read it whole: how long, and is all there?");
  auto killed = add(drill, in, "node-kill", "Kill the gateway with SIGKILL: how long until calls are taken again, and is all there?", [&in, options] { return node_kill(in, *options); });
  add_bounds(killed, *options);
  killed.add_flag("--restart", options->restart, "Start it again from here, as it was started, because no supervisor does");
  killed.add_option("--model", options->model, "Send calls for this model until the kill, and look for them afterwards");
  killed.add_option("--key", options->key, "Key to call with; default: the environment's ANDON_API_KEY");
  killed.add_option("--calls", options->calls, "So many are answered before the kill").show_default().between(1, 100'000);
  add(drill, in, "stop", "End the drill under way", [&in] { return stop(in); });
  auto listed = add(drill, in, "list", "Drills with what they realised, newest first", [&in, options] { return list(in, options->limit); });
  listed.add_option("--limit", options->limit, "At most so many").show_default().between(1, 1'000);
}

}  // namespace andon::app::cli
