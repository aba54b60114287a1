#include "andon/alert/curl_sender.hpp"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>

namespace andon::alert {
namespace {

constexpr long connect_timeout_ms = 5'000, whole_timeout_ms = 15'000;
constexpr std::size_t longest_reply = 64 << 10;

/// The functions of libcurl that are in use, loaded when there is somebody to tell: with what it links it is four megabytes.
struct library {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) init = nullptr;
  decltype(&::curl_easy_setopt) set = nullptr;
  decltype(&::curl_easy_perform) perform = nullptr;
  decltype(&::curl_easy_getinfo) get_info = nullptr;
  decltype(&::curl_easy_strerror) text_of = nullptr;
  decltype(&::curl_easy_cleanup) cleanup = nullptr;
  decltype(&::curl_slist_append) append = nullptr;
  decltype(&::curl_slist_free_all) free_all = nullptr;
};

result<library> open_library() {
  void* found = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);  // for the life of the process
  if (found == nullptr) return fail(errc::unavailable, ::dlerror());
  library out;
  const char* missing = nullptr;
  const auto take = [&](auto& into, const char* name) {
    into = reinterpret_cast<std::remove_reference_t<decltype(into)>>(::dlsym(found, name));
    if (into == nullptr) missing = name;
  };
  take(out.global_init, "curl_global_init");
  take(out.init, "curl_easy_init");
  take(out.set, "curl_easy_setopt");
  take(out.perform, "curl_easy_perform");
  take(out.get_info, "curl_easy_getinfo");
  take(out.text_of, "curl_easy_strerror");
  take(out.cleanup, "curl_easy_cleanup");
  take(out.append, "curl_slist_append");
  take(out.free_all, "curl_slist_free_all");
  if (missing != nullptr) return fail(errc::unavailable, fmt::format("libcurl has no {}", missing));
  if (out.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return fail(errc::unavailable, "libcurl does not start");
  return out;
}

/// Once it is loaded it stays; until then each call tries again.
result<const library*> the_library() {
  static std::mutex mutex;
  static std::optional<library> loaded;
  const std::lock_guard lock(mutex);
  if (loaded) return &*loaded;
  auto opened = open_library();
  if (!opened) return std::unexpected(std::move(opened.error()));
  loaded = *opened;
  return &*loaded;
}

using handle = std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)>;
using list = std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)>;

void append(const library& by, list& to, const std::string& line) {
  auto* longer = by.append(to.get(), line.c_str());
  if (longer == nullptr) return;
  (void)to.release();
  to.reset(longer);
}

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& out = *static_cast<std::string*>(into);
  const auto room = longest_reply - std::min(longest_reply, out.size());
  out.append(bytes, std::min(room, size * count));
  return size * count;
}

struct reading {
  std::string_view left;
};
std::size_t give_mail(char* to, std::size_t size, std::size_t count, void* from) {
  auto& left = static_cast<reading*>(from)->left;
  const auto part = std::min(left.size(), size * count);
  std::memcpy(to, left.data(), part);
  left.remove_prefix(part);
  return part;
}

void set_common(const library& curl, CURL* on, const outgoing& what, char* problem) {
  const auto set = curl.set;
  set(on, CURLOPT_NOSIGNAL, 1L);
  set(on, CURLOPT_ERRORBUFFER, problem);
  set(on, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
  set(on, CURLOPT_TIMEOUT_MS, whole_timeout_ms);
  set(on, CURLOPT_FOLLOWLOCATION, 0L);
  set(on, CURLOPT_SSL_VERIFYPEER, 1L);
  set(on, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!what.ca_file.empty()) set(on, CURLOPT_CAINFO, what.ca_file.c_str());
}

void set_http(const library& curl, CURL* on, const outgoing& what, list& headers) {
  const auto set = curl.set;
  set(on, CURLOPT_PROTOCOLS_STR, "http,https");
  set(on, CURLOPT_URL, std::string(what.url.reveal()).c_str());
  set(on, CURLOPT_CUSTOMREQUEST, what.method.c_str());
  set(on, CURLOPT_POSTFIELDS, what.body.data());
  set(on, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.body.size()));
  for (const auto& [name, value] : what.headers) append(curl, headers, name + ": " + std::string(value.reveal()));
  append(curl, headers, "Expect:");
  set(on, CURLOPT_HTTPHEADER, headers.get());
}

void set_mail(const library& curl, CURL* on, const outgoing& what, list& recipients, reading& body) {
  const auto set = curl.set;
  set(on, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  const auto scheme = what.smtp.tls == mail_tls::implicit ? "smtps" : "smtp";
  set(on, CURLOPT_URL, fmt::format("{}://{}:{}", scheme, what.smtp.host, what.smtp.port).c_str());
  set(on, CURLOPT_USE_SSL, what.smtp.tls == mail_tls::none ? static_cast<long>(CURLUSESSL_NONE) : static_cast<long>(CURLUSESSL_ALL));
  if (!what.smtp.user.empty()) {
    set(on, CURLOPT_USERNAME, what.smtp.user.c_str());
    set(on, CURLOPT_PASSWORD, std::string(what.smtp.password.reveal()).c_str());
  }
  set(on, CURLOPT_MAIL_FROM, what.smtp.from.c_str());
  for (const auto& one : what.recipients) append(curl, recipients, one);
  set(on, CURLOPT_MAIL_RCPT, recipients.get());
  set(on, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // one who has left must not keep it from the others
  set(on, CURLOPT_UPLOAD, 1L);
  set(on, CURLOPT_READFUNCTION, give_mail);
  set(on, CURLOPT_READDATA, &body);
}

errc errc_of(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return errc::invalid_argument;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return errc::dns_failed;
    case CURLE_COULDNT_CONNECT: return errc::connect_failed;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_USE_SSL_FAILED: return errc::tls_failed;
    case CURLE_OPERATION_TIMEDOUT: return errc::total_timeout;
    default: return errc::upstream_reset;
  }
}

}  // namespace

result<void> load_curl() {
  const auto curl = the_library();
  return curl ? result<void>{} : std::unexpected(curl.error());
}

result<answer> send_by_curl(const outgoing& what) {
  const auto found = the_library();
  if (!found) return std::unexpected(found.error());
  const auto& curl = **found;
  const handle on(curl.init(), curl.cleanup);
  if (!on) return fail(errc::internal, "libcurl gives no handle");
  answer out;
  list lines(nullptr, curl.free_all);
  reading body{what.body};
  std::array<char, CURL_ERROR_SIZE> problem{};
  set_common(curl, on.get(), what, problem.data());
  if (what.by == outgoing::transport::http) set_http(curl, on.get(), what, lines);
  else set_mail(curl, on.get(), what, lines, body);
  curl.set(on.get(), CURLOPT_WRITEFUNCTION, take_body);
  curl.set(on.get(), CURLOPT_WRITEDATA, &out.body);
  const auto code = curl.perform(on.get());
  long status = 0;
  curl.get_info(on.get(), CURLINFO_RESPONSE_CODE, &status);
  out.status = static_cast<int>(status);
  curl_off_t pause = 0;
  if (curl.get_info(on.get(), CURLINFO_RETRY_AFTER, &pause) == CURLE_OK && pause > 0) out.retry_after = std::chrono::seconds{pause};
  if (code == CURLE_OK) {
    if (what.by == outgoing::transport::mail) out.status = 250;
    return out;
  }
  const std::string said = problem[0] != 0 ? problem.data() : curl.text_of(code);
  if (what.by == outgoing::transport::mail && status >= 400) {  // the server's own refusal says whether trying again helps
    out.body = said;
    return out;
  }
  return fail(errc_of(code), said);
}

}  // namespace andon::alert
