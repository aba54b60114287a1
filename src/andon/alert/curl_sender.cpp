#include "andon/alert/curl_sender.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <memory>
#include <mutex>

namespace andon::alert {
namespace {

constexpr long connect_timeout_ms = 5'000, whole_timeout_ms = 15'000;
constexpr std::size_t longest_reply = 64 << 10;

struct handle_closer { void operator()(CURL* c) const { curl_easy_cleanup(c); } };
struct list_closer { void operator()(curl_slist* l) const { curl_slist_free_all(l); } };
using handle = std::unique_ptr<CURL, handle_closer>;
using list = std::unique_ptr<curl_slist, list_closer>;

void append(list& to, const std::string& line) {
  auto* longer = curl_slist_append(to.get(), line.c_str());
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

void set_common(CURL* on, const outgoing& what, char* problem) {
  curl_easy_setopt(on, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(on, CURLOPT_ERRORBUFFER, problem);
  curl_easy_setopt(on, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
  curl_easy_setopt(on, CURLOPT_TIMEOUT_MS, whole_timeout_ms);
  curl_easy_setopt(on, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(on, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(on, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!what.ca_file.empty()) curl_easy_setopt(on, CURLOPT_CAINFO, what.ca_file.c_str());
}

void set_http(CURL* on, const outgoing& what, list& headers) {
  curl_easy_setopt(on, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(on, CURLOPT_URL, std::string(what.url.reveal()).c_str());
  curl_easy_setopt(on, CURLOPT_CUSTOMREQUEST, what.method.c_str());
  curl_easy_setopt(on, CURLOPT_POSTFIELDS, what.body.data());
  curl_easy_setopt(on, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.body.size()));
  for (const auto& [name, value] : what.headers) append(headers, name + ": " + std::string(value.reveal()));
  append(headers, "Expect:");
  curl_easy_setopt(on, CURLOPT_HTTPHEADER, headers.get());
}

void set_mail(CURL* on, const outgoing& what, list& recipients, reading& body) {
  curl_easy_setopt(on, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  const auto scheme = what.smtp.tls == mail_tls::implicit ? "smtps" : "smtp";
  curl_easy_setopt(on, CURLOPT_URL, fmt::format("{}://{}:{}", scheme, what.smtp.host, what.smtp.port).c_str());
  curl_easy_setopt(on, CURLOPT_USE_SSL, what.smtp.tls == mail_tls::none ? static_cast<long>(CURLUSESSL_NONE) : static_cast<long>(CURLUSESSL_ALL));
  if (!what.smtp.user.empty()) {
    curl_easy_setopt(on, CURLOPT_USERNAME, what.smtp.user.c_str());
    curl_easy_setopt(on, CURLOPT_PASSWORD, std::string(what.smtp.password.reveal()).c_str());
  }
  curl_easy_setopt(on, CURLOPT_MAIL_FROM, what.smtp.from.c_str());
  for (const auto& one : what.recipients) append(recipients, one);
  curl_easy_setopt(on, CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(on, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // one who has left must not keep it from the others
  curl_easy_setopt(on, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(on, CURLOPT_READFUNCTION, give_mail);
  curl_easy_setopt(on, CURLOPT_READDATA, &body);
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

result<answer> send_by_curl(const outgoing& what) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const handle on(curl_easy_init());
  if (!on) return fail(errc::internal, "libcurl gives no handle");
  answer out;
  list lines;
  reading body{what.body};
  std::array<char, CURL_ERROR_SIZE> problem{};
  set_common(on.get(), what, problem.data());
  if (what.by == outgoing::transport::http) set_http(on.get(), what, lines);
  else set_mail(on.get(), what, lines, body);
  curl_easy_setopt(on.get(), CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(on.get(), CURLOPT_WRITEDATA, &out.body);
  const auto code = curl_easy_perform(on.get());
  long status = 0;
  curl_easy_getinfo(on.get(), CURLINFO_RESPONSE_CODE, &status);
  out.status = static_cast<int>(status);
  curl_off_t pause = 0;
  if (curl_easy_getinfo(on.get(), CURLINFO_RETRY_AFTER, &pause) == CURLE_OK && pause > 0) out.retry_after = std::chrono::seconds{pause};
  if (code == CURLE_OK) {
    if (what.by == outgoing::transport::mail) out.status = 250;
    return out;
  }
  const std::string said = problem[0] != 0 ? problem.data() : curl_easy_strerror(code);
  if (what.by == outgoing::transport::mail && status >= 400) {  // the server's own refusal says whether trying again helps
    out.body = said;
    return out;
  }
  return fail(errc_of(code), said);
}

}  // namespace andon::alert
