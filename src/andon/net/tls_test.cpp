// TLS against a server of OpenSSL's own, with certificates made here.
#include "andon/net/tls.hpp"

#include <openssl/err.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "andon/net/client_test_peer.hpp"
#include "andon/net/tls_identity_testing.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;
using test::fake_peer;
using test::peer_socket;

using namespace net::testing;
using server_context = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;

server_context serve_as(const identity& who, int newest = TLS1_3_VERSION) {
  server_context context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(context.get(), who.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), who.key.get());
  SSL_CTX_set_max_proto_version(context.get(), newest);
  return context;
}

// Reads requests and answers each with `reply` until the client leaves. Counts resumed handshakes.
void serve_tls(SSL_CTX* context, peer_socket& socket, const std::string& reply, std::atomic<int>& resumed) {
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, socket.descriptor());
  if (SSL_accept(ssl) == 1) {
    if (SSL_session_reused(ssl) == 1) ++resumed;
    std::string seen;
    char piece[20000];
    for (int got; (got = SSL_read(ssl, piece, sizeof piece)) > 0;) {
      seen.append(piece, static_cast<std::size_t>(got));
      const std::size_t head = seen.find("\r\n\r\n");
      if (head == seen.npos) continue;
      const std::size_t at = seen.find("Content-Length: ");
      const std::size_t length = at < head ? std::stoul(seen.substr(at + 16)) : 0;
      if (seen.size() < head + 4 + length) continue;
      seen.clear();
      SSL_write(ssl, reply.data(), static_cast<int>(reply.size()));
    }
  }
  ERR_clear_error();
  SSL_free(ssl);
}

struct outcome {
  errc code = errc::none;
  std::string message;
  std::string body;
  bool reused = false;
};

task<void> post(http_client& client, endpoint to, std::string body, call_deadlines until, outcome& out) {
  out = {};
  outgoing_request request;
  request.method = "POST";
  request.target = "/";
  request.body = body;
  auto reply = co_await client.send(to, request, until);
  if (!reply) {
    out.code = reply.error().code;
    out.message = reply.error().message;
    co_return;
  }
  out.reused = (*reply)->timings().reused;
  auto all = co_await (*reply)->read_all(64u << 20);
  if (all) out.body = *all;
  else out.code = all.error().code;
}

std::string with_length(const std::string& body) { return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body; }

class tls_test : public test::client_world {
protected:
  tls_test() { std::signal(SIGPIPE, SIG_IGN); }   // the peer's OpenSSL writes without MSG_NOSIGNAL

  outcome call(endpoint to, std::string body = "{}", nanoseconds limit = 10s) {
    outcome out;
    run(post(client(), std::move(to), std::move(body), soon(limit), out));
    return out;
  }
  endpoint secure(std::uint16_t port, std::string host = "localhost") {
    endpoint to = local(port);
    to.host = std::move(host);
    to.tls = true;
    to.ca_file = file_.path();
    return to;
  }
  fake_peer::script serving(SSL_CTX* context, std::string reply = with_length("secret")) {
    return [this, context, reply = std::move(reply)](peer_socket& socket, int) { serve_tls(context, socket, reply, resumed_); };
  }
  outcome call_with(const identity& who, std::string host = "localhost") {
    auto context = serve_as(who);
    fake_peer peer(serving(context.get()));
    outcome out = call(secure(peer.port, std::move(host)));
    client().close_idle();
    return out;
  }

  identity root_ = make_identity("Test Root", nullptr, nullptr, -day, day);
  pem_file file_{root_.certificate.get()};
  std::atomic<int> resumed_ = 0;
};

TEST_F(tls_test, trusts_its_own_authority_by_name_and_by_address) {
  const identity good = make_identity("x", "DNS:localhost,IP:127.0.0.1", &root_, -day, day);
  EXPECT_EQ(call_with(good).body, "secret");
  EXPECT_EQ(call_with(good, "127.0.0.1").body, "secret");
}

TEST_F(tls_test, says_why_a_certificate_is_refused) {
  const identity stranger = make_identity("Other Root", nullptr, nullptr, -day, day);
  struct row { identity who; std::string host; std::string_view why; };
  row rows[] = {
      {make_identity("localhost", "DNS:other.example", &root_, -day, day), "localhost", "ostname mismatch"},
      {make_identity("x", "DNS:localhost", &root_, -day, day), "127.0.0.1", "IP address mismatch"},
      {make_identity("x", "DNS:localhost", &root_, -2 * day, -day), "localhost", "expired"},
      {make_identity("x", "DNS:localhost", &root_, day, 2 * day), "localhost", "not yet valid"},
      {make_identity("x", "DNS:localhost", nullptr, -day, day), "localhost", "self-signed"},
      {make_identity("x", "DNS:localhost", &stranger, -day, day), "localhost", "unable to get local issuer"},
  };
  for (const row& each : rows) {
    const outcome out = call_with(each.who, each.host);
    EXPECT_EQ(out.code, errc::tls_failed) << each.why;
    EXPECT_NE(out.message.find(each.why), std::string::npos) << out.message;
    EXPECT_NE(out.message.find(each.host + ":"), std::string::npos) << out.message;
  }
}

TEST_F(tls_test, verification_can_be_switched_off) {
  const identity self = make_identity("x", "DNS:other.example", nullptr, -day, day);
  auto context = serve_as(self);
  fake_peer peer(serving(context.get()));
  endpoint to = secure(peer.port);
  to.verify = false;
  EXPECT_EQ(call(to).body, "secret");
  client().close_idle();
}

TEST_F(tls_test, an_unreadable_authority_file_is_an_error) {
  endpoint to = secure(1);
  to.ca_file = "/nonexistent/ca.pem";
  const outcome out = call(to);
  EXPECT_EQ(out.code, errc::tls_failed);
  EXPECT_NE(out.message.find("/nonexistent/ca.pem"), std::string::npos) << out.message;
}

TEST_F(tls_test, trust_that_has_changed_holds_at_once) {
  const identity good = make_identity("x", "DNS:localhost", &root_, -day, day);
  const identity other_root = make_identity("Other Root", nullptr, nullptr, -day, day);
  const identity other = make_identity("x", "DNS:localhost", &other_root, -day, day);
  pem_file other_file{other_root.certificate.get()};
  auto context = serve_as(good), other_context = serve_as(other);
  fake_peer peer(serving(context.get())), other_peer(serving(other_context.get()));
  endpoint to_other = secure(other_peer.port);
  to_other.ca_file = other_file.path();
  EXPECT_EQ(call(secure(peer.port)).body, "secret");
  EXPECT_EQ(call(to_other).body, "secret");
  std::vector<std::string> refused;
  const auto note = [&](const endpoint& to, const error&) { refused.push_back(to.ca_file); };

  client().renew_trust(note);  // nothing has changed
  EXPECT_EQ(call(secure(peer.port)).body, "secret");
  EXPECT_EQ(call(to_other).body, "secret");
  EXPECT_EQ(peer.accepted, 2) << "connections of the trust before are not used again";

  std::filesystem::copy_file(other_file.path(), file_.path(), std::filesystem::copy_options::overwrite_existing);
  client().renew_trust(note);
  EXPECT_EQ(call(secure(peer.port)).code, errc::tls_failed) << "no session of the trust before opens a door";
  EXPECT_EQ(call(to_other).body, "secret");
  EXPECT_TRUE(refused.empty());

  std::ofstream(other_file.path()) << "nonsense";
  client().renew_trust(note);
  EXPECT_EQ(refused, std::vector{other_file.path()});
  EXPECT_EQ(call(to_other).body, "secret") << "what cannot be read leaves the trust before in force";
  client().close_idle();
}

TEST_F(tls_test, reuses_connections_and_resumes_sessions) {
  const identity good = make_identity("x", "DNS:localhost", &root_, -day, day);
  for (int newest : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    resumed_ = 0;
    auto context = serve_as(good, newest);
    fake_peer peer(serving(context.get()));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(call(secure(peer.port)).reused, i != 0);
    EXPECT_EQ(peer.accepted, 1);
    client().close_idle();
    EXPECT_EQ(call(secure(peer.port)).body, "secret");
    client().close_idle();
    EXPECT_EQ(peer.accepted, 2);
    EXPECT_EQ(resumed_, 1);
  }
}

TEST_F(tls_test, older_protocols_are_refused) {
  const identity good = make_identity("x", "DNS:localhost", &root_, -day, day);
  auto context = serve_as(good, TLS1_1_VERSION);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_1_VERSION);
  SSL_CTX_set_security_level(context.get(), 0);
  fake_peer peer(serving(context.get()));
  EXPECT_EQ(call(secure(peer.port)).code, errc::tls_failed);
}

TEST_F(tls_test, large_bodies_both_ways) {
  const identity good = make_identity("x", "DNS:localhost", &root_, -day, day);
  auto context = serve_as(good);
  std::string large;
  for (std::size_t i = 0; large.size() < (2u << 20); ++i) large += std::to_string(i * 2654435761u);
  fake_peer peer(serving(context.get(), with_length(large)));
  for (int i = 0; i < 2; ++i) {
    const outcome out = call(secure(peer.port), std::string(4u << 20, 'x'));
    EXPECT_TRUE(out.body == large) << out.message;
    EXPECT_EQ(out.reused, i != 0);
  }
  client().close_idle();
}

TEST_F(tls_test, shows_its_certificate_where_asked) {
  const identity good = make_identity("x", "DNS:localhost", &root_, -day, day);
  const identity mine = make_identity("client", "DNS:client", &root_, -day, day);
  const pem_file shown(mine.certificate.get(), mine.key.get());
  auto context = serve_as(good);
  SSL_CTX_load_verify_locations(context.get(), file_.path().c_str(), nullptr);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  static constexpr unsigned char name[] = "asking";
  SSL_CTX_set_session_id_context(context.get(), name, sizeof name);
  fake_peer peer(serving(context.get()));
  endpoint to = secure(peer.port);
  EXPECT_NE(call(to).code, errc::none);
  to.certificate_file = shown.path();
  EXPECT_EQ(call(to).body, "secret");
  client().close_idle();
  to.key_file = file_.path();
  const outcome out = call(to);
  EXPECT_EQ(out.code, errc::tls_failed);
  EXPECT_NE(out.message.find(file_.path()), std::string::npos) << out.message;
}

TEST_F(tls_test, goes_through_a_proxy) {
  const identity good = make_identity("x", "DNS:far.example", &root_, -day, day);
  auto context = serve_as(good);
  std::mutex lock;  // of the two that follow
  std::string asked, answer = "HTTP/1.1 200 Connection established\r\nX-Via: proxy\r\n\r\n";
  const auto answer_with = [&](std::string text) {
    const std::lock_guard hold(lock);
    answer = std::move(text);
  };
  fake_peer proxy([&](peer_socket& socket, int) {
    auto request = socket.read_request();
    std::unique_lock hold(lock);
    asked = std::move(request);
    const auto said = answer;
    hold.unlock();
    socket.send_bytewise(said);
    if (said.find(" 200 ") != said.npos) serve_tls(context.get(), socket, with_length("secret"), resumed_);
  });
  endpoint to = secure(443, "far.example");
  to.proxy = {"127.0.0.1", proxy.port, "Basic eDp5"};
  for (int i = 0; i < 2; ++i) {
    const outcome out = call(to);
    EXPECT_EQ(out.body, "secret") << out.message;
    EXPECT_EQ(out.reused, i != 0);
  }
  client().close_idle();
  std::unique_lock hold(lock);
  EXPECT_EQ(asked, "CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n");
  hold.unlock();
  for (const char* refused : {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "nonsense\r\n\r\n", "HTTP/1.1 20"}) {
    answer_with(refused);
    const outcome out = call(to);
    EXPECT_EQ(out.code, errc::connect_failed) << refused << out.message;
    EXPECT_NE(out.message.find("proxy"), std::string::npos) << out.message;
  }
  answer_with("HTTP/1.1 200 OK\r\n\r\ntoo early");  // seen with the head, or taken for the beginning of TLS
  const auto early = call(to).code;
  EXPECT_TRUE(early == errc::connect_failed || early == errc::tls_failed);
}

TEST_F(tls_test, a_peer_that_does_not_speak_tls) {
  fake_peer plain([](peer_socket& socket, int) {
    socket.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    socket.wait_for_close();
  });
  EXPECT_EQ(call(secure(plain.port)).code, errc::tls_failed);
  fake_peer closing([](peer_socket&, int) {});
  EXPECT_EQ(call(secure(closing.port)).code, errc::tls_failed);
  fake_peer silent([](peer_socket& socket, int) { socket.wait_for_close(); });
  EXPECT_EQ(call(secure(silent.port), "{}", 20ms).code, errc::connect_timeout);
}

}  // namespace
}  // namespace andon::net
