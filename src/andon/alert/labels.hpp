#pragma once
// Label sets, which name alerts, and their fingerprints.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/error.hpp"

namespace andon::alert {

/// Sorted by name, byte by byte. An absent label and one with an empty value are the same.
using label_set = std::map<std::string, std::string, std::less<>>;

/// 64-bit FNV-1a over the labels sorted by name, each as name 0xFF value 0xFF (Prometheus, model.LabelSet.Fingerprint).
std::uint64_t fingerprint_of(const label_set& labels);
std::string fingerprint_text(std::uint64_t fingerprint);  ///< 16 hex digits

/// Empty if the label is absent.
std::string_view label_value(const label_set& labels, std::string_view name);
/// `{alertname="x", severity="page"}`, as Alertmanager's group keys write it.
std::string labels_text(const label_set& labels);
/// A name as Prometheus allows it: any UTF-8 that is not empty.
bool is_label_name(std::string_view name);
/// One that needs no quotes in matchers: letters, digits, underscores, no digit first.
bool is_plain_label_name(std::string_view name);
/// Names and values are well formed and within bounds; empty values are dropped before. errc::invalid_argument.
result<void> check_labels(const label_set& labels, std::string_view what);

/// What all sets have alike.
label_set common_of(const std::vector<const label_set*>& all);

}  // namespace andon::alert
