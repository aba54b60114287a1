#pragma once
// Rows of a reply `{"data":[…],…}` as the gateway wrote them, byte for byte: numbers keep their form.
#include <string_view>
#include <vector>

namespace andon::app::cli {

/// The elements of the array that is the first member of the document; empty if the text is not of that form.
std::vector<std::string_view> raw_rows(std::string_view body);

}  // namespace andon::app::cli
