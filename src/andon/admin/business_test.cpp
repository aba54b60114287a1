// Agreements and KPIs over the admin API.
#include "andon/admin/admin_fixture_test.hpp"

namespace andon::admin {
namespace {

using testing_support::admin_server;

class business_test : public ::testing::Test {
protected:
  auto get(const std::string& target) { return server.ask("GET", target, server.admin_token); }
  auto post(const std::string& target, const std::string& body = {}) { return server.ask("POST", target, server.admin_token, body); }
  admin_server server;
  std::string statements = "/api/v1/agreements/acme/statements";
};

TEST_F(business_test, a_statement_in_three_forms_issued_once) {
  const auto path = statements + "/" + server.past_month;
  EXPECT_NE(get(path).body.find(R"("preliminary":true)"), std::string::npos);
  const auto issued = post(path);
  ASSERT_EQ(issued.status, 200) << issued.body;
  EXPECT_TRUE(issued.json().at("issued_now").as_bool());
  EXPECT_FALSE(post(path).json().at("issued_now").as_bool());
  const auto text = get(path).body;
  EXPECT_NE(text.find(R"("preliminary":false)"), std::string::npos);
  const auto page = get(path + "?format=html");
  EXPECT_NE(page.head.find("text/html"), std::string::npos);
  EXPECT_EQ(page.head.find("script-src"), std::string::npos) << "a statement runs no scripts";
  EXPECT_NE(page.body.find("Acme &lt;Ltd&gt;"), std::string::npos);
  const auto paper = get(path + "?format=pdf");
  EXPECT_NE(paper.head.find("application/pdf"), std::string::npos);
  EXPECT_TRUE(paper.body.starts_with("%PDF-"));

  EXPECT_EQ(get(statements + "/last").body, text);
  EXPECT_NE(get(statements + "/now").body.find(R"("preliminary":true)"), std::string::npos);
  ASSERT_EQ(post(path, R"({"reason":"late Records"})").json().at("revision").as_int64(), 2);
  EXPECT_EQ(get(path + "?revision=1").body, text);
  EXPECT_EQ(get(statements).json().at("data").at(0).at("revisions").as_int64(), 2);
  EXPECT_EQ(get("/api/v1/agreements").json().at("data").at(0).at("last_issued").as_string(), server.past_month);
  const auto acts = get("/api/v1/audit?target=statement%20acme%20" + server.past_month).json().at("data").as_array();
  ASSERT_EQ(acts.size(), 3U);
  EXPECT_EQ(acts[0].at("after").at("reason").as_string(), "late Records");
}

TEST_F(business_test, what_is_asked_wrongly_is_told) {
  struct row { const char *method, *target, *body; int status; const char* word; };
  const auto now = business::month::of(std::chrono::floor<std::chrono::seconds>(server.time.wall()), time_zone::utc());
  const std::string running = "/api/v1/agreements/acme/statements/" + now.text();
  for (const auto& [method, target, body, status, word] :
       {row{"GET", "/api/v1/agreements/nobody/statements", "", 404, "no agreement is named"}, row{"GET", "/api/v1/agreements/acme/statements/lately", "", 400, "no month of the form"},
        row{"GET", "/api/v1/agreements/acme/statements/2026-01?format=doc", "", 400, "json, html and pdf"}, row{"POST", running.c_str(), "", 409, "not over"},
        row{"POST", running.c_str(), R"({"why":"x"})", 400, "why"}, row{"POST", running.c_str(), R"({"reason":""})", 400, "reason"},
        row{"POST", "/api/v1/kpis/churn/values", "{}", 400, "value"}, row{"POST", "/api/v1/kpis/churn/values", R"({"value":1,"at":"then"})", 400, "then"},
        row{"POST", "/api/v1/kpis/gone/values", R"({"value":1})", 404, "no KPI"}, row{"GET", "/api/v1/kpis/gone", "", 404, "no KPI"}}) {
    const auto got = server.ask(method, target, server.admin_token, body);
    EXPECT_EQ(got.status, status) << target << ' ' << got.body;
    EXPECT_NE(got.body.find(word), std::string::npos) << target << ' ' << got.body;
  }
}

TEST_F(business_test, a_kpi_takes_values) {
  ASSERT_EQ(post("/api/v1/kpis/churn/values", R"({"value":2.5,"note":"survey"})").status, 200);
  const auto got = get("/api/v1/kpis/churn").json();
  EXPECT_EQ(got.at("state").as_string(), "met");
  EXPECT_EQ(got.at("value").to_number<double>(), 2.5);
  EXPECT_EQ(got.at("objectives").at(0).at("name").as_string(), "calls");
  EXPECT_EQ(get("/api/v1/kpis").json().at("data").as_array().size(), 1U);
}

TEST_F(business_test, an_objective_is_counted_again) {
  server.record_call("shop", "a");
  server.record_call("shop", "b");
  const auto got = get("/api/v1/objectives/calls/recount?since=1h&until=2099-01-01T00:00:00Z").json();
  EXPECT_EQ(got.at("total").as_int64(), 2);
  EXPECT_EQ(got.at("good").as_int64(), 2);
}

}  // namespace
}  // namespace andon::admin
