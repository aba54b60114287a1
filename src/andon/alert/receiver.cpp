#include "andon/alert/receiver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "andon/alert/render.hpp"
#include "andon/base/hashing.hpp"
#include "andon/base/text_start.hpp"

namespace andon::alert {
namespace {

constexpr std::array kinds{
    receiver_kind{"webhook", render::webhook},
    receiver_kind{"alertmanager", render::alertmanager},
    receiver_kind{"slack", render::slack},
    receiver_kind{"teams", render::teams},
    receiver_kind{"pagerduty", render::pagerduty},
    receiver_kind{"opsgenie", render::opsgenie},
    receiver_kind{"email", render::email},
    receiver_kind{"github", render::github, render::github_reference},
    receiver_kind{"jira", render::jira, render::jira_reference},
    receiver_kind{"escalation", nullptr},
};

bool passes(int status, outgoing::transport by) {
  if (by == outgoing::transport::mail) return status / 100 == 4;
  return status == 408 || status == 425 || status == 429 || status / 100 == 5;
}

/// `error` of a reply that says `"ok": false`; empty for every other.
std::string refusal_in(const std::string& body) {
  boost::system::error_code failed;
  const auto said = boost::json::parse(body, failed);
  if (failed || !said.is_object()) return {};
  const auto* ok = said.get_object().if_contains("ok");
  if (ok == nullptr || !ok->is_bool() || ok->get_bool()) return {};
  const auto* why = said.get_object().if_contains("error");
  return why != nullptr && why->is_string() ? std::string(text_start(why->get_string(), 300)) : "no reason is told";
}

}  // namespace

std::span<const receiver_kind> receiver_kinds() { return kinds; }

const receiver_kind* find_kind(std::string_view name) {
  const auto* found = std::ranges::find(kinds, name, &receiver_kind::name);
  return found == kinds.end() ? nullptr : found;
}

judged judge(const outgoing& sent, const result<answer>& got) {
  if (!got) return {got.error().code == errc::invalid_argument ? verdict::dead : verdict::again, got.error().message, std::nullopt};
  if (got->status / 100 == 2) {
    const auto refusal = sent.says_ok ? refusal_in(got->body) : std::string{};
    if (refusal.empty()) return {};
    const bool later = refusal == "ratelimited" || refusal == "internal_error" || refusal == "service_unavailable" || refusal == "fatal_error" || refusal == "request_timeout";
    return {later ? verdict::again : verdict::dead, "HTTP 200, but not ok: " + refusal, got->retry_after};
  }
  auto problem = fmt::format("{} {}", sent.by == outgoing::transport::mail ? "SMTP" : "HTTP", got->status);
  if (!got->body.empty()) problem.append(": ").append(text_start(got->body, 300));
  return {passes(got->status, sent.by) ? verdict::again : verdict::dead, std::move(problem), got->retry_after};
}

std::string dedup_key(const notification& of) { return to_hex(sha256(of.group_key)); }

namespace {

struct severity_word { std::string_view word, severity; };
constexpr std::array<severity_word, 14> words{{{"critical", "critical"}, {"page", "critical"}, {"emergency", "critical"}, {"fatal", "critical"}, {"p1", "critical"},
                                               {"error", "error"}, {"high", "error"}, {"major", "error"}, {"warning", "warning"}, {"warn", "warning"}, {"ticket", "warning"}, {"minor", "warning"}, {"info", "info"}, {"none", "info"}}};

std::size_t rank_of(const label_set& labels) {
  return static_cast<std::size_t>(std::ranges::find(words, label_value(labels, "severity"), &severity_word::word) - words.begin());
}

std::string_view severity_at(std::size_t rank) { return rank == words.size() ? "error" : words[rank].severity; }

}  // namespace

std::vector<std::string> severity_words() {
  std::vector<std::string> out;
  for (const auto& one : words) out.emplace_back(one.word);
  return out;
}

std::string_view severity_of(const label_set& labels) { return severity_at(rank_of(labels)); }

std::string_view severity_of(const notification& of) {
  std::size_t best = words.size();
  for (const auto& one : of.alerts) best = std::min(best, rank_of(one.labels));
  return severity_at(best);
}

}  // namespace andon::alert
