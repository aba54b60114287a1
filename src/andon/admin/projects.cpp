#include <boost/json.hpp>

#include "andon/access/budget_book.hpp"
#include "andon/admin/access_json.hpp"
#include "andon/admin/audit.hpp"
#include "andon/admin/body_reader.hpp"
#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"

namespace andon::admin::handlers {
namespace {

namespace json = boost::json;
using access::permission;

result<void> may_set(const request& asked, const project_id& project, changed_fields changed) {
  if (changed.limits_or_budgets && !asked.who->may(permission::budgets_write, project))
    return fail(errc::forbidden, "limits and budgets need the permission budgets.write");
  return {};
}

result<reply> project_reply(const services& with, const project_id& id, int status = 200) {
  const auto found = with.keys.project(id);
  if (!found) return std::unexpected(found.error());
  return reply{.status = status, .body = json_text(to_json(*found))};
}

void note_project(const services& with, const request& asked, const project_id& id, const result<access::project_settings>& before) {
  const auto now = with.keys.project(id);
  note_act(asked, "project " + id.str(), id, before ? to_json(*before) : json::object{}, now ? to_json(*now) : json::object{});
}

}  // namespace

result<reply> list_projects(const services& with, const request& asked) {
  json::array data;
  for (const auto& one : with.keys.projects())
    if (asked.who->may(permission::projects_read, one.id)) data.emplace_back(to_json(one));
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> create_project(const services& with, const request& asked) {
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  access::project_settings wanted;
  const auto changed = read_project(*body, wanted, true);
  if (!changed) return std::unexpected(changed.error());
  if (auto may = may_set(asked, wanted.id, *changed); !may) return std::unexpected(std::move(may.error()));
  const auto id = wanted.id;
  if (auto done = with.keys.create_project(std::move(wanted)); !done) return std::unexpected(std::move(done.error()));
  note_project(with, asked, id, fail(errc::not_found, {}));
  return project_reply(with, id, 201);
}

result<reply> project_by_id(const services& with, const request& asked) {
  const project_id id{asked.argument};
  if (!asked.who->may(permission::projects_read, id)) return fail(errc::forbidden, "this key may see its own project only");
  return project_reply(with, id);
}

result<reply> replace_project(const services& with, const request& asked) {
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  access::project_settings wanted;
  wanted.id = project_id{asked.argument};
  const auto changed = read_project(*body, wanted, false);
  if (!changed) return std::unexpected(changed.error());
  if (auto may = may_set(asked, wanted.id, *changed); !may) return std::unexpected(std::move(may.error()));
  const auto id = wanted.id;
  const auto before = with.keys.project(id);
  if (auto done = with.keys.update_project(std::move(wanted)); !done) return std::unexpected(std::move(done.error()));
  note_project(with, asked, id, before);
  return project_reply(with, id);
}

result<reply> delete_project(const services& with, const request& asked) {
  const project_id id{asked.argument};
  const auto before = with.keys.project(id);
  if (auto done = with.keys.delete_project(id); !done) return std::unexpected(std::move(done.error()));
  note_project(with, asked, id, before);
  return reply{.body = json_text(json::object{{"id", asked.argument}, {"deleted", true}})};
}

result<reply> budgets(const services& with, const request& asked) {
  const auto in_force = with.callers.current();
  const auto* self = asked.who->project.empty() || in_force == nullptr ? nullptr : in_force->find(asked.who->key);
  json::array data;
  if (in_force != nullptr)
    for (const auto& reading : access::read_budgets(*in_force, asked.now)) {
      if (!asked.who->project.empty() && (self == nullptr || !counts_for(*reading.rule, *self))) continue;
      data.emplace_back(to_json(reading));
    }
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

}  // namespace andon::admin::handlers
