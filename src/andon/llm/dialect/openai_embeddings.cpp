#include "andon/llm/dialect/openai_embeddings.hpp"

#include <algorithm>
#include <numeric>

#include "andon/base/json_text.hpp"
#include "andon/llm/json_cursor.hpp"

namespace andon::llm::openai {
namespace {

using type = json_cursor::type;

__extension__ typedef __int128 wide;

/// The elements of `input`; false for what cannot be joined.
bool read_inputs(json_cursor& at, std::string_view body, embedding_request& out) {
  if (at.peek() == type::string) {
    out.inputs.push_back(at.skip().of(body));
    return true;
  }
  if (at.peek() != type::array) return false;
  const auto begin = at.value_offset();
  std::size_t numbers = 0, texts = 0, lists = 0;
  at.begin_array();
  for (bool first = true; at.next_element(first);) {
    const auto what = at.peek();
    const auto place = at.skip();
    numbers += what == type::number;
    texts += what == type::string;
    lists += what == type::array;
    if (what == type::string || what == type::array) out.inputs.push_back(place.of(body));
    else if (what != type::number) return false;
  }
  out.tokens = texts == 0;
  if (numbers > 0) out.inputs.assign(1, at.span_from(begin).of(body));
  return (numbers > 0) + (texts > 0) + (lists > 0) == 1;
}

bool is_gateways(const request_facts& facts, byte_span value) {
  return std::ranges::any_of(facts.gateway_members, [&](byte_span one) { return value.offset >= one.offset && value.offset < one.end(); });
}

}  // namespace

std::optional<embedding_request> read_embedding_request(const request_facts& facts, std::string_view body) {
  embedding_request out;
  std::vector<std::pair<std::string, std::string_view>> options;
  json_cursor at(body);
  std::string storage;
  at.begin_object();
  json_cursor::token key;
  for (bool first = true; at.next_member(first, key);) {
    const std::string name(text_of(key, storage));
    if (name == "input") {
      if (!out.inputs.empty() || !read_inputs(at, body, out)) return std::nullopt;
      continue;
    }
    const auto place = at.skip();
    if (name != "model" && !is_gateways(facts, place)) options.emplace_back(name, place.of(body));
  }
  at.finish();
  if (at.failed() || out.inputs.empty()) return std::nullopt;
  std::ranges::sort(options);
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (i > 0 && options[i].first == options[i - 1].first) return std::nullopt;
    if (i > 0) out.options += ',';
    out.options.append(json_string(options[i].first)).append(":").append(options[i].second);
  }
  return out;
}

std::string join_embedding_requests(std::string_view model, std::string_view options, std::span<const std::string_view> inputs) {
  std::string out = "{";
  if (!model.empty()) out.append("\"model\":").append(json_string(model)).append(",");
  if (!options.empty()) out.append(options).append(",");
  out += "\"input\":[";
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i > 0) out += ',';
    out += inputs[i];
  }
  return out += "]}";
}

namespace {

std::unexpected<error> bad(std::string what) { return fail(errc::upstream_bad_reply, "The provider's reply to joined inputs " + std::move(what) + "."); }

/// An element of `data`, and the number of the input that it belongs to; negative: it does not say.
embedding_reply::entry read_entry(json_cursor& at, std::string_view body, std::int64_t& number) {
  embedding_reply::entry out;
  const auto begin = at.value_offset();
  std::string storage;
  number = -1;
  at.begin_object();
  json_cursor::token key;
  for (bool first = true; at.next_member(first, key);) {
    const bool is_index = text_of(key, storage) == "index" && at.peek() == type::number;
    const auto place = at.skip();
    if (!is_index || !to_integer(place.of(body), number)) continue;
    out.index = {place.offset - begin, place.size};
  }
  out.object = at.span_from(begin).of(body);
  return out;
}

}  // namespace

result<embedding_reply> read_embedding_reply(std::string_view body, std::size_t inputs) {
  embedding_reply out;
  std::vector<std::pair<std::int64_t, embedding_reply::entry>> found;
  json_cursor at(body);
  std::string storage;
  at.begin_object();
  json_cursor::token key;
  for (bool first = true; at.next_member(first, key);) {
    const std::string name(text_of(key, storage));
    if (name == "data" && at.peek() == type::array) {
      at.begin_array();
      for (bool start = true; at.next_element(start);) {
        if (at.peek() != type::object) return bad("has entries that are no objects");
        std::int64_t number = 0;
        const auto entry = read_entry(at, body, number);
        found.emplace_back(entry.index.size == 0 ? static_cast<std::int64_t>(found.size()) : number, entry);
      }
      continue;
    }
    const auto value = at.skip().of(body);
    if (name != "usage") out.head.append(json_string(name)).append(":").append(value).append(",");
  }
  at.finish();
  if (at.failed()) return bad("is not valid JSON");
  if (found.size() != inputs) return bad("has " + std::to_string(found.size()) + " entries for " + std::to_string(inputs) + " inputs");
  std::ranges::stable_sort(found, {}, &std::pair<std::int64_t, embedding_reply::entry>::first);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].first != static_cast<std::int64_t>(i)) return bad("does not have each index once");
    out.entries.push_back(found[i].second);
  }
  return out;
}

std::string embedding_reply_part(const embedding_reply& of, std::size_t first, std::size_t count, std::int64_t input_tokens) {
  std::string out = "{";
  out.append(of.head).append("\"data\":[");
  for (std::size_t i = 0; i < count; ++i) {
    const auto& one = of.entries[first + i];
    if (i > 0) out += ',';
    if (one.index.size == 0) {
      out += one.object;
      continue;
    }
    out.append(one.object.substr(0, one.index.offset)).append(std::to_string(i)).append(one.object.substr(one.index.end()));
  }
  out += ']';
  const auto tokens = std::to_string(input_tokens);
  if (input_tokens >= 0) out.append(R"(,"usage":{"prompt_tokens":)").append(tokens).append(R"(,"total_tokens":)").append(tokens).append("}");
  return out += '}';
}

std::vector<std::int64_t> share_out(std::int64_t total, std::span<const std::int64_t> weights) {
  std::vector<std::int64_t> out(weights.size());
  if (weights.empty()) return out;
  std::vector<std::int64_t> by(weights.begin(), weights.end());
  wide sum = std::accumulate(by.begin(), by.end(), wide{0});
  if (sum <= 0) {
    by.assign(by.size(), 1);
    sum = static_cast<wide>(by.size());
  }
  std::vector<std::pair<wide, std::size_t>> rests;
  std::int64_t given = 0;
  for (std::size_t i = 0; i < by.size(); ++i) {
    const auto exact = static_cast<wide>(total) * by[i];
    out[i] = static_cast<std::int64_t>(exact / sum);
    given += out[i];
    rests.emplace_back(-(exact % sum), i);
  }
  std::ranges::sort(rests);
  for (std::size_t i = 0; given < total; ++i, ++given) ++out[rests[i].second];
  return out;
}

}  // namespace andon::llm::openai
