#pragma once
// A JSON document as text, numbers in their shortest plain form (0.25, not 2.5E-1).
#include <boost/json/value.hpp>
#include <string>

namespace andon::admin {

std::string json_text(const boost::json::value& from);

}  // namespace andon::admin
