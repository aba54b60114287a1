#pragma once
#include <string>

#include "andon/admin/admin_api.hpp"

namespace andon::admin {

/// The page at `/`: what runs here, how to get a key and make a call. Self-contained and without secrets; with
/// `#token=…` in its address it keeps the token in the tab's session storage and shows the status from the API.
std::string status_page(const services& with);

/// `&`, `<`, `>` and quotes replaced.
std::string escape_html(std::string_view text);

}  // namespace andon::admin
