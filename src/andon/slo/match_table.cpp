#include "andon/slo/match_table.hpp"

#include <algorithm>

namespace andon::slo {
namespace {

using ledger::filter_node;
using ledger::node_kind;

bool demands_name(const filter_node& node, ledger::field which) {
  return node.kind == node_kind::compare && node.which == which && (node.how == ledger::comparison::equal || node.how == ledger::comparison::exact);
}

/// The one name of this field that the filter demands, whatever else it asks for.
const filter_node* demanded(const filter_node& root, ledger::field which) {
  if (demands_name(root, which)) return &root;
  if (root.kind != node_kind::all_of) return nullptr;
  const auto found = std::ranges::find_if(root.children, [&](const filter_node& child) { return demands_name(child, which); });
  return found == root.children.end() ? nullptr : &*found;
}

}  // namespace

std::string match_table::folded(std::string_view name) {
  std::string out(name);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

match_table::match_table(const std::vector<const ledger::record_filter*>& filters) {
  for (std::uint32_t i = 0; i < filters.size(); ++i) {
    const auto& root = filters[i]->what().root;
    if (const auto* route = demanded(root, ledger::field::route)) by_route_[folded(route->text)].push_back(i);
    else if (const auto* project = demanded(root, ledger::field::project)) by_project_[folded(project->text)].push_back(i);
    else if (const auto* model = demanded(root, ledger::field::model)) by_model_[folded(model->text)].push_back(i);
    else others_.push_back(i);
  }
}

}  // namespace andon::slo
