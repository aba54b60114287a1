// Each kind of receiver against the document that its service documents.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "andon/alert/alert_testing.hpp"
#include "andon/alert/words.hpp"

namespace andon::alert {
namespace {

using namespace testing_support;
namespace json = boost::json;

notified_alert told(const std::string& n, bool resolved = false, const std::string& severity = "page") {
  const label_set labels{{"alertname", "Burn"}, {"n", n}, {"severity", severity}};
  return {labels, {{"summary", "budget <burns> & more"}}, t0 - 1min, t0, resolved, "http://prom/graph", fingerprint_of(labels)};
}
notification firing() {
  return {.receiver = "team", .channel = "webhook", .group_key = R"({}:{alertname="Burn"})", .group_labels = {{"alertname", "Burn"}}, .alerts = {told("1"), told("2", true)}, .at = t0, .repeat_interval = 4h};
}
notification over() {
  auto out = firing();
  out.alerts = {told("1", true)};
  return out;
}

class render_test : public ::testing::Test {
protected:
  std::optional<outgoing> render(std::string_view kind, const notification& what) {
    to.kind = find_kind(kind);
    EXPECT_NE(to.kind, nullptr) << kind;
    const auto words = words_for(to, what, external);
    auto made = to.kind->render({to, what, words, external, reference, "key-1"});
    EXPECT_TRUE(made);
    return made ? std::move(*made) : std::nullopt;
  }
  json::value body(std::string_view kind, const notification& what) {
    const auto made = render(kind, what);
    EXPECT_TRUE(made);
    return made ? json::parse(made->body) : json::value{};
  }
  static std::string header(const outgoing& of, std::string_view name) {
    for (const auto& [n, value] : of.headers)
      if (n == name) return std::string(value.reveal());
    return {};
  }
  way to = way_of("webhook");
  std::string external = "https://andon.example", reference;
};

TEST_F(render_test, webhook_version_4) {
  const auto expected = json::parse(R"({"version":"4","groupKey":"{}:{alertname=\"Burn\"}","truncatedAlerts":0,"status":"firing","receiver":"team",
    "groupLabels":{"alertname":"Burn"},"commonLabels":{"alertname":"Burn","severity":"page"},"commonAnnotations":{"summary":"budget <burns> & more"},"externalURL":"https://andon.example",
    "alerts":[{"status":"firing","labels":{"alertname":"Burn","n":"1","severity":"page"},"annotations":{"summary":"budget <burns> & more"},"startsAt":"2025-10-09T08:52:20.000000Z",
      "endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prom/graph","fingerprint":"F1"},
     {"status":"resolved","labels":{"alertname":"Burn","n":"2","severity":"page"},"annotations":{"summary":"budget <burns> & more"},"startsAt":"2025-10-09T08:52:20.000000Z",
      "endsAt":"2025-10-09T08:53:20.000000Z","generatorURL":"http://prom/graph","fingerprint":"F2"}]})");
  auto got = body("webhook", firing());
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(got.at("alerts").at(i).at("fingerprint").as_string(), fingerprint_text(firing().alerts[i].fingerprint));
    got.at("alerts").at(i).as_object()["fingerprint"] = "F" + std::to_string(i + 1);
  }
  EXPECT_EQ(got, expected) << json::serialize(got);
  EXPECT_EQ(header(*render("webhook", firing()), "Idempotency-Key"), "key-1");
  to.max_alerts = 1;
  EXPECT_EQ(body("webhook", firing()).at("truncatedAlerts").as_int64(), 1);
  EXPECT_EQ(body("webhook", over()).at("status").as_string(), "resolved");
}

TEST_F(render_test, alertmanager_gets_alerts_that_end_after_the_next_repetition) {
  to.url = secret("http://am:9093/prefix/");
  const auto made = render("alertmanager", firing());
  EXPECT_EQ(made->url.reveal(), "http://am:9093/prefix/api/v2/alerts");
  const auto got = json::parse(made->body);
  EXPECT_EQ(got.at(0).at("endsAt").as_string(), "2025-10-09T12:58:20.000000Z") << "repeat_interval and five minutes from now";
  EXPECT_EQ(got.at(1).at("endsAt").as_string(), "2025-10-09T08:53:20.000000Z");
  EXPECT_EQ(got.at(0).at("labels"), json::value(to_json(firing().alerts[0].labels)));
}

TEST_F(render_test, slack) {
  to.place = "#ops";
  const auto got = body("slack", firing());
  EXPECT_EQ(got.at("channel").as_string(), "#ops");
  const auto& one = got.at("attachments").at(0);
  EXPECT_EQ(one.at("color").as_string(), "danger");
  EXPECT_EQ(one.at("title").as_string(), "[FIRING:1] Burn: budget &lt;burns&gt; &amp; more");
  EXPECT_EQ(one.at("title_link").as_string(), "http://prom/graph");
  EXPECT_NE(one.at("text").as_string().find("budget &lt;burns&gt; &amp; more"), std::string_view::npos) << one.at("text");
  EXPECT_EQ(body("slack", over()).at("attachments").at(0).at("color").as_string(), "good");
}

TEST_F(render_test, a_title_says_what_it_is_about_without_common_names) {
  auto what = firing();
  what.group_labels = {};
  what.alerts = {told("1"), told("2"), told("3", true)};
  what.alerts[1].labels["alertname"] = "Slow";
  EXPECT_EQ(body("teams", what).at("attachments").at(0).at("content").at("body").at(0).at("text").as_string(), "[FIRING:2] Burn, Slow: budget <burns> & more, and 1 more");
  what.group_labels = {{"team", "shop"}};
  EXPECT_EQ(words_for(to, what, external).title, "[FIRING:2] Burn, Slow (team=shop)");
}

TEST_F(render_test, teams_is_an_adaptive_card) {
  auto what = firing();
  what.ack_url = "https://andon.example/alert/a.1";
  const auto got = body("teams", what);
  EXPECT_EQ(got.at("type").as_string(), "message");
  const auto& attachment = got.at("attachments").at(0);
  EXPECT_EQ(attachment.at("contentType").as_string(), "application/vnd.microsoft.card.adaptive");
  const auto& card = attachment.at("content");
  EXPECT_EQ(card.at("type").as_string(), "AdaptiveCard");
  EXPECT_EQ(card.at("body").at(0).at("text").as_string(), "[FIRING:1] Burn: budget <burns> & more");
  EXPECT_EQ(card.at("body").at(0).at("color").as_string(), "Attention");
  EXPECT_EQ(card.at("actions").at(0).at("url").as_string(), "https://andon.example/alert/a.1");
}

TEST_F(render_test, pagerduty_triggers_and_resolves) {
  to.key = secret(std::string(32, 'k'));
  const auto got = body("pagerduty", firing());
  EXPECT_EQ(got.at("routing_key").as_string(), std::string(32, 'k'));
  EXPECT_EQ(got.at("event_action").as_string(), "trigger");
  EXPECT_EQ(got.at("dedup_key").as_string(), dedup_key(firing()));
  EXPECT_EQ(got.at("dedup_key").as_string().size(), 64U);
  const auto& payload = got.at("payload");
  EXPECT_EQ(payload.at("summary").as_string(), "[FIRING:1] Burn: budget <burns> & more");
  EXPECT_EQ(payload.at("severity").as_string(), "critical") << "page";
  EXPECT_EQ(payload.at("source").as_string(), "https://andon.example");
  EXPECT_EQ(payload.at("custom_details").at("num_firing").as_string(), "1");
  EXPECT_EQ(json::serialize(body("pagerduty", over())), R"({"routing_key":")" + std::string(32, 'k') + R"(","event_action":"resolve","dedup_key":")" + dedup_key(over()) + R"("})");
}

TEST_F(render_test, severities) {
  struct row { std::string label; std::string_view severity; };
  for (const auto& [label, severity] : {row{"page", "critical"}, row{"critical", "critical"}, row{"ticket", "warning"}, row{"warning", "warning"}, row{"info", "info"}, row{"nonsense", "error"}, row{"", "error"}}) {
    auto what = over();
    what.alerts = {told("1", false, label), told("2", false, label)};
    EXPECT_EQ(severity_of(what), severity) << label;
  }
  auto mixed = firing();
  mixed.alerts = {told("1", false, "info"), told("2", false, "page")};
  EXPECT_EQ(severity_of(mixed), "critical") << "the worst";
}

TEST_F(render_test, opsgenie_opens_and_closes_by_alias) {
  to.url = secret("https://api.opsgenie.com");
  to.key = secret("genie");
  to.to = {"sre"};
  const auto made = render("opsgenie", firing());
  EXPECT_EQ(made->url.reveal(), "https://api.opsgenie.com/v2/alerts");
  EXPECT_EQ(header(*made, "Authorization"), "GenieKey genie");
  const auto got = json::parse(made->body);
  EXPECT_EQ(got.at("alias").as_string(), dedup_key(firing()));
  EXPECT_EQ(got.at("priority").as_string(), "P1");
  EXPECT_EQ(json::serialize(got.at("responders")), R"([{"name":"sre","type":"team"}])");
  EXPECT_EQ(render("opsgenie", over())->url.reveal(), "https://api.opsgenie.com/v2/alerts/" + dedup_key(over()) + "/close?identifierType=alias");
}

TEST_F(render_test, tickets_are_opened_commented_and_closed) {
  to.url = secret("https://api.github.com");
  to.key = secret("t");
  to.place = "acme/shop";
  to.to = {"alert"};
  struct row { std::string reference; notification what; std::string method, path; };
  const std::vector<row> github{{"", firing(), "POST", "/repos/acme/shop/issues"}, {"7", firing(), "POST", "/repos/acme/shop/issues/7/comments"}, {"7", over(), "PATCH", "/repos/acme/shop/issues/7"}};
  for (const auto& r : github) {
    reference = r.reference;
    const auto made = render("github", r.what);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->method, r.method);
    EXPECT_EQ(made->url.reveal(), "https://api.github.com" + r.path);
    EXPECT_EQ(header(*made, "Authorization"), "Bearer t");
  }
  EXPECT_EQ(json::parse(render("github", over())->body).at("state").as_string(), "closed");
  reference.clear();
  EXPECT_FALSE(render("github", over())) << "no ticket, nothing to close";
  EXPECT_EQ(find_kind("github")->reference({201, R"({"id":1,"number":1347})", {}}), "1347");
  EXPECT_EQ(find_kind("github")->reference({201, "no json", {}}), "");

  to.url = secret("https://acme.atlassian.net/");
  to.user = "me@acme";
  to.place = "OPS";
  to.transition = "31";
  const auto opened = render("jira", firing());
  EXPECT_EQ(opened->url.reveal(), "https://acme.atlassian.net/rest/api/2/issue");
  EXPECT_EQ(header(*opened, "Authorization"), "Basic bWVAYWNtZTp0");
  EXPECT_EQ(json::parse(opened->body).at("fields").at("project").at("key").as_string(), "OPS");
  EXPECT_EQ(find_kind("jira")->reference({201, R"({"id":"10000","key":"OPS-24"})", {}}), "OPS-24");
  reference = "OPS-24";
  EXPECT_EQ(render("jira", over())->url.reveal(), "https://acme.atlassian.net/rest/api/2/issue/OPS-24/transitions");
  EXPECT_EQ(render("jira", firing())->url.reveal(), "https://acme.atlassian.net/rest/api/2/issue/OPS-24/comment");
}

TEST_F(render_test, mail_is_a_message_without_injected_headers) {
  to.to = {"ops@example.org", "sre@example.org"};
  to.smtp = {.host = "mx", .port = 25, .from = "andon@example.org", .user = {}, .password = {}, .tls = mail_tls::none, .ca_file = {}};
  to.title = "{{common_labels.alertname}} über\r\nBcc: evil@example.org";
  const auto made = render("email", firing());
  EXPECT_EQ(made->by, outgoing::transport::mail);
  EXPECT_EQ(made->recipients, to.to);
  EXPECT_NE(made->body.find("\r\nTo: ops@example.org, sre@example.org\r\n"), std::string::npos) << made->body;
  EXPECT_NE(made->body.find("Date: Thu, 09 Oct 2025 08:53:20 +0000\r\n"), std::string::npos) << made->body;
  EXPECT_NE(made->body.find("Message-ID: <key-1@example.org>"), std::string::npos);
  EXPECT_NE(made->body.find("Subject: =?UTF-8?B?"), std::string::npos);
  EXPECT_EQ(made->body.find("\r\nBcc:"), std::string::npos) << made->body;
  to.title = "plain";
  EXPECT_NE(render("email", firing())->body.find("Subject: plain\r\n"), std::string::npos);
}

TEST_F(render_test, templates) {
  struct row { std::string text, expected; };
  for (const auto& [text, expected] : {row{"{{status}} {{receiver}} {{common_labels.severity}}", "firing team page"}, row{"{{#firing}}{{labels.n}}{{/firing}}|{{#resolved}}{{labels.n}}{{/resolved}}", "1|2"},
                                       row{"{{#alerts}}{{summary}};{{/alerts}}", "budget <burns> & more;budget <burns> & more;"}, row{"{{#nothing}}x{{/nothing}}y", "y"}}) {
    to.text = text;
    EXPECT_EQ(words_for(to, firing(), external).text, expected);
  }
  EXPECT_EQ(unknown_fields("{{severity}} {{nmaes}} {{{STATUS}}} {{#alerts}}{{labels.team}} {{ nmaes }} {{#label_list}}{{name}}={{value}}{{.}}{{/label_list}}{{/alerts}}{{! {{a}} {{summry}}"),
            (std::vector<std::string>{"nmaes", "summry"}));
  EXPECT_EQ(unknown_fields("no field {{"), std::vector<std::string>{});
  EXPECT_EQ(unknown_fields(std::string(usual_title) + std::string(usual_text)), std::vector<std::string>{});
  EXPECT_EQ(subject_of(firing()), "Burn: budget <burns> & more");
  EXPECT_TRUE(check_template("{{a}}"));
  EXPECT_FALSE(check_template("{{#a}}"));
  to.text = "{{#a}}";
  EXPECT_NE(words_for(to, firing(), external).text.find("Burn"), std::string::npos) << "the usual words instead";
}

TEST(judge, table) {
  const outgoing web{.by = outgoing::transport::http}, mail{.by = outgoing::transport::mail}, slack{.by = outgoing::transport::http, .says_ok = true};
  struct row { outgoing sent; result<answer> got; verdict expected; };
  const std::vector<row> rows{{web, answer{200, {}, {}}, verdict::delivered}, {web, answer{202, {}, {}}, verdict::delivered}, {web, answer{429, {}, 30s}, verdict::again}, {web, answer{503, {}, {}}, verdict::again},
                              {web, answer{408, {}, {}}, verdict::again},     {web, answer{400, {}, {}}, verdict::dead},       {web, answer{404, {}, {}}, verdict::dead},  {web, answer{302, {}, {}}, verdict::dead},
                              {web, fail(errc::connect_failed, "x"), verdict::again}, {web, fail(errc::invalid_argument, "x"), verdict::dead},
                              {mail, answer{250, {}, {}}, verdict::delivered}, {mail, answer{451, {}, {}}, verdict::again},    {mail, answer{550, {}, {}}, verdict::dead},
                              {slack, answer{200, R"({"ok":true})", {}}, verdict::delivered}, {slack, answer{200, "ok", {}}, verdict::delivered}, {slack, answer{200, R"({"ok":false,"error":"channel_not_found"})", {}}, verdict::dead},
                              {slack, answer{200, R"({"ok":false,"error":"ratelimited"})", 30s}, verdict::again}, {web, answer{200, R"({"ok":false})", {}}, verdict::delivered}};
  for (const auto& r : rows) EXPECT_EQ(judge(r.sent, r.got).what, r.expected) << &r - rows.data();
  EXPECT_EQ(judge(web, answer{429, {}, 30s}).not_before, 30s);
}

TEST(notification, survives_the_outbox) {
  auto what = firing();
  what.incident = "inc_1";
  what.note = "ü";
  what.truncated = 3;
  const auto back = parse_notification(notification_json(what));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, what);
  for (const auto* bad : {"", "[]", "{}", R"({"receiver":1})"}) EXPECT_EQ(parse_notification(bad).error().code, errc::corrupt) << bad;
}

}  // namespace
}  // namespace andon::alert
