#include "andon/app/cli/alert_common.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <set>
#include <thread>

#include "andon/app/cli/admin_client.hpp"
#include "andon/base/time_text.hpp"
#include "andon/base/time_zone.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr int most_looks = 100;
constexpr auto between_looks = 200ms;

/// How each of the messages stands; empty while one of them still waits for its first try.
result<std::vector<json::value>> outcomes(const admin_client& client, const std::set<std::int64_t>& ids) {
  const auto got = client.call("GET", "/api/v1/alerts/messages?limit=200");
  if (!got) return std::unexpected(got.error());
  std::vector<json::value> out;
  for (const auto& one : got->at("data").as_array()) {
    if (!ids.contains(one.at("id").as_int64())) continue;
    if (cell(one, "state") == "waiting" && cell(one, "problem") == "-") return std::vector<json::value>{};
    out.push_back(one);
  }
  return out;
}

int say_outcomes(const context& in, const std::vector<json::value>& all) {
  bool good = true;
  for (const auto& one : all) {
    good = good && cell(one, "state") == "delivered";
    if (in.json) fmt::print(stdout, "{}\n", json::serialize(one));
    else fmt::print(stdout, "{} by {}: {}{}\n", cell(one, "receiver"), cell(one, "channel"), cell(one, "state"), cell(one, "problem") == "-" ? "" : " (" + clean(cell(one, "problem")) + ")");
  }
  return good ? done : failed;
}

}  // namespace

int show(const context& in, const std::string& target, std::vector<std::string> heads, const std::function<std::vector<std::string>(const json::value&)>& row, list_form form) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto body = client->text("GET", target);
  if (!body) return complain(body.error());
  boost::system::error_code broken;
  const auto got = json::parse(*body, broken);
  if (broken) return complain(error{errc::upstream_bad_reply, "the gateway's answer is not JSON"});
  const auto& rows = got.is_array() ? got.get_array() : got.at(form.member).as_array();
  table out(std::move(heads));
  for (const auto& one : rows) {
    if (in.json) fmt::print(stdout, "{}\n", json::serialize(one));
    else if (auto cells = row(one); !cells.empty()) out.add(std::move(cells));
  }
  if (form.sorted) out.sort();
  if (!in.json) fmt::print(stdout, "{}", out.empty() ? "none\n" : out.text(in.terminal));
  return done;
}

int act(const context& in, const std::string& method, const std::string& target, const json::value& body, const std::function<std::string(const json::value&)>& say) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call(method, target, body.is_null() ? std::string{} : json::serialize(body));
  if (!got) return complain(got.error());
  if (in.json) fmt::print(stdout, "{}\n", json::serialize(*got));
  else fmt::print(stdout, "{}\n", clean(say(*got)));
  return done;
}

int act_on_all(const context& in, const std::vector<std::string>& ids, const std::string& method, const std::function<std::string(const std::string&)>& target, const std::function<std::string(const std::string&)>& say) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  int out = done;
  for (const auto& id : ids) {
    const auto got = client->call(method, target(id));
    if (got) {
      fmt::print(stdout, "{}\n", in.json ? json::serialize(*got) : clean(say(id)));
      continue;
    }
    out = failed;
    const auto& why = got.error();
    complain(error{why.code, ids.size() == 1 ? why.message : id + ": " + why.message});
    if (kind_of(why.code).from == origin::provider || why.code == errc::unavailable) break;
  }
  return out;
}

result<wall_time> read_moment(std::string_view option, const std::string& text, const std::string& zone) {
  constexpr std::size_t plain_date = 10;
  if (const auto local = parse_local_time(text.size() == plain_date ? text + " 00:00" : text)) {
    const auto in = time_zone::load(zone);
    if (!in) return std::unexpected(in.error());
    return in->first_at(*local);
  }
  const auto instant = parse_rfc3339(text);
  if (!instant) return fail(errc::invalid_argument, fmt::format("{} must be a time such as 2027-01-31T08:00:00Z, or 2027-01-31 09:00, which is in the zone of --zone", option));
  return *instant;
}

result<std::string> moment_or_duration(std::string_view option, const std::string& text, const std::string& zone) {
  if (const auto known = time_zone::load(zone); !known) return std::unexpected(known.error());
  if (text.empty() || parse_duration(text)) return text;
  const auto at = read_moment(option, text, zone);
  if (!at) return fail(errc::invalid_argument, at.error().message + ", or a duration such as 2h");
  return format_rfc3339(*at);
}

int test_receiver(const context& in, const std::string& receiver) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto made = client->call("POST", "/api/v1/alerts/receivers/" + percent_encode(receiver) + "/test");
  if (!made) return complain(made.error());
  std::set<std::int64_t> ids;
  for (const auto& id : made->at("messages").as_array()) ids.insert(id.as_int64());
  if (ids.empty()) return complain(error{errc::not_found, "this receiver has no way to send; an escalation is tried by andon incident open"});
  for (int i = 0; i < most_looks; ++i) {
    const auto seen = outcomes(*client, ids);
    if (!seen) return complain(seen.error());
    if (seen->size() == ids.size()) return say_outcomes(in, *seen);
    std::this_thread::sleep_for(between_looks);
  }
  return complain(error{errc::total_timeout, "the messages still wait; andon alert messages shows them"});
}

}  // namespace andon::app::cli
