#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/alert/render.hpp"
#include "andon/alert/words.hpp"
#include "andon/base/text_start.hpp"

namespace andon::alert::render {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_slack_text = 3000, longest_card_text = 8000;
constexpr std::size_t most_facts = 20;

std::string_view colour_of(const notification& what) {
  if (what.firing() == 0) return "good";
  return severity_of(what) == "warning" || severity_of(what) == "info" ? "warning" : "danger";
}

std::string link_of(const rendering& in) {
  for (const auto& one : in.what.alerts)
    if (!one.generator_url.empty()) return one.generator_url;
  return in.external_url;
}

/// Slack's three control characters.
std::string slack_text(std::string_view text) {
  std::string out;
  for (const char c : text_start(text, longest_slack_text)) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else out += c;
  }
  return out;
}

outgoing json_to(const rendering& in, const json::value& body) {
  outgoing out{.method = "POST", .url = in.to.url, .body = json::serialize(body), .ca_file = in.to.ca_file};
  out.headers.emplace_back("Content-Type", secret("application/json"));
  for (const auto& [name, value] : in.to.headers) out.headers.emplace_back(name, value);
  return out;
}

json::object card_text(const std::string& text, bool title, std::string_view colour) {
  json::object out{{"type", "TextBlock"}, {"text", text}, {"wrap", true}};
  if (title) {
    out["size"] = "Medium";
    out["weight"] = "Bolder";
    out["style"] = "heading";
    out["color"] = colour;
  }
  return out;
}

void add_action(json::array& to, std::string_view title, const std::string& url) {
  if (!url.empty()) to.emplace_back(json::object{{"type", "Action.OpenUrl"}, {"title", title}, {"url", url}});
}

}  // namespace

result<std::optional<outgoing>> slack(const rendering& in) {
  json::object attachment{{"title", slack_text(in.words.title)}, {"title_link", link_of(in)}, {"text", slack_text(in.words.text)}, {"fallback", in.words.title},
                          {"color", colour_of(in.what)}, {"mrkdwn_in", json::array{"text"}}};
  json::object body{{"attachments", json::array{std::move(attachment)}}};
  if (!in.to.place.empty()) body["channel"] = in.to.place;
  if (!in.to.user.empty()) body["username"] = in.to.user;
  auto out = json_to(in, body);
  out.says_ok = true;
  if (!in.to.key.empty()) out.headers.emplace_back("Authorization", secret("Bearer " + std::string(in.to.key.reveal())));
  return std::optional(std::move(out));
}

result<std::optional<outgoing>> teams(const rendering& in) {
  const auto colour = in.what.firing() == 0 ? "Good" : colour_of(in.what) == "warning" ? "Warning" : "Attention";
  json::array facts, actions;
  for (const auto& [name, value] : in.what.common_labels())
    if (facts.size() < most_facts) facts.emplace_back(json::object{{"title", name}, {"value", value}});
  json::array content{card_text(in.words.title, true, colour), card_text(std::string(text_start(in.words.text, longest_card_text)), false, {})};
  if (!facts.empty()) content.emplace_back(json::object{{"type", "FactSet"}, {"facts", std::move(facts)}});
  add_action(actions, "Acknowledge", in.what.ack_url);
  add_action(actions, "Resolve", in.what.resolve_url);
  add_action(actions, "View", link_of(in));
  json::object card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"}, {"type", "AdaptiveCard"}, {"version", "1.4"}, {"body", std::move(content)},
                    {"msteams", json::object{{"width", "Full"}}}};
  if (!actions.empty()) card["actions"] = std::move(actions);
  return std::optional(json_to(in, json::object{{"type", "message"}, {"attachments", json::array{json::object{
      {"contentType", "application/vnd.microsoft.card.adaptive"}, {"contentUrl", nullptr}, {"content", std::move(card)}}}}}));
}

}  // namespace andon::alert::render
