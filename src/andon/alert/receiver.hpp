#pragma once
// How each kind of receiver is told: a table of kinds, each with a pure function from a notification to one message.
// Addresses come from the operator's configuration and from nowhere else; credentials stay `secret` until they go out.
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "andon/alert/notification.hpp"
#include "andon/base/secret.hpp"

namespace andon::alert {

struct receiver_kind;

enum class mail_tls : std::uint8_t { starttls, implicit, none };
struct smtp_settings {
  std::string host;
  std::uint16_t port = 587;
  std::string from, user;
  secret password;
  mail_tls tls = mail_tls::starttls;
  std::string ca_file;
};

/// One way of a receiver, as configured. What a field means to a kind stands in the kind's renderer and in the settings.
struct way {
  const receiver_kind* kind = nullptr;
  bool send_resolved = true;
  secret url, key;
  std::string user;
  std::string place;               ///< Slack's channel, GitHub's owner/repository, Jira's project
  std::string type;                ///< Jira's issue type
  std::string transition;          ///< Jira's, when everything has ended
  std::vector<std::string> to;     ///< mail addresses, labels of tickets, Opsgenie's responders
  std::map<std::string, secret> headers{};
  std::string title, text;         ///< templates; empty: the usual ones
  std::string ca_file;
  std::size_t max_alerts = 0;      ///< of one message; 0: all
  std::string escalation;          ///< name of the chain
  smtp_settings smtp{};
};

/// A message on its way out.
struct outgoing {
  enum class transport : std::uint8_t { http, mail } by = transport::http;
  std::string method = "POST";
  secret url;
  std::vector<std::pair<std::string, secret>> headers{};
  std::string body;
  std::vector<std::string> recipients{};  ///< of mail
  smtp_settings smtp{};                   ///< of mail
  std::string ca_file;
  bool says_ok = false;                   ///< a good status whose body says `"ok": false` is a refusal (Slack's Web API)
};

/// What the other side answered.
struct answer {
  int status = 0;          ///< of HTTP or SMTP
  std::string body;
  std::optional<nanoseconds> retry_after{};
};
using sender = std::function<result<answer>(const outgoing&)>;  ///< blocks; an error is a fault of the network

struct rendered_text {
  std::string title, text;
};
/// What a renderer has to go by.
struct rendering {
  const way& to;
  const notification& what;
  const rendered_text& words;
  std::string external_url;     ///< of this installation
  std::string reference;        ///< that an earlier message of the group got: a ticket's number
  std::string idempotency_key;  ///< the same for every try of one notification
};

struct receiver_kind {
  std::string_view name;
  /// Nothing: there is nothing to tell this kind now.
  result<std::optional<outgoing>> (*render)(const rendering&);
  /// Out of a good answer, what later messages of the group refer to; null: nothing.
  std::string (*reference)(const answer&) = nullptr;
};
std::span<const receiver_kind> receiver_kinds();
const receiver_kind* find_kind(std::string_view name);

/// What becomes of a message.
enum class verdict : std::uint8_t { delivered, again, dead };
struct judged {
  verdict what = verdict::delivered;
  std::string problem;
  std::optional<nanoseconds> not_before{};
};
/// 2xx is delivered; network faults, 408, 425, 429, 5xx (SMTP: 4xx) are tried again; anything else never gets better.
judged judge(const outgoing& sent, const result<answer>& got);

/// SHA-256 of the group's key as hex: what ties messages of one group together at PagerDuty and Opsgenie.
std::string dedup_key(const notification& of);
/// critical, error, warning or info, by the label `severity`; error where it says nothing of the kind.
std::string_view severity_of(const notification& of);
std::string_view severity_of(const label_set& labels);
std::vector<std::string> severity_words();  ///< those that it knows

}  // namespace andon::alert
