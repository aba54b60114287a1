#pragma once
// What the verbs of alerts and of on-call share.
#include <boost/json/value.hpp>
#include <functional>
#include <string>
#include <vector>

#include "andon/alert/matcher.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/table.hpp"
#include "andon/base/clock.hpp"

namespace andon::app::cli {

struct list_form {
  std::string_view member = "data";  ///< of the answer, where it is an object
  bool sorted = false;               ///< by the first column; else in the gateway's order
};
/// A list from the gateway (an array, or a member of an object), as a table or as JSON lines. A row without cells is left out.
int show(const context& in, const std::string& target, std::vector<std::string> heads, const std::function<std::vector<std::string>(const boost::json::value&)>& row, list_form form = {});
/// An act: the reply as JSON, or what `say` makes of it.
int act(const context& in, const std::string& method, const std::string& target, const boost::json::value& body, const std::function<std::string(const boost::json::value&)>& say);
/// Several acts of one kind, each by its id: what `say` makes of each that is done, and why each other is not. 1 where one is not.
/// Ends with the first that the gateway does not answer.
int act_on_all(const context& in, const std::vector<std::string>& ids, const std::string& method, const std::function<std::string(const std::string&)>& target, const std::function<std::string(const std::string&)>& say);
/// `2027-01-31T08:00:00Z`, or a local time of the zone: `2027-01-31 08:00`, `2027-01-31`. The option's name is for complaints.
result<wall_time> read_moment(std::string_view option, const std::string& text, const std::string& zone);
/// The same for the gateway, which also takes a duration (`2h`) or nothing: these go to it as they are.
result<std::string> moment_or_duration(std::string_view option, const std::string& text, const std::string& zone);
/// Sends a trial and waits up to 20 s for the outcome: 0 when every message was delivered.
int test_receiver(const context& in, const std::string& receiver);

}  // namespace andon::app::cli
