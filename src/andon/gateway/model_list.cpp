#include "andon/gateway/model_list.hpp"

#include "andon/gateway/stages.hpp"

namespace andon::gateway {
namespace {

std::int64_t seconds_of(wall_time at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

bool visible(const exchange& x, const served_route& route) {
  const auto index = x.who.in()->find_route(route.name.view());
  return index != access::route_index::none && x.who->may_use(index);
}

llm::openai::model_entry entry_of(const exchange& x, const served_route& route) {
  return {route.name.view(), "andon", seconds_of(x.under->made)};
}

result<std::string> body_for(const exchange& x) {
  if (!x.asked.argument.empty()) {
    const auto* route = x.under->find(x.asked.argument);
    if (route == nullptr || !visible(x, *route))
      return fail(errc::model_not_found, "The model '" + x.asked.argument + "' does not exist or you do not have access to it.", "model");
    return llm::openai::model_json(entry_of(x, *route));
  }
  std::vector<llm::openai::model_entry> all;
  for (const auto& route : x.under->routes)
    if (visible(x, *route)) all.push_back(entry_of(x, *route));
  return llm::openai::models_list(all);
}

}  // namespace

net::task<result<void>> answer_models(gateway& on, exchange& x) {
  if (!access::allows(x.who->role, access::permission::models_list))
    co_return fail(errc::forbidden, "A key of role " + std::string(access::to_string(x.who->role)) + " may not list models.");
  x.account.op = ledger::operation::models;
  auto body = body_for(x);
  if (!body) co_return std::unexpected(std::move(body.error()));
  x.account.http_status = 200;
  x.account.reply_body = *body;
  x.account.content_type = "application/json";
  add_common_headers(on, x, nullptr);
  x.headers.add("content-type", "application/json");
  x.account.delivered = ledger::delivery::complete;
  (void)co_await close(on, x, nullptr);
  (void)co_await x.call->respond(200, x.headers.lines(), x.account.reply_body);
  co_return result<void>{};
}

}  // namespace andon::gateway
