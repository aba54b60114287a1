#include <kainjow/mustache.hpp>

#include "andon/business/statement_text.hpp"

namespace andon::business {
namespace {

using kainjow::mustache::data;
using words = statement_words;

constexpr const char* page = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{title}}</title>
<style>
body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;break-after:avoid}
table{border-collapse:collapse;width:100%;margin:.6rem 0}th,td{border-bottom:1px solid #ccc;padding:.25rem .5rem;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}tr{break-inside:avoid}
.missed{color:#a00;font-weight:600}.kept{color:#060;font-weight:600}.state{border:1px solid #888;padding:.5rem}
code{font-size:.85em;overflow-wrap:anywhere}small{color:#444}
@page{size:A4;margin:18mm}
</style></head><body>
<h1>{{title}}</h1>
<p class="state">{{state}}</p>
<table>
{{#facts}}<tr><th>{{name}}</th><td>{{value}}</td></tr>
{{/facts}}</table>
{{#has_description}}<p>{{description}}</p>{{/has_description}}
<h2>Promises</h2>
<table><tr><th>objective</th><th class="n">promised</th><th class="n">attained</th><th>verdict</th><th class="n">credit</th></tr>
{{#lines}}<tr><td>{{name}}</td><td class="n">{{promised}} %</td><td class="n">{{attained}}</td><td class="{{class}}">{{verdict}}</td><td class="n">{{credit}} %</td></tr>
{{/lines}}</table>
{{#remarks}}<p><small>{{text}}</small></p>{{/remarks}}
{{#lines}}
<h2>{{name}}</h2>
<p>{{description}}</p>
<table>
{{#numbers}}<tr><th>{{name}}</th><td>{{value}}</td></tr>
{{/numbers}}</table>
{{#has_tiers}}<table><tr><th>when less than this is attained</th><th>credit</th></tr>
{{#tiers}}<tr><td>{{below}} %</td><td>{{credit}} %</td></tr>
{{/tiers}}</table>{{/has_tiers}}
{{#has_causes}}<table><tr><th>what was bad</th><th class="n">events</th></tr>
{{#causes}}<tr><td>{{what}}</td><td class="n">{{bad}}</td></tr>
{{/causes}}</table>{{/has_causes}}
<table><tr><th>day</th><th class="n">good</th><th class="n">all</th><th class="n">attained</th><th class="n">excluded</th><th class="n">hours without events</th></tr>
{{#days}}<tr><td>{{date}}</td><td class="n">{{good}}</td><td class="n">{{total}}</td><td class="n">{{attained}}</td><td class="n">{{excluded}}</td><td class="n">{{silent}}</td></tr>
{{/days}}</table>
<p>Counted again from the ledger by:</p>
{{#recount}}<p><code>{{text}}</code></p>
{{/recount}}
{{/lines}}
<h2>Times that do not count</h2>
{{^has_excluded}}<p>None.</p>{{/has_excluded}}
{{#has_excluded}}<table><tr><th>from</th><th>to</th><th>reason</th><th>of</th></tr>
{{#excluded}}<tr><td>{{from}}</td><td>{{to}}</td><td>{{reason}}</td><td>{{of}}</td></tr>
{{/excluded}}</table>{{/has_excluded}}
<h2>Incidents</h2>
{{^has_incidents}}<p>None.</p>{{/has_incidents}}
{{#has_incidents}}<table><tr><th>incident</th><th>what</th><th>severity</th><th>opened</th><th>over</th></tr>
{{#incidents}}<tr><td>{{id}}</td><td>{{title}}</td><td>{{severity}}</td><td>{{opened}}</td><td>{{resolved}}</td></tr>
{{/incidents}}</table>{{/has_incidents}}
{{#has_notes}}<p>{{notes}}</p>{{/has_notes}}
<p><small>SHA-256 of this statement as JSON: <code>{{digest}}</code></small></p>
</body></html>
)";

class builder {
public:
  explicit builder(const statement& from) : from_(from), zone_(*from.of.zone) {}

  data build(std::string_view digest) {
    data out;
    out.set("title", words::title(from_));
    out.set("state", words::state(from_));
    out.set("facts", facts());
    data lines{data::type::list};
    for (const auto& one : from_.lines) lines << line(one);
    out.set("lines", lines);
    list(out, "remarks", from_.remarks, [](const std::string& text) { return data{"text", text}; });
    list(out, "excluded", from_.excluded, [&](const excluded_time& one) { return row({{"from", at(one.from)}, {"to", at(one.to)}, {"reason", one.reason}, {"of", one.objective.empty() ? "the agreement" : one.objective}}); });
    list(out, "incidents", from_.incidents, [&](const told_incident& one) {
      return row({{"id", one.id}, {"title", one.title}, {"severity", one.severity}, {"opened", at(one.opened)}, {"resolved", one.resolved ? at(*one.resolved) : one.state}});
    });
    text(out, "description", from_.of.description);
    text(out, "notes", from_.of.notes);
    out.set("digest", std::string(digest));
    return out;
  }

private:
  using pairs = std::vector<std::pair<std::string, std::string>>;

  static data row(const pairs& cells) {
    data out;
    for (const auto& [name, value] : cells) out.set(name, value);
    return out;
  }
  template <class All, class F>
  static void list(data& into, const std::string& name, const All& all, F&& each) {
    data out{data::type::list};
    for (const auto& one : all) out << each(one);
    into.set(name, out);
    into.set("has_" + name, all.empty() ? data::type::bool_false : data::type::bool_true);
  }
  static void text(data& into, const std::string& name, const std::string& value) {
    into.set(name, value);
    into.set("has_" + name, value.empty() ? data::type::bool_false : data::type::bool_true);
  }
  [[nodiscard]] std::string at(instant when) const { return local_text(when, zone_); }

  [[nodiscard]] data facts() const {
    data out{data::type::list};
    for (const auto& [name, value] : words::facts(from_)) out << row({{"name", name}, {"value", value}});
    return out;
  }

  [[nodiscard]] data line(const promise_line& of) const {
    auto out = row({{"name", of.title.empty() ? of.objective : of.title}, {"promised", percent_text(of.promised)}, {"attained", words::attained(of)},
                    {"verdict", words::verdict(of)}, {"class", !of.kept ? "" : *of.kept ? "kept" : "missed"}, {"credit", percent_text(of.credit)}, {"description", of.description}});
    list(out, "numbers", words::numbers(of), [](const auto& one) { return row({{"name", one.first}, {"value", one.second}}); });
    list(out, "tiers", of.tiers, [](const credit_tier& one) { return row({{"below", percent_text(one.below)}, {"credit", percent_text(one.credit)}}); });
    list(out, "causes", of.causes, [](const auto& one) { return row({{"what", words::cause(one.first)}, {"bad", std::to_string(one.second)}}); });
    list(out, "days", of.days, [&](const day_line& one) {
      return row({{"date", one.date}, {"good", words::count(one.events.good, of.unit)}, {"total", words::count(one.events.total, of.unit)},
                  {"attained", one.events.empty() ? "no data" : attained_text(one.events) + " %"}, {"excluded", words::count(one.excluded.total, of.unit)},
                  {"silent", std::to_string(one.silent_hours)}});
    });
    list(out, "recount", of.recount, [](const std::string& text) { return data{"text", text}; });
    return out;
  }

  const statement& from_;
  const time_zone& zone_;
};

}  // namespace

std::string statement_html(const statement& from, std::string_view digest) {
  kainjow::mustache::mustache made(page);
  return made.render(builder(from).build(digest));
}

}  // namespace andon::business
