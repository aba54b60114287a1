#include "andon/admin/status_page.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace andon::admin {
namespace {

constexpr std::string_view head = R"(<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Andon</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;margin:3rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.05rem;margin-top:2rem}code,pre{font:13px/1.5 ui-monospace,monospace}pre{background:#f3f4f6;padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere;border-radius:4px}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid #e5e7eb;vertical-align:top}
.good{color:#047857}.bad{color:#b91c1c}input{font:inherit;padding:.2rem .4rem}@media(prefers-color-scheme:dark){body{background:#111;color:#e5e5e5}pre{background:#1e1e1e}td,th{border-color:#333}}
</style></head><body>)";

/// What is wrong stands first; only for those who have a token.
constexpr std::string_view live = R"(<section id="live" hidden><p id="problem" class="bad"></p>
<div id="pressing" hidden><h2 class="bad">Firing</h2><table id="firing"></table><h2>Incidents of a day</h2><table id="incidents"></table></div>
<h2>Now</h2><table id="now"></table>
<div id="promised" hidden><h2>Objectives</h2><table id="objectives"></table></div><h2>Last calls</h2>
<p><label>Filter <input id="q" size="50" placeholder="status&gt;=400 since:1h"></label></p><table id="calls"></table></section>
<p id="closed">To see alerts, incidents, objectives and calls here, add <code>#token=…</code> to the address, with what the file <code>admin-token</code> of the data directory holds.</p>)";

constexpr std::string_view script = R"html(<script>
"use strict";
const given=new URLSearchParams(location.hash.slice(1)).get("token");
if(given){sessionStorage.setItem("andon-token",given);history.replaceState(null,"",location.pathname)}
const token=sessionStorage.getItem("andon-token");
const cell=(row,text,kind)=>{const c=document.createElement(kind||"td");c.textContent=text;row.append(c)};
const fill=(table,rows,head)=>{table.replaceChildren();if(head){const r=document.createElement("tr");head.forEach(h=>cell(r,h,"th"));table.append(r)}
rows.forEach(one=>{const r=document.createElement("tr");one.forEach(v=>cell(r,v));table.append(r)})};
const took=s=>s<1?(s*1000).toFixed(1)+" ms":s.toFixed(2)+" s";
const share=x=>x===null||x===undefined?"no data":x<-10?"far below 0":(x*100).toPrecision(5)+" %";
const minute=at=>at?at.slice(0,16).replace("T"," "):"";
const night=async()=>{try{const r=await ask("/api/v1/report?since=1d&brief=true"),a=r.alerts,i=r.incidents;document.getElementById("pressing").hidden=!a.firing.length&&!i.length;
fill(document.getElementById("firing"),a.firing.map(x=>[x.severity,x.name,minute(x.since),x.summary]),["severity","alert","since (UTC)","what"]);
fill(document.getElementById("incidents"),i.map(x=>[x.id,x.state,x.title,minute(x.opened),x.acknowledged_by||""]),["incident","state","what","opened (UTC)","acknowledged by"]);
duty=r.on_call.map(x=>[x.schedule+" on call",x.person||"nobody"])}catch(e){document.getElementById("pressing").hidden=true;duty=[]}};
let duty=[];
const promised=async()=>{try{const o=(await ask("/api/v1/objectives")).data;document.getElementById("promised").hidden=!o.length;
o.sort((a,b)=>(a.budget_left??2)-(b.budget_left??2));
fill(document.getElementById("objectives"),o.map(x=>[x.name,x.state,share(x.target),share(x.ratio),share(x.budget_left),x.firing.length||""]),
["objective","state","promised","attained","budget left","alerts"]);
[...document.getElementById("objectives").rows].slice(1).forEach((row,n)=>{if((o[n].budget_left??1)<=0)row.className="bad"})}catch(e){document.getElementById("promised").hidden=true}};
const ask=async path=>{const r=await fetch(path,{headers:{Authorization:"Bearer "+token}});const b=await r.json();if(!r.ok)throw new Error(b.error.message);return b};
const pressing=s=>{const a=s.alerts,d=s.decisions,r=s.drill,rows=[];
if(a)rows.push(["alerts firing",a.quiet?a.firing+", "+a.quiet+" of them quieted":a.firing],["incidents open",a.open_incidents],["dead letters",a.dead_letters]);
if(d){rows.push(["Decisions in force",d.in_force]);if(d.frozen_by)rows.push(["plan frozen by",d.frozen_by]);if(d.file_apart)rows.push(["file not in force",d.file_apart])}
if(r)rows.push(["drill under way",[r.kind,r.target,r.phase].join(" ")]);
if(s.needs_restart)rows.push(["in force after a restart only",s.needs_restart.join(", ")]);
if((s.ledger||{}).index_problem)rows.push(["index",s.ledger.index_problem]);return rows};
const show=async()=>{try{const s=await ask("/api/v1/status");const l=s.ledger||{};
fill(document.getElementById("now"),[["keys",s.keys],["projects",s.projects],["routes",s.plan?s.plan.routes:0],["calls under way",s.calls_under_way],
["Records",l.appended],["indexed / waiting / dropped",[l.indexed,l.waiting,l.dropped].join(" / ")],["up for",s.uptime_s+" s"],...duty,...pressing(s)]);
const q=document.getElementById("q").value;const p=await ask("/api/v1/records?limit=20&q="+encodeURIComponent(q));
fill(document.getElementById("calls"),p.data.map(r=>[r.started.slice(0,19),r.id,r.project,r.route,r.status,took(Number(r.duration_s)),r.cost_usd===null?"unknown":"$"+r.cost_usd]),
["time","id","project","route","status","took","cost"]);document.getElementById("problem").textContent=""}catch(e){document.getElementById("problem").textContent=e.message}};
const often=()=>{show();promised()};
if(token){document.getElementById("live").hidden=false;document.getElementById("closed").hidden=true;document.getElementById("q").addEventListener("change",show);night();often();setInterval(often,5000);setInterval(night,30000)}
</script></body></html>
)html";

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string status_page(const services& with) {
  const auto gateway = escape_html(with.gateway_address);
  std::string model = "sim";
  if (const auto plan = with.plan(); plan && plan->find("sim") == nullptr && !plan->routes.empty()) model = plan->routes.front()->name.str();
  std::string out(head);
  out += fmt::format("<h1>Andon {}</h1><p class=\"{}\">{}</p><table><tr><td>gateway</td><td><code>{}/v1</code></td></tr>"
                     "<tr><td>metrics</td><td><code>/metrics</code></td></tr><tr><td>admin API</td><td><code>/api/v1/paths</code></td></tr></table>",
                     escape_html(with.version), with.ready() ? "good" : "bad", with.ready() ? "ready" : "not ready", gateway);
  out += live;
  const bool has_default = std::ranges::any_of(with.keys.projects(), [](const auto& one) { return one.id.view() == "default"; });
  out += fmt::format("<h2>Get a key</h2><pre>andon project list\nandon key create --project {} --name my-app</pre><h2>Make a call</h2>"
                     "<pre>curl {}/v1/chat/completions -H 'Authorization: Bearer sk-andon-…' -H 'Content-Type: application/json' \\\n"
                     "  -d '{{\"model\":\"{}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'</pre>"
                     "<h2>Find it again</h2><pre>andon ledger search hello</pre>",
                     has_default ? "default" : "NAME", gateway, escape_html(model));
  out += script;
  return out;
}

}  // namespace andon::admin
