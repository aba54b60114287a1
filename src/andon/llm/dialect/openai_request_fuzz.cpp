// Any bytes: scanners never crash, places lie inside, edits of accepted bodies give accepted bodies.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "andon/llm/dialect/openai_embeddings.hpp"
#include "andon/llm/dialect/openai_error.hpp"
#include "andon/llm/dialect/openai_reply.hpp"
#include "andon/llm/dialect/openai_request.hpp"
#include "andon/llm/dialect/openai_stream.hpp"

using namespace andon::llm;

namespace {

void check(bool good) {
  if (!good) std::abort();
}

void edits(operation op, std::string_view body) {
  auto facts = openai::scan_request(op, body);
  if (!facts) return;
  for (const auto& text : facts->texts) check(text.raw.data() >= body.data() && text.raw.data() + text.raw.size() <= body.data() + body.size());
  json_edit edit{body};
  openai::set_model(edit, *facts, "renamed \"x\"");
  openai::ask_for_usage(edit, *facts);
  openai::remove_gateway_fields(edit, *facts);
  std::string storage;
  auto after = openai::scan_request(op, edit.apply(storage));
  check(after.has_value());
  if (facts->model_value.present()) check(after->model == "renamed \"x\"" && after->include_usage);
  check(after->texts.size() == facts->texts.size() && after->tags.empty());
}

void joins(std::string_view body) {
  const auto facts = openai::scan_request(operation::embeddings, body);
  if (!facts) return;
  if (const auto asked = openai::read_embedding_request(*facts, body)) {
    const auto joined = openai::join_embedding_requests("m", asked->options, asked->inputs);
    const auto again = openai::scan_request(operation::embeddings, joined);
    check(again.has_value());
    const auto same = openai::read_embedding_request(*again, joined);
    check(same && same->options == asked->options && same->inputs.size() == asked->inputs.size());
  }
}

void parts(std::string_view body) {
  if (!openai::scan_reply(operation::embeddings, body)) return;
  for (std::size_t inputs = 1; inputs < 4; ++inputs)
    if (const auto whole = openai::read_embedding_reply(body, inputs)) check(openai::read_embedding_reply(openai::embedding_reply_part(*whole, inputs - 1, 1, 7), 1).has_value());
}

void replies(std::string_view body) {
  (void)openai::scan_reply(operation::chat, body);
  (void)openai::scan_reply(operation::embeddings, body);
  (void)openai::parse_error(400, body);
  openai::stream_assembler stream{operation::chat, {.client_wants_usage = false, .max_assembled = 4'096}};
  std::string storage;
  for (int i = 0; i < 2; ++i) {
    auto event = stream.feed(body);
    if (event && event->action == event_action::edit) check(openai::stream_assembler{operation::chat}.feed(openai::stream_assembler::without_usage(body, *event, storage)).has_value());
  }
  auto whole = openai::scan_reply(operation::chat, stream.assemble());
  check(whole || whole.error().message.find("valid JSON") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view body{reinterpret_cast<const char*>(data) + 1, size - 1};
  edits(static_cast<operation>(data[0] % 4), body);
  joins(body);
  parts(body);
  replies(body);
  return 0;
}
