#include "andon/net/sse.hpp"

#include <gtest/gtest.h>

#include "andon/base/random.hpp"
#include "andon/net/sse_reference.hpp"

namespace andon::net {
namespace {

using test::plain_event;
using test::read_slowly;

struct reading {
  std::vector<plain_event> events;
  std::string relayed;
};

void read_part(sse_reader& reader, std::string_view part, reading& out) {
  reader.feed(part);
  while (auto event = reader.next()) {
    out.events.push_back({std::string(event->name), std::string(event->data), std::string(event->id), event->has_data});
    out.relayed.append(event->raw);
  }
}

const std::string_view streams[] = {
    "data: {\"a\":1}\n\ndata: [DONE]\n\n",
    "data: one\r\n\r\ndata: two\r\n\r\n",
    "data: one\r\rdata: two\r\r",
    "data: mixed\r\n\ndata: x\n\r\ndata: y\r\r\n",
    "\xEF\xBB\xBF" "data: after the mark\n\n",
    "\xEF\xBB\xBF\n\ndata: x\n\n",
    ": keep-alive\n\n: again\n\ndata: x\n\n",
    "event: message_start\ndata: {\"type\":\"message_start\"}\n\nevent: ping\ndata\n\n",
    "data: a\ndata: b\ndata:c\ndata:\n\nid: 7\ndata: x\n\ndata: y\n\nid\ndata: z\n\n",
    "\n\n\ndata: x\n\n\n\n",
    "data: h\xC3\xA9llo \xE4\xB8\x96\xE7\x95\x8C \xF0\x9F\x8E\x89\n\n",
    "retry: 10\nunknown: y\ndata:  two spaces\nDATA: no\n\n",
    "data: cut in mid-ev",
    "data: x\n\nevent: cut\n",
};

TEST(sse, every_split_position_gives_the_same_events) {
  for (std::string_view stream : streams) {
    const auto expected = read_slowly(stream);
    for (std::size_t split = 0; split <= stream.size(); ++split) {
      sse_reader reader;
      reading got;
      read_part(reader, stream.substr(0, split), got);
      read_part(reader, stream.substr(split), got);
      ASSERT_EQ(got.events, expected) << stream << " split at " << split;
      ASSERT_EQ(got.relayed + std::string(reader.raw_rest()), stream);
    }
    sse_reader reader;
    reading got;
    for (char c : stream) read_part(reader, {&c, 1}, got);
    EXPECT_EQ(got.events, expected) << stream << " byte by byte";
    EXPECT_EQ(got.relayed + std::string(reader.raw_rest()), stream);
  }
}

TEST(sse, random_streams_read_as_the_reference_does) {
  random_source random(7);
  const std::string_view pieces[] = {"data:", "data: ", "event: e", "id: 1", ":", "\n", "\n\n", "\r", "\r\n", "x", "\xE4\xB8\x96", std::string_view("\0", 1), "\xEF\xBB\xBF"};
  for (int round = 0; round < 20'000; ++round) {
    std::string stream;
    for (auto n = random.below(24); n > 0; --n) stream += pieces[random.below(std::size(pieces))];
    sse_reader reader;
    reading got;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = 1 + random.below(stream.size() - at);
      const std::string part = stream.substr(at, size);
      read_part(reader, part, got);
      at += size;
    }
    ASSERT_EQ(got.events, read_slowly(stream)) << stream;
    ASSERT_EQ(got.relayed + std::string(reader.raw_rest()), stream);
  }
}

TEST(sse, an_event_that_lies_whole_in_the_feed_is_not_copied) {
  const std::string text = "data: {\"a\":1}\n\ndata: b\n\n";
  sse_reader reader;
  reader.feed(text);
  auto event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->data.data(), text.data() + 6);
  EXPECT_EQ(event->raw.data(), text.data());
  event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->raw.data(), text.data() + 15);
}

TEST(sse, an_unfinished_event_is_told) {
  sse_reader reader;
  reading got;
  read_part(reader, "data: x\n\n", got);
  EXPECT_FALSE(reader.in_event());
  read_part(reader, "data: y\n", got);
  EXPECT_TRUE(reader.in_event());
  read_part(reader, "\r", got);
  EXPECT_FALSE(reader.in_event());
  read_part(reader, "\n", got);
  EXPECT_FALSE(reader.in_event()) << "the LF belongs to the CR before";
  EXPECT_EQ(got.events.size(), 2u);
}

TEST(sse, the_size_of_an_event_is_bounded) {
  for (std::size_t piece : {1u, 7u, 100u}) {
    sse_reader reader(64);
    reading got;
    const std::string stream = "data: short\n\ndata: " + std::string(80, 'x') + "\n\ndata: never\n\n";
    for (std::size_t at = 0; at < stream.size(); at += piece) read_part(reader, std::string_view(stream).substr(at, piece), got);
    EXPECT_TRUE(reader.failed());
    EXPECT_EQ(got.events.size(), 1u);
  }
}

}  // namespace
}  // namespace andon::net
