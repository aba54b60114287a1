#pragma once
// Drills for people.
#include <boost/json/value.hpp>
#include <string>

namespace andon::app::cli {

/// `recovery 1.25 s, loss 0 Records, …`: what is there; `-` for nothing.
std::string realised_text(const boost::json::value& drill);

}  // namespace andon::app::cli
