#include "andon/app/serve/serve.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "andon/app/plan/advice.hpp"
#include "andon/app/serve/file_watch.hpp"
#include "andon/app/serve/instance.hpp"
#include "andon/app/serve/listener_tls.hpp"
#include "andon/base/log.hpp"

namespace andon::app {
namespace {

/// Signals are taken by the main thread alone, synchronously.
sigset_t block_signals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int one : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&taken, one);
  pthread_sigmask(SIG_BLOCK, &taken, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return taken;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void print_complaints(const diagnostics& found) {
  if (!found.empty()) fmt::print(stderr, "{}\n", found.text());
}

void wait_for_end(instance& running, const sigset_t& taken, const std::string& config) {
  file_watch watch(config);
  for (;;) {
    const timespec second{.tv_sec = 1, .tv_nsec = 0};
    siginfo_t about{};
    const int got = sigtimedwait(&taken, &about, &second);
    if (got == SIGTERM || got == SIGINT || running.drain_asked()) return;
    const auto file = watch.look();
    if (file == file_change::gone) log::warn("configuration_gone", {{"file", config}, {"meaning", "the one that was read stays in force; a restart would fail"}});
    if (got == SIGHUP || file == file_change::changed) (void)running.reload_because(got == SIGHUP ? "signal" : "file");
    running.tick();
  }
}

/// Everything beyond single values: names, references, prices, scripts. Also after faults in values, so that a person
/// sees all complaints at once.
void check_references(const settings& from, diagnostics& found) {
  route::health_table health;
  const system_clock time;
  const auto nowhere = [](const std::string&, const std::string& script) -> result<net::endpoint> {
    if (!script.empty())
      if (auto read = sim::load_script(script); !read) return std::unexpected(std::move(read.error()));
    return net::endpoint{.host = "127.0.0.1", .port = 1};
  };
  compile_context in{health, nowhere, time.wall(), 1};
  compile(from, in, found);
}

}  // namespace

int serve(const serve_options& options) {
  const auto taken = block_signals();
  raise_descriptor_limit();
  umask(0077);
  diagnostics found(options.config.empty() ? "embedded defaults" : options.config);
  const auto engines = options.config.empty() ? find_local_engines() : std::vector<local_engine>{};
  const auto loaded = load_settings(options.config, engines, found);
  if (!found.empty()) {
    check_references(loaded.values, found);
    print_complaints(found);
    return 2;
  }
  log::configure(loaded.values.log.level, loaded.values.log.format);
  instance running(options, engines);
  if (const auto opened = running.open(loaded); !opened) {
    fmt::print(stderr, "{}\n", opened.error().message);
    return opened.error().code == errc::invalid_argument ? 2 : 1;
  }
  if (const auto started = running.start(); !started) {
    fmt::print(stderr, "andon: {}\n", started.error().message);
    return 1;
  }
  fmt::print(stdout, "{}", running.greeting(isatty(STDOUT_FILENO) == 1 ? instance::reader::person : instance::reader::file));
  std::fflush(stdout);
  wait_for_end(running, taken, options.config);
  running.drain();
  return 0;
}

int run_sim(const sim_options& options) {
  const auto taken = block_signals();
  raise_descriptor_limit();
  auto script = options.script.empty() ? result<sim::script>{sim::script{}} : sim::load_script(options.script);
  if (!script) {
    fmt::print(stderr, "{}\n", script.error().message);
    return 2;
  }
  const system_clock time;
  const llm::token_counter counter;
  net::core on(0, time, secure_seed());
  sim::sim_server server(on, make_engine(std::move(*script), counter));
  if (const auto listening = server.listen(options.host, options.port); !listening) {
    fmt::print(stderr, "andon sim: {}\n", listening.error().message);
    return 1;
  }
  const auto where = to_string(address{options.host, server.port()});
  if (!options.address_file.empty())
    if (auto* file = std::fopen(options.address_file.c_str(), "w"); file != nullptr) {
      fmt::print(file, "{}\n", where);
      std::fclose(file);
    }
  fmt::print(stdout, "simulated provider on http://{}/v1\n", where);
  std::fflush(stdout);
  std::thread waiter([&] {
    siginfo_t about{};
    int got = 0;
    do got = sigwaitinfo(&taken, &about); while (got == SIGHUP || got < 0);
    on.post([&] {
      server.stop();
      on.request_stop();
    });
  });
  on.run();
  waiter.join();
  return 0;
}

int check_file(const std::string& path) {
  diagnostics found(path.empty() ? "embedded defaults" : path);
  const auto loaded = load_settings(path, {}, found);
  check_references(loaded.values, found);
  check_certificates(loaded.values, found);
  advise(loaded.values, system_clock{}.wall(), found);
  print_complaints(found);
  const auto warnings = found.warnings();
  for (const auto& one : warnings) fmt::print(stderr, "{}\n", to_string(one));
  if (!found.empty()) return 2;
  if (warnings.empty()) fmt::print(stdout, "{}: good\n", loaded.name);
  else fmt::print(stdout, "{}: good, with {} warning{}\n", loaded.name, warnings.size(), warnings.size() == 1 ? "" : "s");
  return 0;
}

}  // namespace andon::app
