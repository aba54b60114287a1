#include <algorithm>
#include <string_view>

#include "andon/llm/tokens.hpp"

namespace andon::llm {
namespace {

enum class media_rule : std::uint8_t { tiles, patches, claude, gemini };

/// tiles: base and tile in tokens. patches: multiplier in per cent.
struct media_model { std::string_view text; bool anywhere; media_rule rule; std::int64_t base, tile; };
constexpr media_model models[] = {
    {"gpt-4o-mini", false, media_rule::tiles, 2833, 5667}, {"gpt-4.1-mini", false, media_rule::patches, 162, 0},
    {"gpt-4.1-nano", false, media_rule::patches, 246, 0}, {"gpt-5-mini", false, media_rule::patches, 162, 0},
    {"gpt-5-nano", false, media_rule::patches, 246, 0}, {"o4-mini", false, media_rule::patches, 172, 0},
    {"gpt-5", false, media_rule::tiles, 70, 140}, {"o1", false, media_rule::tiles, 75, 150}, {"o3", false, media_rule::tiles, 75, 150},
    {"claude", true, media_rule::claude, 0, 0}, {"gemini", true, media_rule::gemini, 0, 0}, {"gemma", true, media_rule::gemini, 0, 0},
};
constexpr media_model usual{"", false, media_rule::tiles, 85, 170};

const media_model& media_of(std::string_view model) {
  if (const auto slash = model.rfind('/'); slash != std::string_view::npos) model.remove_prefix(slash + 1);
  for (const media_model& each : models)
    if (each.anywhere ? model.contains(each.text) : model.starts_with(each.text)) return each;
  return usual;
}

struct box { std::int64_t width, height; };

/// Scaled down so that the side chosen is at most `limit`; rounded up, never below one pixel.
box shrink(box size, std::int64_t side, std::int64_t limit) {
  if (side <= limit) return size;
  const auto scale = [&](std::int64_t x) { return std::max<std::int64_t>(1, (x * limit + side - 1) / side); };
  return {scale(size.width), scale(size.height)};
}

std::int64_t cells(box size, std::int64_t edge) { return ((size.width + edge - 1) / edge) * ((size.height + edge - 1) / edge); }

std::int64_t tile_tokens(const media_model& model, box size, bool known, bool low) {
  if (low) return model.base;
  if (!known) return model.base + model.tile * 8;  // 2048 × 768 has 4 × 2 tiles
  size = shrink(size, std::max(size.width, size.height), 2048);
  size = shrink(size, std::min(size.width, size.height), 768);
  return model.base + model.tile * cells(size, 512);
}

std::int64_t patch_tokens(const media_model& model, box size, bool known) {
  const std::int64_t patches = known ? std::min<std::int64_t>(1536, cells(size, 32)) : 1536;
  return (patches * model.base + 99) / 100;
}

std::int64_t claude_tokens(box size, bool known) {
  if (!known) return 1600;
  size = shrink(size, std::max(size.width, size.height), 1568);
  return std::min<std::int64_t>(1600, (size.width * size.height + 749) / 750);
}

std::int64_t gemini_tokens(box size, bool known) {
  if (!known) return 258 * 16;  // 3072², the largest the service keeps, is 4 × 4 tiles
  if (size.width <= 384 && size.height <= 384) return 258;
  return 258 * cells(shrink(size, std::max(size.width, size.height), 3072), 768);
}

}  // namespace

tokens image_tokens(std::string_view model, image_size image) {
  const media_model& how = media_of(model);
  const bool known = image.width > 0 && image.height > 0;
  const box size{image.width, image.height};
  switch (how.rule) {
    case media_rule::tiles: return tokens{tile_tokens(how, size, known, image.low_detail)};
    case media_rule::patches: return tokens{patch_tokens(how, size, known)};
    case media_rule::claude: return tokens{claude_tokens(size, known)};
    case media_rule::gemini: return tokens{gemini_tokens(size, known)};
  }
  return tokens{};
}

tokens audio_tokens(std::string_view model, std::uint64_t milliseconds) {
  const std::uint64_t a_second = media_of(model).rule == media_rule::gemini ? 32 : 10;
  const auto bounded = std::min<std::uint64_t>(milliseconds, std::uint64_t{1} << 50);
  return tokens{static_cast<std::int64_t>((bounded * a_second + 999) / 1000)};
}

std::uint64_t longest_audio_ms(std::string_view format, std::uint64_t bytes) {
  const bool raw = format == "wav" || format == "pcm16";
  return (bytes + (raw ? 47 : 2)) / (raw ? 48 : 3);
}

tokens file_tokens(std::uint64_t files, std::uint64_t data, std::uint64_t unseen) {
  constexpr std::uint64_t a_page = 1'600, unseen_file = 32'768, most = std::uint64_t{1} << 31;
  const std::uint64_t bytes = std::min(data, most) / 4 * 3 + 3;
  const auto seen = files > unseen ? files - unseen : 0;
  return tokens{static_cast<std::int64_t>((seen > 0 ? (bytes + 1) / 2 : 0) + std::min(seen, most) * a_page + std::min(unseen, most) * unseen_file)};
}

reservation upper_bound(const token_profile& profile, const reservation_input& in) {
  reservation out;
  const std::int64_t text = std::max<std::int64_t>(0, in.text.value());
  const std::int64_t margin = text / 1000 * profile.margin_per_mille + (text % 1000 * profile.margin_per_mille + 999) / 1000;
  out.input = tokens{text} + tokens{margin} + in.media;
  if (in.messages > 0) out.input += chat_overhead(in.messages, in.names);
  out.input_is_bound = profile.exact && in.media <= tokens{} && !in.tools;
  out.output_is_bound = true;
  if (!in.produces_output) return out;
  const bool asked = in.max_output && *in.max_output >= 0;
  const bool limited = in.model_max_output > 0;
  std::int64_t most = in.default_max_output;
  if (asked) most = limited ? std::min(*in.max_output, in.model_max_output) : *in.max_output;
  else if (limited) most = in.model_max_output;
  out.output = tokens{std::max<std::int64_t>(0, most)} * std::max<std::int64_t>(1, in.choices);
  out.output_is_bound = asked || limited;
  return out;
}

}  // namespace andon::llm
