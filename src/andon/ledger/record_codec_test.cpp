#include "andon/ledger/record_codec.hpp"

#include <gtest/gtest.h>

#include "andon/base/random.hpp"

namespace andon::ledger {
namespace {

std::string word(random_source& random, std::size_t most = 20) {
  std::string s(random.below(most), '\0');
  for (auto& c : s) c = static_cast<char>(random.below(256));
  return s;
}
nanoseconds span(random_source& random) { return nanoseconds{static_cast<std::int64_t>(random())}; }

attempt random_attempt(random_source& random) {
  return {.model = model_name{word(random)}, .provider = provider_name{word(random)}, .upstream_model = word(random), .address = word(random),
          .upstream_request_id = word(random), .outcome = static_cast<errc>(random.below(static_cast<std::uint64_t>(errc::count_))),
          .http_status = static_cast<std::uint16_t>(random()), .started = span(random), .connect = span(random), .first_byte = span(random),
          .total = span(random), .error_message = word(random),
          .http = static_cast<http_version>(random.below(4))};
}

record random_record(random_source& random) {
  const auto n = [&] { return static_cast<std::int64_t>(random()); };
  record r{.id = request_id::from_words(random(), random()), .started = wall_time{span(random)}, .duration = span(random), .project = project_id{word(random)},
           .key = key_id{word(random)}, .user = word(random), .session = word(random), .op = static_cast<operation>(random.below(5)), .method = word(random),
           .path = word(random), .route = route_name{word(random)}, .model = model_name{word(random)}, .provider = provider_name{word(random)},
           .upstream_model = word(random), .stream = random.below(2) == 1, .outcome = static_cast<errc>(random.below(static_cast<std::uint64_t>(errc::count_))),
           .http_status = static_cast<std::uint16_t>(random()), .error_message = word(random), .delivered = static_cast<delivery>(random.below(3)),
           .finish_reason = word(random), .cost = nano_usd{n()}, .price = static_cast<price_state>(random.below(3)), .cache = static_cast<cache_use>(random.below(7)), .saved = nano_usd{n()}, .interrupted = random.below(2) == 1,
           .client_address = word(random), .user_agent = word(random), .trace_id = word(random), .span_id = word(random), .content_type = word(random),
           .request_body = word(random, 2000), .reply_body = word(random, 2000), .request_bytes = random(), .reply_bytes = random(),
           .request_truncated = random.below(2) == 1, .reply_truncated = random.below(2) == 1, .stream_events = static_cast<std::uint32_t>(random()),
           .first_token = span(random), .upstream = span(random), .region = word(random), .structured = static_cast<structure>(random.below(3)),
           .transport = static_cast<std::uint8_t>(random()), .http = static_cast<http_version>(random.below(4))};
  r.use = {.input = tokens{n()}, .cached_read = tokens{n()}, .cache_write_5m = tokens{n()}, .cache_write_1h = tokens{n()}, .input_audio = tokens{n()},
           .output = tokens{n()}, .reasoning = tokens{n()}, .output_audio = tokens{n()}, .estimated = random.below(2) == 1};
  for (auto& s : r.stage_nanos) s = n();
  for (std::uint64_t i = random.below(4); i > 0; --i) r.attempts.push_back(random_attempt(random));
  for (std::uint64_t i = random.below(4); i > 0; --i) r.tags.push_back(word(random));
  for (std::uint64_t i = random.below(4); i > 0; --i) r.metadata.emplace_back(word(random), word(random));
  return r;
}

TEST(record_codec, every_field_comes_back) {
  random_source random{1};
  record_encoder encoder;
  EXPECT_EQ(decode_record(encoder.encode(record{})).value(), record{});
  for (int i = 0; i < 2000; ++i) {
    const auto r = random_record(random);
    const auto bytes = encoder.encode(r);
    ASSERT_EQ(decode_record(bytes).value(), r);
    ASSERT_EQ(record_view::over(bytes)->materialize(), r);
  }
}

TEST(record_codec, a_view_reads_in_place) {
  random_source random{2};
  record_encoder encoder;
  for (int i = 0; i < 200; ++i) {
    const auto r = random_record(random);
    const auto v = record_view::over(encoder.encode(r)).value();
    EXPECT_EQ(v.id(), r.id);
    EXPECT_EQ(v.project(), r.project.view());
    EXPECT_EQ(v.reply_body(), r.reply_body);
    EXPECT_EQ(v.use(), r.use);
    EXPECT_EQ(v.outcome(), r.outcome);
    ASSERT_EQ(v.tag_count(), r.tags.size());
    for (std::size_t t = 0; t < r.tags.size(); ++t) EXPECT_EQ(v.tag(t), r.tags[t]);
    ASSERT_EQ(v.metadata_count(), r.metadata.size());
    for (std::size_t m = 0; m < r.metadata.size(); ++m) EXPECT_EQ(v.metadata(m).second, r.metadata[m].second);
    EXPECT_EQ(v.attempt_count(), r.attempts.size());
    EXPECT_EQ(v.http(), r.http);
    EXPECT_EQ(v.upstream_http(), upstream_http(r));
  }
}

TEST(record_codec, opened_comes_back) {
  record_encoder encoder;
  const opened o{.id = request_id::from_words(1, 2), .started = wall_time{nanoseconds{5}}, .project = project_id{"p"}, .key = key_id{"k"}, .user = "u",
                 .tags = {"x", ""}, .op = operation::embeddings, .route = route_name{"r"}, .reserved_tokens = tokens{7}, .reserved = nano_usd{-8},
                 .price = price_state::free};
  EXPECT_EQ(decode_opened(encoder.encode(o)).value(), o);
}

TEST(record_codec, the_price_of_an_older_opened_entry_is_that_of_its_amount) {
  record_encoder encoder;
  for (const std::int64_t reserved : {0, 5}) {
    opened old{.id = request_id::from_words(1, 2), .reserved = nano_usd{reserved}};
    old.price = static_cast<price_state>(255);  // the schema's default, which is not written
    EXPECT_EQ(decode_opened(encoder.encode(old)).value().price, reserved > 0 ? price_state::known : price_state::unknown);
  }
}

TEST(record_codec, damaged_bytes_are_refused_or_read_without_harm) {
  random_source random{3};
  record_encoder encoder;
  const auto good = encoder.encode(random_record(random));
  const std::vector<unsigned char> whole(good.begin(), good.end());
  for (std::size_t cut = 0; cut < whole.size(); cut += 3) {
    const std::vector<unsigned char> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    (void)decode_record(part);
  }
  for (int i = 0; i < 3000; ++i) {
    auto bytes = whole;
    bytes[random.below(bytes.size())] ^= static_cast<unsigned char>(1 + random.below(255));
    if (const auto r = decode_record(bytes); !r) EXPECT_EQ(r.error().code, errc::corrupt);
  }
}

TEST(record_codec, a_large_body_does_not_stay_in_memory) {
  record_encoder encoder;
  record r;
  r.reply_body.assign(40 << 20, 'x');
  EXPECT_EQ(decode_record(encoder.encode(r))->reply_body.size(), r.reply_body.size());
  r.reply_body = "small";
  EXPECT_LT(encoder.encode(r).size(), 1000u);
}

}  // namespace
}  // namespace andon::ledger
