// The load generator of bench/run: one thread, one epoll.
//
//   load HOST:PORT --body FILE [--path P] [--header 'N: V']… [--connections N] [--streams N] [--seconds S] [--warm S] [--rate R]
//        [--sources N] [--tls] [--http2] [--hold]
//
// --http2 speaks HTTP/2 (over TLS by ALPN, else by prior knowledge), with --streams calls at once on each connection.
// Without --rate every connection sends its next request when the reply is complete (closed loop). With it requests are
// due at fixed times and their latency counts from then, whether or not a connection was free (open loop: nothing is
// omitted). --hold: every connection sends one request, waits for its first byte, then prints "holding" and stays until
// standard input ends. Without --body connections are only opened. Prints one JSON object; times are microseconds.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "load_http2.hpp"
#include "load_wire.hpp"

namespace {

using clock_type = std::chrono::steady_clock;
using time_point = clock_type::time_point;
using seconds = std::chrono::duration<double>;

double micros(clock_type::duration span) { return std::chrono::duration<double, std::micro>(span).count(); }

struct options {
  sockaddr_in to{};
  std::string path = "/v1/chat/completions", body, headers;
  std::vector<std::pair<std::string, std::string>> fields;
  std::size_t connections = 1, streams = 1, sources = 1;
  double lasts = 3, warm = 0.3, rate = 0;
  bool hold = false, sends = false, tls = false, http2 = false;
};

struct call {
  bool busy = false, head = false, chunked = false, first = false;
  std::size_t wanted = 0, got = 0;
  time_point due;
  std::string tail, text;
};

struct connection {
  load::wire wire;
  std::unique_ptr<load::http2_end> http2;
  bool reached = false, connected = false;   // TCP; and all that is above it
  std::string out;
  std::size_t sent = 0;
};

struct results {
  std::vector<float> latency, first_byte;
  std::uint64_t done = 0, errors = 0, refused = 0, bytes = 0;
};

class generator final : public load::http2_end::listener {
public:
  explicit generator(options from) : set_(std::move(from)), all_(set_.connections), calls_(set_.connections * set_.streams) {
    request_ = "POST " + set_.path + " HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n" + set_.headers +
               "content-length: " + std::to_string(set_.body.size()) + "\r\n\r\n" + set_.body;
    set_.fields.insert(set_.fields.begin(), {{":method", "POST"}, {":scheme", set_.tls ? "https" : "http"}, {":authority", "bench"}, {":path", set_.path}});
    set_.fields.insert(set_.fields.end(), {{"content-type", "application/json"}, {"content-length", std::to_string(set_.body.size())}});
    for (auto& [name, value] : set_.fields)
      fields_.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    if (set_.tls) tls_ = load::make_tls(set_.http2 ? "\x02h2" : "\x08http/1.1");
    poll_ = epoll_create1(EPOLL_CLOEXEC);
  }

  int run() {
    const auto opening_ends = clock_type::now() + std::chrono::seconds{60};
    for (std::size_t i = 0; i < all_.size(); ++i) {
      open(i);
      if (i % 256 == 255) turn(clock_type::now(), 0);
      while (set_.tls && i >= connected_ + 64 && clock_type::now() < opening_ends) turn(clock_type::now(), 20);   // handshakes are work: few at once
    }
    while (connected_ < all_.size() && clock_type::now() < opening_ends) turn(clock_type::now(), 20);
    return set_.hold || !set_.sends ? hold() : measure();
  }

private:
  void open(std::size_t index) {
    auto& c = all_[index];
    c = connection{};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail("socket");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (set_.sources > 1) {
      setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
      sockaddr_in from{};
      from.sin_family = AF_INET;
      from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<std::uint32_t>(index % set_.sources));
      bind(fd, reinterpret_cast<sockaddr*>(&from), sizeof from);
    }
    if (connect(fd, reinterpret_cast<sockaddr*>(&set_.to), sizeof set_.to) < 0 && errno != EINPROGRESS) fail("connect");
    c.wire = load::wire(fd, tls_);
    watch(EPOLL_CTL_ADD, index, EPOLLIN | EPOLLOUT);
  }

  static void fail(const char* what) { std::perror(what), std::exit(1); }

  void watch(int act, std::size_t index, std::uint32_t events) {
    epoll_event e{};
    e.events = events;
    e.data.u64 = index;
    epoll_ctl(poll_, act, all_[index].wire.fd, &e);
  }

  void begin(std::size_t index, time_point due) {
    auto& one = calls_[index];
    one.busy = true;
    one.head = one.chunked = one.first = false;
    one.wanted = one.got = 0;
    one.tail.clear();
    one.text.clear();
    one.due = due;
    auto& c = all_[index / set_.streams];
    if (c.http2 != nullptr) {
      c.http2->submit(index, fields_, set_.body);
      if (!taking_) pump(index / set_.streams);
    } else {
      c.out.append(request_);
      send_more(index);
    }
  }

  void pump(std::size_t index) {
    all_[index].http2->give(all_[index].out);
    send_more(index);
  }

  void send_more(std::size_t index) {
    auto& c = all_[index];
    while (c.sent < c.out.size()) {
      std::size_t sent = 0;
      const auto how = c.wire.send(std::string_view(c.out).substr(c.sent), sent);
      if (how == load::progress::again) return watch(EPOLL_CTL_MOD, index, EPOLLIN | EPOLLOUT);
      if (how == load::progress::broken) return broken(index);
      c.sent += sent;
    }
    c.out.clear();
    c.sent = 0;
  }

  void broken(std::size_t index) {
    for (std::size_t i = index * set_.streams; i < (index + 1) * set_.streams; ++i)
      if (std::exchange(calls_[i].busy, false)) ++out_.errors;
    if (all_[index].connected) --connected_;
    all_[index] = connection{};
    if (!ending_) open(index);
  }

  // True when the reply is complete.
  bool take(call& c, std::string_view bytes, time_point now) {
    if (!c.head) {
      c.text.append(bytes);
      const auto end = c.text.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      c.head = true;
      if (c.text.compare(9, 3, "200") != 0) ++out_.refused;
      std::string head = c.text.substr(0, end);
      std::transform(head.begin(), head.end(), head.begin(), [](unsigned char x) { return static_cast<char>(std::tolower(x)); });
      c.chunked = head.find("transfer-encoding: chunked") != std::string::npos;
      if (const auto at = head.find("content-length: "); at != std::string::npos) c.wanted = std::strtoull(head.c_str() + at + 16, nullptr, 10);
      bytes = std::string_view(c.text).substr(end + 4);
      return payload(c, bytes, now);
    }
    return payload(c, bytes, now);
  }

  void note_first(call& c, time_point now) {
    if (c.first) return;
    c.first = true;
    ++firsts_;
    if (measuring_) out_.first_byte.push_back(static_cast<float>(micros(now - c.due)));
  }

  bool payload(call& c, std::string_view bytes, time_point now) {
    c.got += bytes.size();
    if (!bytes.empty() || (!c.chunked && c.wanted == 0)) note_first(c, now);
    if (!c.chunked) return c.got >= c.wanted;
    c.tail.append(bytes.size() > 7 ? bytes.substr(bytes.size() - 7) : bytes);
    if (c.tail.size() > 7) c.tail.erase(0, c.tail.size() - 7);
    return c.tail.ends_with("\r\n0\r\n\r\n");
  }

  // HTTP/2 tells of its calls.
  void begun(std::size_t, bool good) override {
    if (!good) ++out_.refused;
  }
  void brought(std::size_t index, std::size_t) override { note_first(calls_[index], now_); }
  void ended(std::size_t index, bool properly) override {
    if (properly) return finish(index, now_);
    ++out_.errors;
    calls_[index].busy = false;
    idle(index, now_);
  }

  void finish(std::size_t index, time_point now) {
    auto& c = calls_[index];
    c.busy = false;
    if (measuring_) {
      ++out_.done;
      out_.latency.push_back(static_cast<float>(micros(now - c.due)));
    }
    idle(index, now);
  }

  void receive(std::size_t index, time_point now) {
    now_ = now;
    for (;;) {
      std::size_t n = 0;
      const auto how = all_[index].wire.receive(buffer_, sizeof buffer_, n);
      if (how == load::progress::again) return;
      if (how == load::progress::broken) return broken(index);
      out_.bytes += n;
      if (all_[index].http2 != nullptr) {
        taking_ = true;
        const bool going = all_[index].http2->take({buffer_, n});
        taking_ = false;
        if (!going) return broken(index);
        pump(index);
        if (all_[index].http2 == nullptr) return;   // broken while sending
        continue;
      }
      if (!calls_[index].busy || !take(calls_[index], {buffer_, n}, now)) {
        if (n < sizeof buffer_ && !set_.tls) return;
        continue;
      }
      return finish(index, now);
    }
  }

  void idle(std::size_t index, time_point now) {
    if (ending_ || set_.hold || !set_.sends) return;
    if (set_.rate <= 0) return begin(index, now);
    if (waiting_.empty()) return free_.push_back(index);
    const auto due = waiting_.front();
    waiting_.pop_front();
    begin(index, due);
  }

  // TCP is there, and perhaps bytes of the handshake.
  void go_up(std::size_t index, time_point now) {
    auto& c = all_[index];
    if (!std::exchange(c.reached, true)) watch(EPOLL_CTL_MOD, index, EPOLLIN);
    const auto how = c.wire.shake();
    if (how == load::progress::again) return;
    if (how == load::progress::broken) return broken(index);
    c.connected = true;
    ++connected_;
    if (set_.http2) {
      c.http2 = std::make_unique<load::http2_end>(*this);
      pump(index);
    }
    for (std::size_t i = index * set_.streams; i < (index + 1) * set_.streams; ++i) {
      if (set_.hold && set_.sends) begin(i, now);
      else if (started_) idle(i, now);
    }
  }

  void turn(time_point, int patience) {
    epoll_event events[512];
    const int n = epoll_wait(poll_, events, 512, patience);
    const auto now = clock_type::now();
    for (int i = 0; i < n; ++i) {
      const auto index = static_cast<std::size_t>(events[i].data.u64);
      auto& c = all_[index];
      if (c.wire.fd < 0) continue;
      if (!c.connected) {
        if (c.reached || (events[i].events & EPOLLOUT) != 0) go_up(index, now);
        else if ((events[i].events & (EPOLLHUP | EPOLLERR)) != 0) broken(index);
        continue;
      }
      if ((events[i].events & EPOLLOUT) != 0) {
        watch(EPOLL_CTL_MOD, index, EPOLLIN);
        send_more(index);
      }
      if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && c.wire.fd >= 0) receive(index, now);
    }
  }

  int hold() {
    const auto until = clock_type::now() + std::chrono::seconds{60};
    while (set_.sends && firsts_ < calls_.size() && clock_type::now() < until) turn(clock_type::now(), 20);
    std::printf("{\"holding\": %zu, \"first_bytes\": %zu, \"refused\": %llu, \"errors\": %llu}\n", connected_, firsts_,
                static_cast<unsigned long long>(out_.refused), static_cast<unsigned long long>(out_.errors));
    std::fflush(stdout);
    ending_ = true;
    for (;;) {
      pollfd in{0, POLLIN, 0};
      if (poll(&in, 1, 0) > 0) return 0;
      turn(clock_type::now(), 10);
    }
  }

  int measure() {
    started_ = true;
    const auto began = clock_type::now();
    const auto from = began + std::chrono::duration_cast<clock_type::duration>(seconds{set_.warm});
    const auto until = from + std::chrono::duration_cast<clock_type::duration>(seconds{set_.lasts});
    for (std::size_t i = 0; i < calls_.size(); ++i) idle(i, began);
    std::uint64_t scheduled = 0;
    auto now = began;
    while (now < until) {
      if (!measuring_ && now >= from) measuring_ = true;
      if (set_.rate > 0) schedule(began, now, scheduled);
      turn(now, set_.rate > 0 ? 0 : 1);
      now = clock_type::now();
    }
    ending_ = true;
    const double took = seconds(now - from).count();
    report(took);
    return 0;
  }

  void schedule(time_point began, time_point now, std::uint64_t& scheduled) {
    for (;;) {
      const auto due = began + std::chrono::duration_cast<clock_type::duration>(seconds{static_cast<double>(scheduled) / set_.rate});
      if (due > now) return;
      ++scheduled;
      if (free_.empty()) {
        waiting_.push_back(due);
        continue;
      }
      const auto index = free_.back();
      free_.pop_back();
      begin(index, due);
    }
  }

  static void percentiles(const char* name, std::vector<float>& values) {
    std::sort(values.begin(), values.end());
    std::printf(", \"%s\": {", name);
    const char* separator = "";
    for (const double p : {0.5, 0.9, 0.99, 0.999}) {
      const double v = values.empty() ? 0 : values[std::min(values.size() - 1, static_cast<std::size_t>(p * static_cast<double>(values.size())))];
      std::printf("%s\"p%g\": %.1f", separator, p * 100, v);
      separator = ", ";
    }
    std::printf("}");
  }

  void report(double took) {
    std::printf("{\"requests\": %llu, \"seconds\": %.3f, \"per_second\": %.1f, \"errors\": %llu, \"not_200\": %llu, \"unsent\": %zu, \"bytes\": %llu",
                static_cast<unsigned long long>(out_.done), took, static_cast<double>(out_.done) / took, static_cast<unsigned long long>(out_.errors),
                static_cast<unsigned long long>(out_.refused), waiting_.size(), static_cast<unsigned long long>(out_.bytes));
    percentiles("latency", out_.latency);
    percentiles("first_byte", out_.first_byte);
    std::printf("}\n");
  }

  options set_;
  std::vector<connection> all_;
  std::vector<call> calls_;   // streams of them for each connection
  std::string request_;
  std::vector<nghttp2_nv> fields_;
  SSL_CTX* tls_ = nullptr;
  int poll_ = -1;
  time_point now_;
  bool taking_ = false;       // inside nghttp2: what is submitted is sent after
  std::size_t connected_ = 0, firsts_ = 0;
  bool measuring_ = false, ending_ = false, started_ = false;
  std::deque<time_point> waiting_;
  std::vector<std::size_t> free_;
  results out_;
  char buffer_[65536];
};

void add_header(const std::string& line, options& out) {
  out.headers.append(line).append("\r\n");
  const auto colon = line.find(':');
  out.fields.emplace_back(line.substr(0, colon), line.substr(std::min(line.size(), colon + 2)));
}

bool parse(int argc, char** argv, options& out) {
  if (argc < 2) return false;
  const std::string where = argv[1];
  const auto colon = where.rfind(':');
  if (colon == std::string::npos) return false;
  out.to.sin_family = AF_INET;
  out.to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(where.c_str() + colon + 1)));
  if (inet_pton(AF_INET, where.substr(0, colon).c_str(), &out.to.sin_addr) != 1) return false;
  for (int i = 2; i < argc; ++i) {
    const std::string_view name = argv[i];
    bool* const flag = name == "--hold" ? &out.hold : name == "--tls" ? &out.tls : name == "--http2" ? &out.http2 : nullptr;
    if (flag != nullptr) {
      *flag = true;
      continue;
    }
    if (++i >= argc) return false;
    const char* value = argv[i];
    if (name == "--path") out.path = value;
    else if (name == "--header") add_header(value, out);
    else if (name == "--streams") out.streams = std::strtoull(value, nullptr, 10);
    else if (name == "--connections") out.connections = std::strtoull(value, nullptr, 10);
    else if (name == "--sources") out.sources = std::strtoull(value, nullptr, 10);
    else if (name == "--seconds") out.lasts = std::atof(value);
    else if (name == "--warm") out.warm = std::atof(value);
    else if (name == "--rate") out.rate = std::atof(value);
    else if (name == "--body") {
      std::ifstream in(value, std::ios::binary);
      std::ostringstream text;
      text << in.rdbuf();
      out.body = text.str();
      out.sends = true;
    } else return false;
  }
  return out.connections > 0 && (out.streams == 1 || (out.http2 && out.streams > 0));
}

}  // namespace

int main(int argc, char** argv) {
  options from;
  if (!parse(argc, argv, from)) {
    std::fprintf(stderr, "usage: see the head of bench/load.cpp\n");
    return 2;
  }
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  static generator* it = new generator(std::move(from));
  return it->run();
}
