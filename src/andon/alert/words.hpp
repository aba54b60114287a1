#pragma once
// Titles and texts by mustache templates. Fields: status (firing, resolved), STATUS, receiver, name (alertname of all, or
// empty), names (those of all alerts), gist (what the first one says, and how many more there are), severity, group (`severity=page team=x`), firing_count, resolved_count, truncated, external_url, note, incident,
// ack_url, resolve_url, common_labels.NAME, common_annotations.NAME, and the lists firing, resolved and alerts with status,
// name, summary, description, labels.NAME, annotations.NAME, label_list and annotation_list (name, value), starts_at, ends_at,
// generator_url, fingerprint.
#include "andon/alert/receiver.hpp"

namespace andon::alert {

extern const std::string_view usual_title, usual_text;

/// errc::invalid_argument with what is wrong.
result<void> check_template(const std::string& text);
/// Fields of a template that no message has: they come out empty. Each once.
std::vector<std::string> unknown_fields(const std::string& text);
/// What it is about, whether it still fires or not: the usual title without its state.
std::string subject_of(const notification& what);
/// A template that cannot be rendered gives the usual words: an alert is never lost to a template.
rendered_text words_for(const way& to, const notification& what, const std::string& external_url);
std::string group_text(const label_set& labels);  ///< `alertname=x team=y`

}  // namespace andon::alert
