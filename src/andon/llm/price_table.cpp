#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "andon/base/time_text.hpp"
#include "andon/llm/price_data.hpp"
#include "andon/llm/price_rows.hpp"

namespace andon::llm {
namespace {

using detail::dated_price;
using detail::match_kind;
using detail::model_row;
using detail::provider_row;

/// The models of one provider: exact names in their order (of two, the first in the table), patterns with the longest
/// first. It looks into the rows, which stay where they are.
struct provider_index {
  struct name { std::string_view text; const model_row* row; };
  struct pattern { const std::vector<detail::clause>* all; const model_row* row; std::size_t length = 0, order = 0; };
  std::vector<name> exact;
  std::vector<pattern> patterns;

  explicit provider_index(const provider_row& provider) {
    for (const model_row& model : provider.models)
      for (const auto& all : model.names)
        if (all.size() == 1 && all[0].how == match_kind::equals) exact.push_back({all[0].text, &model});
        else patterns.push_back({&all, &model, length_of(all), patterns.size()});
    std::ranges::sort(exact, {}, [](const name& one) { return std::pair(one.text, one.row); });
    exact.shrink_to_fit();
    std::ranges::sort(patterns, [](const pattern& a, const pattern& b) { return std::tuple(b.length, a.order) < std::tuple(a.length, b.order); });
  }

  static std::size_t length_of(const std::vector<detail::clause>& all) {
    std::size_t total = 0;
    for (const detail::clause& each : all) total += each.text.size();
    return total;
  }

  [[nodiscard]] const model_row* find(std::string_view model) const {
    if (const auto found = std::ranges::lower_bound(exact, model, {}, &name::text); found != exact.end() && found->text == model) return found->row;
    for (const pattern& each : patterns)
      if (detail::matches(*each.all, model)) return each.row;
    return nullptr;
  }
};

struct override_row {
  std::string provider, model, tier;  // lower case; tier empty: the standard one
  model_limits limits;
  std::vector<dated_price> prices;
};

}  // namespace

struct price_table::state {
  std::vector<provider_row> providers;
  std::vector<provider_index> indexes;
  std::vector<override_row> overrides;

  [[nodiscard]] std::size_t provider_named(std::string_view name) const {
    for (std::size_t i = 0; i < providers.size(); ++i)
      if (providers[i].id == name) return i;
    for (std::size_t i = 0; i < providers.size(); ++i)
      if (detail::matches(providers[i].names, name)) return i;
    return providers.size();
  }

  [[nodiscard]] const model_row* find_at(std::size_t provider, std::string_view model) const {
    if (provider == providers.size()) return nullptr;
    if (const model_row* found = indexes[provider].find(model)) return found;
    for (const std::string& other : providers[provider].also_serves)
      if (const std::size_t at = provider_named(other); at != providers.size())
        if (const model_row* found = indexes[at].find(model)) return found;
    return nullptr;
  }

  [[nodiscard]] const model_row* find(std::string_view provider, std::string_view model) const {
    if (!provider.empty()) return find_at(provider_named(provider), model);
    for (std::size_t i = 0; i < providers.size(); ++i)
      if (detail::matches(providers[i].owned_models, model))
        if (const model_row* found = find_at(i, model)) return found;
    return nullptr;
  }

  /// The override for this provider before one for any.
  [[nodiscard]] const override_row* overridden(std::string_view provider, std::string_view model, std::string_view tier) const {
    const override_row* any = nullptr;
    for (const override_row& row : overrides) {
      if (row.model != model || row.tier != tier) continue;
      if (!row.provider.empty() && row.provider == provider) return &row;
      if (row.provider.empty()) any = &row;
    }
    return any;
  }

  result<void> add(const price_override& from, const std::string& place) {
    auto read = detail::read_override(from, place);
    if (!read) return std::unexpected(read.error());
    const std::string provider = detail::lower(from.provider), model = detail::lower(from.model);
    const std::string tier = is_standard_tier(from.tier) ? std::string{} : detail::lower(from.tier);
    const auto same = std::ranges::find_if(overrides, [&](const override_row& row) { return row.provider == provider && row.model == model && row.tier == tier; });
    override_row& row = same != overrides.end() ? *same : overrides.emplace_back(override_row{provider, model, tier, {}, {}});
    if (std::ranges::any_of(row.prices, [&](const dated_price& other) { return other.when == read->when; }))
      return fail(errc::invalid_argument, "a second price of '" + from.model + "' for the same time", place);
    if (from.context_window > 0) row.limits.context_window = from.context_window;
    if (from.max_output > 0) row.limits.max_output = from.max_output;
    row.prices.push_back(std::move(*read));
    std::ranges::sort(row.prices, {}, [](const dated_price& p) { return p.when.from.value_or(wall_time::min()); });
    return {};
  }
};

price_table::price_table(std::unique_ptr<state> made) : state_(std::move(made)) {}
price_table::price_table(price_table&&) noexcept = default;
price_table& price_table::operator=(price_table&&) noexcept = default;
price_table::~price_table() = default;

result<price_table> price_table::make(std::span<const price_override> overrides) { return parse(shipped_text(), overrides); }

result<price_table> price_table::parse(std::string_view tsv, std::span<const price_override> overrides) {
  auto rows = detail::read_price_rows(tsv);
  if (!rows) return std::unexpected(rows.error());
  auto made = std::make_unique<state>();
  made->providers = std::move(*rows);
  made->indexes.reserve(made->providers.size());
  for (const provider_row& provider : made->providers) made->indexes.emplace_back(provider);
  for (std::size_t i = 0; i < overrides.size(); ++i)
    if (auto added = made->add(overrides[i], "prices[" + std::to_string(i) + "]"); !added) return std::unexpected(added.error());
  return price_table(std::move(made));
}

bool is_standard_tier(std::string_view tier) {
  constexpr std::array<std::string_view, 5> names{"", "default", "standard", "auto", "on_demand"};
  return std::ranges::find(names, detail::lower(tier)) != names.end();
}

const price* price_table::find(std::string_view provider, std::string_view model, wall_time at, std::string_view tier) const {
  const std::string p = detail::lower(provider), m = detail::lower(model);
  const bool standard = is_standard_tier(tier);
  if (const override_row* row = state_->overridden(p, m, standard ? std::string{} : detail::lower(tier)))
    for (std::size_t i = row->prices.size(); i-- > 0;)
      if (row->prices[i].when.holds(at)) return &row->prices[i].what;
  const model_row* row = standard ? state_->find(p, m) : nullptr;
  return row == nullptr ? nullptr : row->at(at);
}

price_table::tier_price price_table::find_tier(std::string_view provider, std::string_view model, wall_time at, std::string_view tier) const {
  if (const price* own = find(provider, model, at, tier); own != nullptr && own->state != price_state::unknown) return {own, false};
  if (is_standard_tier(tier)) return {};
  const price* standard = find(provider, model, at);
  if (standard == nullptr || standard->state == price_state::unknown) return {};
  return {standard, true};
}

model_limits price_table::limits(std::string_view provider, std::string_view model) const {
  const std::string p = detail::lower(provider), m = detail::lower(model);
  model_limits found;
  if (const model_row* row = state_->find(p, m)) found = row->limits;
  if (const override_row* row = state_->overridden(p, m, {})) {
    if (row->limits.context_window > 0) found.context_window = row->limits.context_window;
    if (row->limits.max_output > 0) found.max_output = row->limits.max_output;
  }
  return found;
}

std::string_view price_table::provider_of_host(std::string_view host) const {
  const std::string name = detail::lower(host);
  for (const provider_row& provider : state_->providers)
    if (detail::matches(provider.hosts, name)) return provider.id;
  return {};
}

std::size_t price_table::models() const {
  std::size_t total = 0;
  for (const provider_row& provider : state_->providers) total += provider.models.size();
  return total;
}

std::optional<wall_time> price_table::shipped_on() {
  constexpr std::string_view mark = "\n# Taken: ";
  const auto text = shipped_text();
  const auto at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto date = text.substr(at + mark.size());
  const auto read = parse_rfc3339(date.substr(0, date.find('\n')));
  return read ? std::optional(*read) : std::nullopt;
}

std::string_view price_table::shipped_text() { return detail::price_data(); }

}  // namespace andon::llm
