#pragma once
#include <string_view>

namespace andon::net {

/// "HTTP/1.1 200 OK\r\n" for the usual codes; for others the line's reason is empty and `text` holds it.
std::string_view status_line(int status, char (&text)[24]);

}  // namespace andon::net
