// The load generator of bench/run: one thread, one epoll, no dependencies.
//
//   load HOST:PORT --body FILE [--path P] [--header 'N: V']… [--connections N] [--seconds S] [--warm S] [--rate R] [--sources N]
//        [--hold]
//
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
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
using time_point = clock_type::time_point;
using seconds = std::chrono::duration<double>;

double micros(clock_type::duration span) { return std::chrono::duration<double, std::micro>(span).count(); }

struct options {
  sockaddr_in to{};
  std::string path = "/v1/chat/completions", body, headers;
  std::size_t connections = 1, sources = 1;
  double lasts = 3, warm = 0.3, rate = 0;
  bool hold = false, sends = false;
};

struct connection {
  int fd = -1;
  bool busy = false, head = false, chunked = false, first = false, connected = false;
  std::size_t sent = 0, wanted = 0, got = 0;
  time_point due, began;
  std::string tail, text;
};

struct results {
  std::vector<float> latency, first_byte;
  std::uint64_t done = 0, errors = 0, refused = 0, bytes = 0;
};

class generator {
public:
  explicit generator(options from) : set_(std::move(from)), all_(set_.connections) {
    request_ = "POST " + set_.path + " HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n" + set_.headers +
               "content-length: " + std::to_string(set_.body.size()) + "\r\n\r\n" + set_.body;
    poll_ = epoll_create1(EPOLL_CLOEXEC);
  }

  int run() {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      open(i);
      if (i % 256 == 255) turn(clock_type::now(), 0);
    }
    const auto opening_ends = clock_type::now() + std::chrono::seconds{30};
    while (connected_ < all_.size() && clock_type::now() < opening_ends) turn(clock_type::now(), 20);
    return set_.hold || !set_.sends ? hold() : measure();
  }

private:
  void open(std::size_t index) {
    auto& c = all_[index];
    c = connection{};
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c.fd < 0) return fail("socket");
    const int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (set_.sources > 1) {
      setsockopt(c.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
      sockaddr_in from{};
      from.sin_family = AF_INET;
      from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<std::uint32_t>(index % set_.sources));
      bind(c.fd, reinterpret_cast<sockaddr*>(&from), sizeof from);
    }
    if (connect(c.fd, reinterpret_cast<sockaddr*>(&set_.to), sizeof set_.to) < 0 && errno != EINPROGRESS) fail("connect");
    watch(EPOLL_CTL_ADD, index, EPOLLIN | EPOLLOUT);
  }

  static void fail(const char* what) { std::perror(what), std::exit(1); }

  void watch(int act, std::size_t index, std::uint32_t events) {
    epoll_event e{};
    e.events = events;
    e.data.u64 = index;
    epoll_ctl(poll_, act, all_[index].fd, &e);
  }

  void begin(std::size_t index, time_point due) {
    auto& c = all_[index];
    c.busy = true;
    c.head = c.chunked = c.first = false;
    c.sent = c.wanted = c.got = 0;
    c.tail.clear();
    c.text.clear();
    c.due = due;
    send_more(index);
  }

  void send_more(std::size_t index) {
    auto& c = all_[index];
    while (c.sent < request_.size()) {
      const auto n = ::send(c.fd, request_.data() + c.sent, request_.size() - c.sent, MSG_NOSIGNAL);
      if (n > 0) {
        c.sent += static_cast<std::size_t>(n);
      } else if (errno == EAGAIN) {
        return watch(EPOLL_CTL_MOD, index, EPOLLIN | EPOLLOUT);
      } else {
        return broken(index);
      }
    }
  }

  void broken(std::size_t index) {
    if (all_[index].busy) ++out_.errors;
    close(all_[index].fd);
    if (all_[index].connected) --connected_;
    if (ending_) return void(all_[index].fd = -1);
    open(index);
  }

  // True when the reply is complete.
  bool take(connection& c, std::string_view bytes, time_point now) {
    out_.bytes += bytes.size();
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

  bool payload(connection& c, std::string_view bytes, time_point now) {
    c.got += bytes.size();
    if (!c.first && (!bytes.empty() || (!c.chunked && c.wanted == 0))) {
      c.first = true;
      ++firsts_;
      if (measuring_) out_.first_byte.push_back(static_cast<float>(micros(now - c.due)));
    }
    if (!c.chunked) return c.got >= c.wanted;
    c.tail.append(bytes.size() > 7 ? bytes.substr(bytes.size() - 7) : bytes);
    if (c.tail.size() > 7) c.tail.erase(0, c.tail.size() - 7);
    return c.tail.ends_with("\r\n0\r\n\r\n");
  }

  void receive(std::size_t index, time_point now) {
    auto& c = all_[index];
    for (;;) {
      const auto n = recv(c.fd, buffer_, sizeof buffer_, 0);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) return broken(index);
      if (!c.busy) continue;
      if (!take(c, {buffer_, static_cast<std::size_t>(n)}, now)) {
        if (static_cast<std::size_t>(n) < sizeof buffer_) return;
        continue;
      }
      c.busy = false;
      if (measuring_) {
        ++out_.done;
        out_.latency.push_back(static_cast<float>(micros(now - c.due)));
      }
      return idle(index, now);
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

  void turn(time_point, int patience) {
    epoll_event events[512];
    const int n = epoll_wait(poll_, events, 512, patience);
    const auto now = clock_type::now();
    for (int i = 0; i < n; ++i) {
      const auto index = static_cast<std::size_t>(events[i].data.u64);
      auto& c = all_[index];
      if (c.fd < 0) continue;
      if (!c.connected && (events[i].events & EPOLLOUT) != 0) {
        c.connected = true;
        ++connected_;
        watch(EPOLL_CTL_MOD, index, EPOLLIN);
        if (set_.hold && set_.sends) begin(index, now);
        else if (started_) idle(index, now);
        continue;
      }
      if ((events[i].events & EPOLLOUT) != 0) {
        watch(EPOLL_CTL_MOD, index, EPOLLIN);
        send_more(index);
      }
      if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(index, now);
    }
  }

  int hold() {
    const auto until = clock_type::now() + std::chrono::seconds{60};
    while (set_.sends && firsts_ < all_.size() && clock_type::now() < until) turn(clock_type::now(), 20);
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
    for (std::size_t i = 0; i < all_.size(); ++i) idle(i, began);
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
  std::string request_;
  int poll_ = -1;
  std::size_t connected_ = 0, firsts_ = 0;
  bool measuring_ = false, ending_ = false, started_ = false;
  std::deque<time_point> waiting_;
  std::vector<std::size_t> free_;
  results out_;
  char buffer_[65536];
};

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
    if (name == "--hold") {
      out.hold = true;
      continue;
    }
    if (++i >= argc) return false;
    const char* value = argv[i];
    if (name == "--path") out.path = value;
    else if (name == "--header") out.headers.append(value).append("\r\n");
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
  return out.connections > 0;
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
