#include "andon/slo/prometheus_rules.hpp"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <fstream>
#include <sstream>

#include "andon/slo/slo_testing.hpp"

namespace andon::slo {
namespace {

/// An expression without white space, its numbers taken out.
struct expression {
  std::string text;
  std::vector<double> numbers;
};
expression taken_apart(std::string_view from) {
  expression out;
  bool in_text = false;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const char c = from[i];
    if (c == '"') in_text = !in_text;
    if (!in_text && (c == ' ' || c == '\n')) continue;
    const bool begins = !in_text && c >= '0' && c <= '9' && (i == 0 || std::string_view(" (*-\n").find(from[i - 1]) != std::string_view::npos);
    double value = 0;
    if (begins) {
      const auto [end, failed] = std::from_chars(from.data() + i, from.data() + from.size(), value);
      if (failed == std::errc{}) {
        out.numbers.push_back(value);
        out.text += '#';
        i = static_cast<std::size_t>(end - from.data()) - 1;
        continue;
      }
    }
    out.text += c;
  }
  return out;
}

std::string replaced_all(std::string text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) text.replace(at, what.size(), with);
  return text;
}

/// Every rule by its name and the labels that tell it from others.
std::map<std::string, expression> rules_in(const std::string& text) {
  std::map<std::string, expression> out;
  for (const auto& document : YAML::LoadAll(text))
    for (const auto& group : document["groups"])
      for (const auto& rule : group["rules"]) {
        const auto labels = rule["labels"];
        const auto label = [&](const char* name) { return labels && labels[name] ? labels[name].as<std::string>() : std::string{}; };
        const auto name = rule["record"] ? rule["record"].as<std::string>() : "alert " + rule["alert"].as<std::string>() + label("sloth_severity");
        auto key = rule["record"] ? name + "|" + label("sloth_id") + "|" + label("sloth_window") : name;
        while (out.contains(key)) key += "'";
        out[key] = taken_apart(rule["expr"].as<std::string>());
      }
  return out;
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(prometheus_rules, equal_those_of_sloth) {
  const std::filesystem::path folder = ANDON_SLO_EXAMPLES;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "sloth's fixtures are not here";
  for (const auto* name : {"base", "multifile"}) {
    const auto read = read_sloth(content_of(folder / ("sloth_in-" + std::string(name) + ".yaml")));
    ASSERT_TRUE(read) << read.error().message;
    auto theirs = content_of(folder / ("sloth_out-" + std::string(name) + ".yaml.tpl"));
    theirs = replaced_all(replaced_all(replaced_all(theirs, "{{ .version }}", "v"), "{{\"{{", "{{"), "}}\"}}", "}}");
    const auto expected = rules_in(theirs), got = rules_in(prometheus_rules(*read));
    EXPECT_EQ(got.size(), expected.size());
    for (const auto& [key, rule] : expected) {
      const auto found = got.find(key);
      ASSERT_NE(found, got.end()) << key;
      EXPECT_EQ(found->second.text, rule.text) << key;
      ASSERT_EQ(found->second.numbers.size(), rule.numbers.size()) << key;
      for (std::size_t i = 0; i < rule.numbers.size(); ++i) EXPECT_NEAR(found->second.numbers[i], rule.numbers[i], 1e-9) << key;
    }
  }
}

TEST(prometheus_rules, of_an_objective_of_andon) {
  auto what = testing::availability("chat", 0.999, rolling(std::chrono::hours{30 * 24}));
  what.burns = derive_burns(what.over.length, true, false);
  const auto source = rule_source_of(what);
  ASSERT_TRUE(source);
  EXPECT_FALSE(source->ticket);
  const auto rules = rules_in(prometheus_rules({*source}));
  EXPECT_EQ(rules.at("slo:sli_error:ratio_rate1h|andon-chat|1h").text,
            "(sum(rate(andon_objective_bad_events_total{objective=\"chat\"}[1h])))/(sum(rate(andon_objective_events_total{objective=\"chat\"}[1h])))");
  what.members.push_back(what.members[0]);
  EXPECT_FALSE(rule_source_of(what)) << "a composite of events has no counters";
}

TEST(prometheus_rules, broken_specifications_say_where) {
  for (const auto* wrong : {"version: other", "version: prometheus/v1\nservice: s\nslos: [ { name: a, objective: 99 , sli: {} } ]", "version: prometheus/v1\nservice: s\nslos: [ { name: a, objective: 100, sli: { raw: { error_ratio_query: x } } } ]",
                            "version: prometheus/v1\nslos: [ { objective: many } ]", "a: [", "- 1"}) {
    const auto read = read_sloth(wrong);
    ASSERT_FALSE(read) << wrong;
    EXPECT_FALSE(read.error().message.empty());
  }
}

}  // namespace
}  // namespace andon::slo
