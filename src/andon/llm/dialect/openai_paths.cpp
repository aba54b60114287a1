#include "andon/llm/dialect/openai_paths.hpp"

#include <fmt/format.h>

#include "andon/base/json_text.hpp"

namespace andon::llm::openai {
namespace {

struct path_row {
  std::string_view path;
  operation op;
  std::string_view method;
};
constexpr path_row rows[] = {
    {"/chat/completions", operation::chat, "POST"},
    {"/completions", operation::completion, "POST"},
    {"/embeddings", operation::embeddings, "POST"},
    {"/models", operation::models, "GET"},
};

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Percent-decoded; absent when malformed, not UTF-8, or holding control bytes.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
      c = static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    out += c;
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<endpoint_match> match_row(std::string_view path) {
  for (const auto& row : rows)
    if (row.path == path) return endpoint_match{row.op, row.method, {}, false};
  return std::nullopt;
}

std::optional<endpoint_match> match_azure(std::string_view path) {
  auto slash = path.find('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  auto found = match_row(path.substr(slash));
  auto name = decoded(path.substr(0, slash));
  if (!found || !name || found->op == operation::models) return std::nullopt;
  found->argument = std::move(*name);
  found->azure = true;
  return found;
}

void append_escaped(std::string& out, std::string_view text) {
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
}

void append_model(std::string& out, const model_entry& model) {
  out += R"({"id":)";
  append_json_string(out, model.id);
  out += fmt::format(R"(,"object":"model","created":{},"owned_by":)", model.created);
  append_json_string(out, model.owned_by);
  out += '}';
}

}  // namespace

std::optional<endpoint_match> match_path(std::string_view path) {
  if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  if (take_prefix(path, "/openai/deployments/")) return match_azure(path);
  if (path.starts_with("/openai/")) path.remove_prefix(7);
  if (path.starts_with("/v1/")) path.remove_prefix(3);
  if (auto found = match_row(path)) return found;
  if (!take_prefix(path, "/models/") || path.empty()) return std::nullopt;
  auto id = decoded(path);
  if (!id || id->find("..") != std::string::npos) return std::nullopt;
  return endpoint_match{operation::models, "GET", std::move(*id), false};
}

std::string upstream_path(flavour kind, operation op, std::string_view base_path, std::string_view deployment, std::string_view api_version) {
  while (!base_path.empty() && base_path.back() == '/') base_path.remove_suffix(1);
  std::string_view tail;
  for (const auto& row : rows)
    if (row.op == op) tail = row.path;
  std::string out{base_path};
  if (kind == flavour::azure) {
    out += op == operation::models ? "/openai" : "/openai/deployments/";
    if (op != operation::models) append_escaped(out, deployment);
  }
  out += tail;
  if (kind == flavour::azure) {
    out += "?api-version=";
    append_escaped(out, api_version);
  }
  return out;
}

std::pair<std::string_view, std::string> key_header(flavour kind, std::string_view key) {
  if (kind == flavour::azure) return {"api-key", std::string{key}};
  return {"authorization", fmt::format("Bearer {}", key)};
}

std::string models_list(std::span<const model_entry> models) {
  std::string out = R"({"object":"list","data":[)";
  for (const auto& model : models) {
    if (&model != models.data()) out += ',';
    append_model(out, model);
  }
  out += "]}";
  return out;
}

std::string model_json(const model_entry& model) {
  std::string out;
  append_model(out, model);
  return out;
}

}  // namespace andon::llm::openai
