#include <boost/json.hpp>

#include "andon/admin/access_json.hpp"
#include "andon/admin/audit.hpp"
#include "andon/admin/body_reader.hpp"
#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/time_text.hpp"

namespace andon::admin::handlers {
namespace {

namespace json = boost::json;
using access::permission;

constexpr nanoseconds longest_overlap = std::chrono::days{90};

std::unexpected<error> not_yours() { return fail(errc::forbidden, "this key may act on its own project only"); }

/// The key that the path names, if the caller may do `what` to it.
result<access::key_info> named_key(const services& with, const request& asked, permission what) {
  auto found = with.keys.key(key_id{asked.argument});
  if (!found) {
    if (!asked.who->project.empty()) return not_yours();
    return found;
  }
  if (!asked.who->may(what, found->settings.project)) return not_yours();
  return found;
}

result<void> may_set(const request& asked, const access::key_settings& wanted, changed_fields changed) {
  if (!asked.who->may(permission::keys_write, wanted.project)) return not_yours();
  if (changed.limits_or_budgets && !asked.who->may(permission::budgets_write, wanted.project))
    return fail(errc::forbidden, "limits and budgets need the permission budgets.write");
  return {};
}

/// The one place where a secret goes into a reply.
reply with_secret(const services& with, const access::new_key& made, int status) {
  json::object out;
  out["id"] = made.id.view();
  out["key"] = made.text.reveal();
  if (const auto info = with.keys.key(made.id)) {
    auto about = to_json(*info);
    about.erase("id");
    for (auto& [name, value] : about) out[name] = std::move(value);
  }
  return {.status = status, .body = json_text(out)};
}

result<reply> key_reply(const services& with, const key_id& id) {
  const auto info = with.keys.key(id);
  if (!info) return std::unexpected(info.error());
  return reply{.body = json_text(to_json(*info))};
}

/// The key as it was, and as it is now; either may be missing.
void note_key(const services& with, const request& asked, const key_id& id, const access::key_info* before) {
  const auto now = with.keys.key(id);
  const auto& project = now ? now->settings.project : before != nullptr ? before->settings.project : project_id{};
  note_act(asked, "key " + id.str(), project, before != nullptr ? to_json(*before) : json::object{}, now ? to_json(*now) : json::object{});
}

result<reply> set_blocked(const services& with, const request& asked, result<void> (access::keyring::*change)(const key_id&)) {
  const auto found = named_key(with, asked, permission::keys_block);
  if (!found) return std::unexpected(found.error());
  if (auto done = (with.keys.*change)(found->id); !done) return std::unexpected(std::move(done.error()));
  note_key(with, asked, found->id, &*found);
  return key_reply(with, found->id);
}

}  // namespace

result<reply> list_keys(const services& with, const request& asked) {
  std::optional<project_id> only;
  if (asked.query.has("project")) only = project_id{std::string(asked.query.text("project"))};
  if (!asked.who->project.empty()) {
    if (only && *only != asked.who->project) return not_yours();
    only = asked.who->project;
  }
  const auto found = with.keys.keys(only);
  if (!found) return std::unexpected(found.error());
  json::array data;
  for (const auto& one : *found) data.emplace_back(to_json(one));
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> create_key(const services& with, const request& asked) {
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  access::key_settings wanted;
  wanted.project = asked.who->project;
  const auto changed = read_key(*body, wanted);
  if (!changed) return std::unexpected(changed.error());
  if (auto may = may_set(asked, wanted, *changed); !may) return std::unexpected(std::move(may.error()));
  const auto made = with.keys.create_key(std::move(wanted));
  if (!made) return std::unexpected(made.error());
  note_key(with, asked, made->id, nullptr);
  return with_secret(with, *made, 201);
}

result<reply> key_by_id(const services& with, const request& asked) {
  const auto found = named_key(with, asked, permission::keys_read);
  if (!found) return std::unexpected(found.error());
  return reply{.body = json_text(to_json(*found))};
}

result<reply> change_key(const services& with, const request& asked) {
  const auto found = named_key(with, asked, permission::keys_write);
  if (!found) return std::unexpected(found.error());
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  auto wanted = found->settings;
  const auto changed = read_key(*body, wanted);
  if (!changed) return std::unexpected(changed.error());
  if (auto may = may_set(asked, wanted, *changed); !may) return std::unexpected(std::move(may.error()));
  if (auto done = with.keys.update_key(found->id, std::move(wanted)); !done) return std::unexpected(std::move(done.error()));
  note_key(with, asked, found->id, &*found);
  return key_reply(with, found->id);
}

result<reply> delete_key(const services& with, const request& asked) {
  const auto found = named_key(with, asked, permission::keys_write);
  if (!found) return std::unexpected(found.error());
  if (auto done = with.keys.delete_key(found->id); !done) return std::unexpected(std::move(done.error()));
  note_key(with, asked, found->id, &*found);
  return reply{.body = json_text(json::object{{"id", found->id.view()}, {"deleted", true}})};
}

result<reply> rotate_key(const services& with, const request& asked) {
  const auto found = named_key(with, asked, permission::keys_write);
  if (!found) return std::unexpected(found.error());
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  body_reader in(*body, {});
  std::string text;
  nanoseconds overlap{};
  if (in.text("overlap", text)) {
    const auto span = parse_duration(text);
    if (span && *span >= nanoseconds{0} && *span <= longest_overlap) overlap = *span;
    else in.complain("overlap", "must be a duration up to 90d, such as 24h");
  }
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  const auto made = with.keys.rotate_key(found->id, overlap);
  if (!made) return std::unexpected(made.error());
  note_key(with, asked, found->id, &*found);
  return with_secret(with, *made, 200);
}

result<reply> block_key(const services& with, const request& asked) { return set_blocked(with, asked, &access::keyring::block_key); }
result<reply> unblock_key(const services& with, const request& asked) { return set_blocked(with, asked, &access::keyring::unblock_key); }

}  // namespace andon::admin::handlers
