// TLS from clients: a server on its own thread, and OpenSSL as a blocking client.
#include "andon/net/tls_server.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "andon/net/http_server_fixture.hpp"
#include "andon/net/tls_identity_testing.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;
using namespace testing;

using session_ptr = std::unique_ptr<SSL_SESSION, freed_by<SSL_SESSION_free>>;

struct client_options {
  int version = 0;                          // 0: the newest
  const char* ciphers = nullptr;            // of TLS 1.2
  std::string_view protocols{};             // ALPN's wire form
  const identity* shows = nullptr;
  SSL_SESSION* resumes = nullptr;
};

class tls_test_client {
public:
  tls_test_client(std::uint16_t port, client_options with = {}) : socket_(port), context_(SSL_CTX_new(TLS_client_method())), ssl_(nullptr) {
    SSL_CTX* context = context_.get();
    SSL_CTX_set_security_level(context, 0);
    if (with.version != 0) {
      SSL_CTX_set_min_proto_version(context, with.version);
      SSL_CTX_set_max_proto_version(context, with.version);
    }
    if (with.ciphers != nullptr) SSL_CTX_set_cipher_list(context, with.ciphers);
    if (!with.protocols.empty()) SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(with.protocols.data()), static_cast<unsigned>(with.protocols.size()));
    if (with.shows != nullptr) {
      SSL_CTX_use_certificate(context, with.shows->certificate.get());
      SSL_CTX_use_PrivateKey(context, with.shows->key.get());
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);   // else TLS 1.3 sessions resume once only
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), socket_.descriptor());
    if (with.resumes != nullptr) SSL_set_session(ssl_.get(), with.resumes);
    up_ = SSL_connect(ssl_.get()) == 1;
    ERR_clear_error();
  }
  ~tls_test_client() {   // a session that was not shut down would not resume
    if (ssl_ == nullptr) return;
    SSL_set_quiet_shutdown(ssl_.get(), 1);
    SSL_shutdown(ssl_.get());
  }
  [[nodiscard]] bool up() const { return up_; }
  bool send(std::string_view bytes) { return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size()); }
  /// Reads at least so many bytes, or to the end.
  std::string read(std::size_t at_least) {
    std::string all;
    char part[16 * 1024];
    while (all.size() < at_least) {
      const int got = SSL_read(ssl_.get(), part, sizeof part);
      if (got <= 0) {
        ended_ = SSL_get_error(ssl_.get(), got);
        ERR_clear_error();
        break;
      }
      all.append(part, static_cast<std::size_t>(got));
    }
    return all;
  }
  std::string get(std::string_view path) {
    send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string all;
    while (all.find("\r\n\r\nhello") == std::string::npos) {
      const auto more = read(1);
      if (more.empty()) break;
      all += more;
    }
    return all;
  }
  [[nodiscard]] int ended() const { return ended_; }   // SSL_ERROR_…
  SSL* ssl() { return ssl_.get(); }
  [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  [[nodiscard]] session_ptr session() { return session_ptr(SSL_get1_session(ssl_.get())); }
  [[nodiscard]] long serial() const {
    X509* shown = SSL_get1_peer_certificate(ssl_.get());
    const long number = shown == nullptr ? 0 : ASN1_INTEGER_get(X509_get_serialNumber(shown));
    X509_free(shown);
    return number;
  }
  /// Keeps the connection open and frees what OpenSSL holds on this side.
  void forget_tls() {
    SSL_set_quiet_shutdown(ssl_.get(), 1);
    ssl_.reset();
    context_.reset();
  }
  test_client& socket() { return socket_; }

private:
  test_client socket_;
  std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, freed_by<SSL_free>> ssl_;
  bool up_ = false;
  int ended_ = SSL_ERROR_NONE;
};

class tls_server_test : public ::testing::Test {
protected:
  tls_server_test() { use(settings()); }
  tls_server_settings settings() { return {.certificate_file = file_.path(), .key_file = {}, .client_ca_file = {}, .clients = client_certificates::none, .http2 = false}; }
  void use(const tls_server_settings& with) {
    auto made = tls_server_context::make(with, tickets_);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    server_.on_core([&] { server_.server().use_tls(*made); });
  }
  std::string refusal(const tls_server_settings& with) {
    auto made = tls_server_context::make(with, tickets_);
    return made ? "good" : made.error().message;
  }
  tls_test_client connect(client_options with = {}) { return {server_.port(), with}; }
  tls_server_settings asking(client_certificates how) {
    auto with = settings();
    with.clients = how;
    with.client_ca_file = authorities_.path();
    return with;
  }

  identity root_ = make_identity("Root", nullptr, nullptr, -day, day);
  identity good_ = make_identity("server", "DNS:localhost", &root_, -day, day);
  pem_file file_{good_.certificate.get(), good_.key.get()};
  pem_file authorities_{root_.certificate.get()};
  simulated_clock clock_;
  std::shared_ptr<ticket_keys> tickets_ = std::make_shared<ticket_keys>(clock_, 1h);
  test_server server_{server_limits{.handshake_timeout = 200ms}};
};

TEST_F(tls_server_test, serves_over_both_versions) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto client = connect({.version = version});
    ASSERT_TRUE(client.up());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(body_of(client.get("/")), "hello");
    client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\nGET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const auto all = client.read(std::string::npos);
    EXPECT_EQ(body_of(all).substr(0, 5), "hello");
    EXPECT_NE(all.find("data: [DONE]\n\n\r\n0\r\n\r\n"), std::string::npos) << all;
    EXPECT_EQ(client.ended(), SSL_ERROR_ZERO_RETURN);   // a proper end
  }
  EXPECT_EQ(server_.counts().handshakes, 2u);
}

TEST_F(tls_server_test, large_bodies_both_ways) {
  auto client = connect();
  const std::string body(3u << 20, 'b');
  std::thread sender([&] { client.send("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body); });
  sender.join();
  EXPECT_TRUE(body_of(client.read(std::string::npos)) == body);
}

TEST_F(tls_server_test, a_client_that_reads_slowly_gets_everything) {
  auto client = connect();
  client.send("GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(server_.eventually([&] { return server_.handler.flooded > 0; }));
  std::size_t total = 0;
  for (std::string part; total < 64u << 20; total += part.size()) {
    part = client.read(256 * 1024);
    if (part.empty()) break;
  }
  EXPECT_GE(total, std::size_t{64u << 20});
}

TEST_F(tls_server_test, weak_protocols_and_ciphers_are_refused) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) EXPECT_FALSE(connect({.version = version}).up());
  for (const char* ciphers : {"AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256", "NULL-SHA"})
    EXPECT_FALSE(connect({.version = TLS1_2_VERSION, .ciphers = ciphers}).up()) << ciphers;
  for (const char* ciphers : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"})
    EXPECT_TRUE(connect({.version = TLS1_2_VERSION, .ciphers = ciphers}).up()) << ciphers;
}

TEST_F(tls_server_test, renegotiation_is_refused) {
  auto client = connect({.version = TLS1_2_VERSION});
  ASSERT_EQ(body_of(client.get("/")), "hello");
  const long serial = client.serial();
  SSL_renegotiate(client.ssl());
  EXPECT_LE(SSL_do_handshake(client.ssl()), 0);
  EXPECT_EQ(client.serial(), serial);
  EXPECT_EQ(server_.counts().handshakes, 1u);
}

TEST_F(tls_server_test, sessions_resume_until_their_keys_are_gone) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto first = connect({.version = version});
    ASSERT_EQ(body_of(first.get("/")), "hello");
    EXPECT_FALSE(first.resumed());
    const auto session = first.session();
    EXPECT_TRUE(connect({.version = version, .resumes = session.get()}).resumed());
    clock_.advance(61min);
    auto renewing = connect({.version = version, .resumes = session.get()});
    EXPECT_TRUE(renewing.resumed()) << version;
    EXPECT_EQ(body_of(renewing.get("/")), "hello");
    const auto renewed = renewing.session();
    clock_.advance(61min);
    EXPECT_FALSE(connect({.version = version, .resumes = session.get()}).resumed());
    EXPECT_TRUE(connect({.version = version, .resumes = renewed.get()}).resumed());
    clock_.advance(24h);
  }
  EXPECT_TRUE(server_.eventually([&] { return server_.counts().handshakes_resumed == 6; }));
}

TEST_F(tls_server_test, clients_certificates) {
  const identity known = make_identity("client", "DNS:client", &root_, -day, day);
  const identity stranger = make_identity("client", "DNS:client", nullptr, -day, day);
  using enum client_certificates;
  struct row { client_certificates how; const identity* shows; bool served; };
  for (const row& each : {row{none, nullptr, true}, row{none, &stranger, true}, row{request, nullptr, true}, row{request, &known, true},
                          row{request, &stranger, false}, row{require, nullptr, false}, row{require, &known, true}, row{require, &stranger, false}})
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      use(asking(each.how));
      auto client = connect({.version = version, .shows = each.shows});
      EXPECT_EQ(body_of(client.get("/")) == "hello", each.served) << static_cast<int>(each.how) << (each.shows == &known ? " known" : " other");
    }
}

TEST_F(tls_server_test, a_session_does_not_outlive_a_new_demand) {
  auto first = connect();
  ASSERT_EQ(body_of(first.get("/")), "hello");
  const auto session = first.session();
  use(asking(client_certificates::require));
  auto later = connect({.resumes = session.get()});
  EXPECT_EQ(body_of(later.get("/")), "");
}

TEST_F(tls_server_test, chooses_the_protocol) {
  const auto chosen = [](tls_test_client& by) {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(by.ssl(), &name, &size);
    return std::string(reinterpret_cast<const char*>(name), size);
  };
  auto both = connect({.protocols = std::string_view("\x02h2\x08http/1.1", 12)});
  EXPECT_EQ(chosen(both), "http/1.1");
  EXPECT_EQ(body_of(both.get("/")), "hello");
  auto silent = connect();
  EXPECT_EQ(chosen(silent), "");
  EXPECT_EQ(body_of(silent.get("/")), "hello");
  EXPECT_FALSE(connect({.protocols = std::string_view("\x04smtp", 5)}).up());
}

TEST_F(tls_server_test, a_silent_client_is_dropped_and_a_plain_one_is_told) {
  test_client silent(server_.port());
  EXPECT_TRUE(silent.closed_by_peer());
  test_client plain(server_.port());
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto told = plain.read_all();
  EXPECT_EQ(status_of(told), 400) << told;
  EXPECT_NE(told.find("https://"), std::string::npos);
  test_client noise(server_.port());
  noise.send(std::string(600, '\x16'));
  (void)noise.read_all();
  EXPECT_TRUE(server_.eventually([&] { return server_.counts().handshakes_failed == 3 && server_.counts().open == 0; }));
}

TEST_F(tls_server_test, a_new_certificate_serves_new_connections) {
  auto before = connect();
  const long old_serial = before.serial();
  const identity next = make_identity("server", "DNS:localhost", &root_, -day, day);
  file_.write(next.certificate.get(), next.key.get());
  use(settings());
  EXPECT_NE(connect().serial(), old_serial);
  EXPECT_EQ(body_of(before.get("/")), "hello");   // goes on with the one it knows
}

TEST_F(tls_server_test, says_what_is_wrong_with_a_file) {
  const pem_file empty(nullptr);
  const pem_file bare(good_.certificate.get());
  const identity other = make_identity("other", "DNS:localhost", &root_, -day, day);
  const pem_file other_key(nullptr, other.key.get());
  const identity old = make_identity("old", "DNS:localhost", &root_, -2 * day, -day);
  const pem_file expired(old.certificate.get(), old.key.get());
  struct row { std::string certificate, key; std::string_view why; };
  for (const row& each : {row{"/nonexistent", "", "/nonexistent cannot be used: No such file"}, row{empty.path(), "", "no start line"}, row{bare.path(), "", "key file"},
                          row{bare.path(), other_key.path(), "key values mismatch"}, row{expired.path(), "", "expired"}}) {
    auto with = settings();
    with.certificate_file = each.certificate;
    with.key_file = each.key;
    EXPECT_NE(refusal(with).find(each.why), std::string::npos) << refusal(with);
  }
  auto with = asking(client_certificates::require);
  with.client_ca_file = "";
  EXPECT_NE(refusal(with).find("names no authority"), std::string::npos);
  with.client_ca_file = empty.path();
  EXPECT_NE(refusal(with).find("authorities"), std::string::npos);
}

TEST_F(tls_server_test, an_aborted_answer_has_no_proper_end) {
  auto client = connect();
  client.send("GET /abort HTTP/1.0\r\n\r\n");
  (void)client.read(std::string::npos);
  EXPECT_NE(client.ended(), SSL_ERROR_ZERO_RETURN);
}

TEST_F(tls_server_test, notices_a_client_that_leaves) {
  auto client = connect();
  client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(server_.eventually([&] { return server_.handler.waiting == 1; }));
  client.forget_tls();
  client.socket().close();
  EXPECT_TRUE(server_.eventually([&] { return server_.handler.gone == 1; }));
}

TEST_F(tls_server_test, an_idle_connection_owns_little) {
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the sanitizer keeps its own account of memory";
#endif
  constexpr std::size_t count = 200;
  std::vector<std::unique_ptr<tls_test_client>> idle;
  const auto fill = [&] {
    for (std::size_t i = 0; i < count; ++i) {
      idle.push_back(std::make_unique<tls_test_client>(server_.port()));
      ASSERT_EQ(body_of(idle.back()->get("/")), "hello");
      idle.back()->forget_tls();
    }
  };
  fill();   // what is kept for reuse exists after this
  idle.clear();
  EXPECT_TRUE(server_.eventually([&] { return server_.counts().open == 0; }));
  const std::size_t before = server_.allocated();
  fill();
  const std::size_t each = (server_.allocated() - before) / count;
  RecordProperty("bytes_per_idle_connection", static_cast<int>(each));
  EXPECT_LE(each, 16u * 1024);
}

}  // namespace
}  // namespace andon::net
