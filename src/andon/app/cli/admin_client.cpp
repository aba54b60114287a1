#include "andon/app/cli/admin_client.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "andon/app/config/value.hpp"
#include "andon/net/resolver.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr nanoseconds usual_patience = 75s;
constexpr nanoseconds stream_patience = std::chrono::hours{1};
constexpr std::size_t max_reply = 256u << 20;

struct exchange {
  const net::endpoint& to;
  const net::outgoing_request& request;
  nanoseconds patience;
  const std::function<result<void>(std::string_view)>& piece;
  result<plain_reply> out;
};

net::task<result<void>> read_body(net::client_reply& from, exchange& x, plain_reply& into) {
  const bool streamed = x.piece && into.status < 300;
  for (;;) {
    const auto part = co_await from.read_some();
    if (!part) co_return std::unexpected(part.error());
    if (part->empty()) co_return result<void>{};
    if (streamed) {
      if (auto taken = x.piece(*part); !taken) co_return taken;
      continue;
    }
    if (into.body.size() + part->size() > max_reply) co_return fail(errc::upstream_bad_reply, "the reply is larger than 256 MiB");
    into.body.append(*part);
  }
}

net::task<void> run_exchange(net::core& on, net::http_client& client, exchange& x) {
  const auto total = deadline::after(on.now(), x.patience);
  const net::call_deadlines until{deadline::after(on.now(), 3s), total, total, {}};
  auto reply = co_await client.send(x.to, x.request, until);
  if (!reply) {
    x.out = std::unexpected(reply.error());
  } else {
    plain_reply got;
    got.status = (*reply)->status();
    got.content_type = std::string(net::find_header((*reply)->headers(), "content-type"));
    const auto read = co_await read_body(**reply, x, got);
    if (read) x.out = std::move(got);
    else x.out = std::unexpected(read.error());
    reply = fail(errc::cancelled, "");
  }
  client.close_idle();
  on.request_stop();
}

error error_of(const plain_reply& from) {
  boost::system::error_code failed;
  const auto parsed = json::parse(from.body, failed);
  const auto* inside = !failed && parsed.is_object() ? parsed.get_object().if_contains("error") : nullptr;
  const auto* message = inside != nullptr && inside->is_object() ? inside->get_object().if_contains("message") : nullptr;
  const auto code = from.status == 404 ? errc::not_found : from.status == 403 ? errc::forbidden : from.status == 401 ? errc::invalid_key
                    : from.status == 409 ? errc::conflict : from.status == 400 ? errc::invalid_argument : errc::internal;
  if (message != nullptr && message->is_string()) return {code, std::string(message->get_string())};
  return {code, fmt::format("the gateway answered {}", from.status)};
}

}  // namespace

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) out.push_back(c);
    else out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string query_text(const std::vector<std::pair<std::string, std::string>>& arguments) {
  std::string out;
  for (const auto& [name, value] : arguments) {
    if (value.empty()) continue;
    out += out.empty() ? '?' : '&';
    out += name + "=" + percent_encode(value);
  }
  return out;
}

std::optional<std::string> read_line_of(const std::string& data_directory, std::string_view file) {
  std::ifstream in(std::filesystem::path(data_directory) / file);
  std::string line;
  if (!in || !std::getline(in, line) || line.empty()) return std::nullopt;
  return line;
}

result<plain_reply> send_request(const net::endpoint& to, std::string_view method, std::string_view target, const net::header_lines& headers,
                                 std::string_view body, nanoseconds patience, const std::function<result<void>(std::string_view)>& piece) {
  std::vector<net::header> lines;
  for (const auto& line : headers) lines.push_back({line.name, line.value});
  const net::outgoing_request request{method, target, lines, body};
  exchange x{to, request, patience, piece, fail(errc::internal, "nothing was sent")};
  const system_clock time;
  net::resolver names;
  net::core on(0, time, 1);
  {
    net::http_client client(on, names);
    on.spawn(run_exchange(on, client, x));
    on.run();
  }
  return std::move(x.out);
}

result<admin_client> admin_client::open(const std::string& data_directory) {
  auto where = read_line_of(data_directory, "admin-address");
  if (!where) return fail(errc::unavailable, fmt::format("no gateway is running on this data directory ({}): start one with andon serve", data_directory));
  const auto token = read_line_of(data_directory, "admin-token");
  if (!token) return fail(errc::unavailable, fmt::format("cannot read {}/admin-token: is this the right data directory, and may this user read it?", data_directory));
  const bool tls = where->starts_with("https://");
  if (tls) where->erase(0, 8);
  auto parsed = value_codec<address>::read(*where);
  if (!parsed) return fail(errc::corrupt, fmt::format("{}/admin-address does not hold an address", data_directory));
  if (parsed->host == "0.0.0.0" || parsed->host.empty()) parsed->host = "127.0.0.1";
  if (parsed->host == "::") parsed->host = "::1";
  // Whoever may write the data directory owns this gateway: its address is trusted, whatever name the certificate has.
  return admin_client(data_directory, {.host = parsed->host, .port = parsed->port, .tls = tls, .verify = false}, secret{*token});
}

result<plain_reply> admin_client::send(std::string_view method, std::string_view target, std::string_view body,
                                       const std::function<result<void>(std::string_view)>& piece) const {
  net::header_lines headers{{"Authorization", "Bearer " + std::string(token_.reveal())}};
  if (!body.empty()) headers.push_back({"Content-Type", "application/json"});
  auto reply = send_request(to_, method, target, headers, body, piece ? stream_patience : usual_patience, piece);
  if (!reply && (reply.error().code == errc::connect_failed || reply.error().code == errc::connect_timeout))
    return fail(errc::unavailable, fmt::format("no gateway is running on this data directory ({}): start one with andon serve", data_));
  if (reply && reply->status >= 300) return std::unexpected(error_of(*reply));
  return reply;
}

result<std::string> admin_client::text(std::string_view method, std::string_view target, std::string_view body) const {
  auto reply = send(method, target, body, {});
  if (!reply) return std::unexpected(std::move(reply.error()));
  return std::move(reply->body);
}

result<json::value> admin_client::call(std::string_view method, std::string_view target, std::string_view body) const {
  const auto got = text(method, target, body);
  if (!got) return std::unexpected(got.error());
  boost::system::error_code failed;
  auto parsed = json::parse(*got, failed);
  if (failed) return fail(errc::upstream_bad_reply, "the gateway's answer is not JSON");
  return parsed;
}

result<void> admin_client::stream(std::string_view target, const std::function<result<void>(std::string_view)>& piece) const {
  const auto reply = send("GET", target, {}, piece);
  if (!reply) return std::unexpected(reply.error());
  return {};
}

}  // namespace andon::app::cli
