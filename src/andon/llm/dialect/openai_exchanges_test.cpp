// The recorded exchanges beside the repository, when they are there.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <set>

#include "andon/llm/dialect/openai_error.hpp"
#include "andon/llm/dialect/openai_paths.hpp"
#include "andon/llm/dialect/openai_reply.hpp"
#include "andon/llm/dialect/openai_request.hpp"
#include "andon/llm/dialect/openai_stream.hpp"

namespace andon::llm::openai {
namespace {

struct exchange { std::string name, path, request, reply; int status = 0; bool stream = false; };

constexpr std::size_t were_recorded = 43;

std::vector<exchange> recorded(const std::filesystem::path& folder) {
  std::vector<exchange> out;
  for (const auto& file : std::filesystem::directory_iterator{folder}) {
    for (const auto& i : YAML::LoadFile(file.path().string())["interactions"]) {
      exchange e;
      e.name = file.path().stem().string();
      std::string url = i["request"]["url"].as<std::string>();
      e.path = url.substr(url.find('/', 8));
      e.path = e.path.substr(0, e.path.find('?'));
      e.request = i["request"]["body"].as<std::string>();
      e.reply = i["response"]["body"].as<std::string>();
      e.status = i["response"]["code"].as<int>();
      auto type = i["response"]["headers"]["Content-Type"];
      e.stream = type && type[0].as<std::string>().starts_with("text/event-stream");
      out.push_back(std::move(e));
    }
  }
  return out;
}

void feed_all(stream_assembler& s, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    auto end = text.find('\n');
    auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (!line.starts_with("data: ")) continue;
    auto event = s.feed(line.substr(6));
    ASSERT_TRUE(event) << name << event.error().message;
  }
}

TEST(RecordedExchanges, AreUnderstood) {
  const std::filesystem::path folder = ANDON_EXCHANGES;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no recorded exchanges at " << folder;
  const auto all = recorded(folder);
  ASSERT_GE(all.size(), were_recorded) << folder;
  std::set<std::string> understood;
  for (const auto& e : all) {
    auto match = match_path(e.path);
    if (!match) continue;
    understood.insert(e.name);
    auto request = scan_request(match->op, e.request);
    ASSERT_TRUE(request) << e.name << request.error().message;
    EXPECT_FALSE(request->model.empty()) << e.name;
    EXPECT_EQ(request->stream, e.stream) << e.name;
    if (e.status >= 400) {
      auto failure = parse_error(e.status, e.reply);
      EXPECT_EQ(failure.type, "invalid_request_error") << e.name;
      EXPECT_EQ(failure.what, e.status == 404 ? failure_class::not_found : failure_class::bad_request) << e.name;
    } else if (e.stream) {
      stream_assembler s{match->op};
      feed_all(s, e.reply, e.name);
      EXPECT_EQ(s.verdict(), completeness::complete) << e.name;
      EXPECT_TRUE(s.all_finished()) << e.name;
      EXPECT_EQ(s.use().has_value(), request->include_usage) << e.name;
      auto whole = scan_reply(match->op, s.assemble());
      ASSERT_TRUE(whole) << e.name << whole.error().message;
      EXPECT_EQ(whole->use, s.use());
      EXPECT_FALSE(whole->model.empty());
    } else {
      auto reply = scan_reply(match->op, e.reply);
      ASSERT_TRUE(reply) << e.name << reply.error().message;
      EXPECT_TRUE(reply->use) << e.name;
      EXPECT_FALSE(reply->failure);
      EXPECT_GT(reply->use->input.value(), 0) << e.name;
    }
  }
  EXPECT_EQ(understood.size(), 40u);
}

}  // namespace
}  // namespace andon::llm::openai
