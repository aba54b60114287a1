#pragma once
// The Plan as the path sees it: the compiled configuration, immutable. One exchange sees one Plan from beginning to end;
// a change makes a new one and swaps it in (gateway::adopt).
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "andon/base/ids.hpp"
#include "andon/cache/policy.hpp"
#include "andon/gateway/fallbacks.hpp"
#include "andon/gateway/load_guard.hpp"
#include "andon/llm/dialect/openai_paths.hpp"
#include "andon/llm/price.hpp"
#include "andon/llm/tokens.hpp"
#include "andon/net/http_client.hpp"
#include "andon/route/key_ring.hpp"
#include "andon/route/provider_table.hpp"
#include "andon/route/route.hpp"

namespace andon::gateway {

/// A model, ready to be called: everything that does not change between two calls is worked out.
struct served_model {
  model_name name;
  provider_name provider;
  std::string upstream_model;                 ///< what the provider calls it
  net::endpoint to;
  std::string address;                        ///< host:port, for Records and spans
  const route::provider_flavour* flavour = nullptr;
  std::string price_provider;                 ///< id in the price table
  net::header_lines headers;                  ///< credential (unless there are several) and configured ones
  net::header_lines credentials;              ///< several: one of them goes with a call
  std::shared_ptr<route::key_ring> keys;      ///< which one; null with one or none
  std::array<std::string, 3> paths;           ///< by operation: chat, completion, embeddings
  const llm::token_profile* profile = nullptr;
  llm::model_limits limits;
  std::shared_ptr<route::target_health> health;  ///< null: nothing is known of it
  std::string region;                         ///< where it runs, as its configuration says
  bool encrypted = false;                     ///< the way to it: TLS, or it does not leave the machine
  bool runs_free = false;                     ///< no price anywhere and the owner says it costs nothing
};

/// Embeddings calls that go together.
struct batch_policy {
  nanoseconds window{};                       ///< zero: none do
  std::size_t max_inputs = 64;                ///< of a joined call
  std::size_t max_bytes = 256u << 10;         ///< of the bodies that go into it
  bool by_caller = false;                     ///< user, tags and metadata decide on the target: only equal ones go together
};

struct served_route {
  route_name name;
  std::shared_ptr<route::route> choice;
  std::vector<const served_model*> models;              ///< by target index
  std::vector<const llm::token_profile*> profiles;      ///< the distinct ones of all it can reach
  cache::route_policy cache;
  batch_policy batch;
  const served_model* embedder = nullptr;               ///< of the semantic cache; null: none
  std::array<const served_route*, 3> fallbacks{};       ///< by fallback_kind; null: none
  std::vector<const served_model*> reachable;           ///< its models and those of its fallbacks, their fallbacks, …
  bool check_structure = false;                         ///< replies to requests with a response_format are held against it
  bool continue_streams = true;                         ///< another target may go on with a stream that broke
  std::int64_t max_output = 0;                          ///< largest of those; 0: unknown for one of them

  [[nodiscard]] const std::vector<const served_model*>& all_models() const { return reachable.empty() ? models : reachable; }
};

/// What is asked of a provider, or of one model, now and then; and whose breakers the answer feeds.
struct health_check {
  net::endpoint to;
  std::string path;
  net::header_lines headers;
  nanoseconds interval{}, timeout{};
  bool one_of_keys = false;                   ///< others could serve: a check that its key is refused or limited has passed
  std::uint32_t healthy_after = 2, unhealthy_after = 2;
  nanoseconds slow_start{};
  std::vector<std::pair<model_name, std::shared_ptr<route::target_health>>> feeds;
};

struct plan_limits {
  std::int64_t default_max_output = 4096;
  shed_settings shed;                         ///< when a core is too busy
  std::uint64_t max_body = 32u << 20;         ///< of a request: what one of unknown length may come to
  std::uint64_t body_memory = 256u << 20;     ///< of all request bodies at once, all cores together
  std::size_t max_reply = 64u << 20;          ///< bytes of a reply that is not streamed, and of an assembled stream
};

struct plan {
  std::uint64_t version = 0;
  wall_time made;
  llm::price_table prices;
  plan_limits limits;
  std::vector<std::unique_ptr<served_model>> models;
  std::vector<std::unique_ptr<served_route>> routes;    ///< sorted by name

  std::vector<std::unique_ptr<health_check>> checks;

  explicit plan(llm::price_table table) : prices(std::move(table)) {}
  /// Fills the lookup; call once, when routes are complete.
  void seal();
  [[nodiscard]] const served_route* find(std::string_view route) const;

private:
  std::unordered_map<std::string_view, const served_route*> by_name_;
};

using plan_ptr = std::shared_ptr<const plan>;

}  // namespace andon::gateway
