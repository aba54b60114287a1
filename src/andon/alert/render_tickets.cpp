#include <boost/json.hpp>

#include "andon/alert/render.hpp"
#include "andon/base/text_start.hpp"

namespace andon::alert::render {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_title = 250;

std::string credentials(const way& to) {
  const std::string key(to.key.reveal());
  return to.user.empty() ? "Bearer " + key : "Basic " + base64(to.user + ":" + key);
}

outgoing ask(const rendering& in, std::string_view method, const std::string& path, const json::value& body) {
  std::string url(in.to.url.reveal());
  while (url.ends_with('/')) url.pop_back();
  outgoing out{.method = std::string(method), .url = secret(url + path), .body = json::serialize(body), .ca_file = in.to.ca_file};
  out.headers.emplace_back("Content-Type", secret("application/json"));
  out.headers.emplace_back("Accept", secret("application/json"));
  out.headers.emplace_back("User-Agent", secret("andon"));
  if (!in.to.key.empty()) out.headers.emplace_back("Authorization", secret(credentials(in.to)));
  for (const auto& [name, value] : in.to.headers) out.headers.emplace_back(name, value);
  return out;
}

std::string member(const answer& from, std::string_view name) {
  boost::system::error_code failed;
  const auto parsed = json::parse(from.body, failed);
  if (failed || !parsed.is_object()) return {};
  const auto* found = parsed.get_object().if_contains(name);
  if (found == nullptr) return {};
  if (found->is_string()) return std::string(std::string_view(found->get_string()));
  return found->is_int64() ? std::to_string(found->get_int64()) : std::string{};
}

json::array texts(const std::vector<std::string>& from) {
  json::array out;
  for (const auto& one : from) out.emplace_back(one);
  return out;
}

}  // namespace

std::string github_reference(const answer& from) { return member(from, "number"); }
std::string jira_reference(const answer& from) { return member(from, "key"); }

result<std::optional<outgoing>> github(const rendering& in) {
  const auto issues = "/repos/" + in.to.place + "/issues";
  const bool firing = in.what.firing() > 0;
  if (in.reference.empty() && !firing) return std::nullopt;
  if (in.reference.empty())
    return std::optional(ask(in, "POST", issues, json::object{{"title", text_start(in.words.title, longest_title)}, {"body", in.words.text}, {"labels", texts(in.to.to)}}));
  if (firing) return std::optional(ask(in, "POST", issues + "/" + in.reference + "/comments", json::object{{"body", in.words.title + "\n\n" + in.words.text}}));
  return std::optional(ask(in, "PATCH", issues + "/" + in.reference, json::object{{"state", "closed"}, {"state_reason", "completed"}}));
}

result<std::optional<outgoing>> jira(const rendering& in) {
  const std::string issue = "/rest/api/2/issue";
  const bool firing = in.what.firing() > 0;
  if (in.reference.empty() && !firing) return std::nullopt;
  if (in.reference.empty()) {
    json::object fields{{"project", json::object{{"key", in.to.place}}}, {"issuetype", json::object{{"name", in.to.type.empty() ? "Bug" : in.to.type}}},
                        {"summary", text_start(in.words.title, longest_title)}, {"description", in.words.text}, {"labels", texts(in.to.to)}};
    return std::optional(ask(in, "POST", issue, json::object{{"fields", std::move(fields)}}));
  }
  if (!firing && !in.to.transition.empty())
    return std::optional(ask(in, "POST", issue + "/" + in.reference + "/transitions", json::object{{"transition", json::object{{"id", in.to.transition}}}}));
  return std::optional(ask(in, "POST", issue + "/" + in.reference + "/comment", json::object{{"body", in.words.title + "\n\n" + in.words.text}}));
}

}  // namespace andon::alert::render
