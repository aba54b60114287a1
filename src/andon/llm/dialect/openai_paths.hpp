#pragma once
// Addresses of the OpenAI dialect: which operation a client's path means, and where a provider serves it.
// Pure, thread-safe.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "andon/llm/request.hpp"

namespace andon::llm::openai {

struct endpoint_match {
  operation op = operation::other;
  std::string_view method;      ///< the one it takes: POST, or GET for models
  std::string argument;         ///< models/{id}: the id; Azure: the deployment; percent-decoded
  bool azure = false;           ///< came as /openai/deployments/{d}/…: the deployment is the model
};

/// `path` without the query. With and without `/v1`, one trailing slash allowed, `/openai/deployments/{d}/…` and
/// `/openai/v1/…`. Absent: not a path of this dialect (also when an id decodes to control bytes).
std::optional<endpoint_match> match_path(std::string_view path);

/// Where a provider's flavour serves things.
enum class flavour : std::uint8_t { openai, azure };

/// Path and query for the provider. `base_path` is the path of the configured address (`/v1`, or empty), `deployment`
/// and `api_version` are for Azure only.
std::string upstream_path(flavour kind, operation op, std::string_view base_path, std::string_view deployment = {},
                          std::string_view api_version = {});

/// Name of the header that carries the provider's key, and its value.
std::pair<std::string_view, std::string> key_header(flavour kind, std::string_view key);

/// What `/v1/models` says of a model.
struct model_entry {
  std::string_view id;
  std::string_view owned_by;
  std::int64_t created = 0;     ///< Unix seconds
};
std::string models_list(std::span<const model_entry> models);
std::string model_json(const model_entry& model);

}  // namespace andon::llm::openai
