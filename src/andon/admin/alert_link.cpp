// The page behind the links in messages: GET asks, POST acts. Whoever has the link is whom it was sent to; programs that
// open links to look at them change nothing.
#include <fmt/format.h>

#include "andon/admin/alerts.hpp"
#include "andon/admin/audit.hpp"
#include "andon/admin/status_page.hpp"

namespace andon::admin::handlers {
namespace {

reply page(const std::string& title, const std::string& inside) {
  return {.body = fmt::format("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title>"
                              "<style>body{{font:1.1em/1.5 system-ui;max-width:36em;margin:3em auto;padding:0 1em}}button{{font-size:1.2em;padding:.6em 1.4em}}</style></head>"
                              "<body><h1>{0}</h1>{1}</body></html>", escape_html(title), inside),
          .content_type = "text/html; charset=utf-8", .has_form = true};
}

result<std::optional<alert::incident>> incident_of(alert::board& board, std::int64_t number) {
  result<std::optional<alert::incident>> out;
  board.read([&](const alert::board_view& from) { out = from.store.find_incident(number); });
  return out;
}

std::string state_line(const alert::incident& from) {
  std::string by;
  if (from.state == alert::incident_state::acknowledged) by = " by " + from.acknowledged_by;
  if (from.state == alert::incident_state::resolved) by = " by " + from.resolved_by;
  return fmt::format("<p>{}</p><p>{} is <b>{}</b>{}.</p>", escape_html(from.title), from.id(), alert::to_string(from.state), escape_html(by));
}

/// The state is what the link is for, or beyond it.
bool is_done(const alert::incident& one, alert::link_action action) {
  return one.state == alert::incident_state::resolved || (action == alert::link_action::acknowledge && one.state == alert::incident_state::acknowledged);
}

/// Somebody acknowledged by this link, and then another alert came: nobody may think that it is looked after.
reply spent_link(const alert::incident& one, alert::link_action action) {
  const bool acknowledges = action == alert::link_action::acknowledge;
  auto out = page(acknowledges ? "Not acknowledged" : "Not resolved",
                  state_line(one) + fmt::format("<p>This link was used before. The newest message about {0} has one that can be used; or: <code>andon incident {1} {0}</code>.</p>", one.id(),
                                                acknowledges ? "ack" : "resolve"));
  out.status = 409;
  out.problem = "this link was used before";
  return out;
}

}  // namespace

reply refused_link(const error& why) {
  constexpr int first_of_server = 500;
  const int status = kind_of(why.code).http_status;
  const bool is_ours = status >= first_of_server;
  auto out = page(is_ours ? "That did not work" : "This link cannot be used",
                  "<p>" + escape_html(why.message) + ".</p><p>" + (is_ours ? "Nothing was changed; try it again." : "The newest message about the incident has one that can.") +
                      " Without it: <code>andon incident list</code> shows what is open, <code>andon incident ack inc_…</code> acknowledges.</p>");
  out.status = status;
  out.problem = why.message;
  return out;
}

result<reply> link_page(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto link = (*board)->read_link(asked.argument, asked.now);
  if (!link) return refused_link(link.error());
  const auto found = incident_of(**board, link->incident);
  if (!found) return refused_link(found.error());
  if (!*found) return refused_link({errc::not_found, "the incident of this link is not there any more"});
  const auto& one = **found;
  if (is_done(one, link->action)) return page(one.id(), state_line(one));
  const auto used = (*board)->is_link_used(asked.argument);
  if (!used) return refused_link(used.error());
  if (*used) return spent_link(one, link->action);
  const std::string verb = link->action == alert::link_action::acknowledge ? "Acknowledge" : "Resolve";
  return page(verb + " " + one.id() + "?", state_line(one) + fmt::format("<form method=\"post\"><button type=\"submit\">{}</button></form><p>As {}.</p>", verb, escape_html(link->who)));
}

result<reply> follow_link(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto link = (*board)->read_link(asked.argument, asked.now);
  if (!link) return refused_link(link.error());
  const auto done = (*board)->follow_link(asked.argument, asked.now);
  note_act(asked, fmt::format("incident inc_{}", link->incident), {}, {}, {{"state", done ? alert::to_string(done->state) : std::string_view("unchanged")}, {"by", link->who}});
  if (done) return page("Done", state_line(*done));
  if (done.error().code != errc::conflict) return refused_link(done.error());
  const auto found = incident_of(**board, link->incident);  // pressed twice, or somebody else was quicker: as good as done
  if (!found || !*found) return refused_link(done.error());
  if (!is_done(**found, link->action)) return spent_link(**found, link->action);
  auto out = page("Nothing to do", state_line(**found) + "<p>" + escape_html(done.error().message) + ".</p>");
  out.status = 409;
  out.problem = done.error().message;
  return out;
}

}  // namespace andon::admin::handlers
