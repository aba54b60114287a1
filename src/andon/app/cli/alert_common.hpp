#pragma once
// What the verbs of alerts and of on-call share.
#include <boost/json/value.hpp>
#include <functional>
#include <string>
#include <vector>

#include "andon/alert/matcher.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {

/// A list from the gateway (an array, or an object's `data`), as a table or as JSON lines. A row without cells is left out.
int show(const context& in, const std::string& target, std::vector<std::string> heads, const std::function<std::vector<std::string>(const boost::json::value&)>& row);
/// An act: the reply as JSON, or what `say` makes of it.
int act(const context& in, const std::string& method, const std::string& target, const boost::json::value& body, const std::function<std::string(const boost::json::value&)>& say);
/// Sends a trial and waits up to 20 s for the outcome: 0 when every message was delivered.
int test_receiver(const context& in, const std::string& receiver);

}  // namespace andon::app::cli
