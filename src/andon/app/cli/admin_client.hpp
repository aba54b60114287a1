#pragma once
// Talks to the running gateway of a data directory: address and token are files in it.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

#include "andon/base/error.hpp"
#include "andon/base/secret.hpp"
#include "andon/net/http_client.hpp"

namespace andon::app::cli {

/// `a=1&b=x%20y`, in order; pairs with an empty value are left out.
std::string query_text(const std::vector<std::pair<std::string, std::string>>& arguments);
/// For one segment of a path.
std::string percent_encode(std::string_view text);

/// One blocking HTTP request on an event loop of its own.
struct plain_reply {
  int status = 0;
  std::string body;
  std::string content_type;
};
/// `piece` set: the body of a 2xx reply goes there as it comes, and an error it returns ends the request.
result<plain_reply> send_request(const net::endpoint& to, std::string_view method, std::string_view target, const net::header_lines& headers,
                                 std::string_view body, nanoseconds patience, const std::function<result<void>(std::string_view)>& piece = {});

class admin_client {
public:
  /// errc::unavailable: "no gateway is running on this data directory (…)".
  static result<admin_client> open(const std::string& data_directory);

  /// The reply's document. An error reply becomes an error with the gateway's message.
  [[nodiscard]] result<boost::json::value> call(std::string_view method, std::string_view target, std::string_view body = {}) const;
  [[nodiscard]] result<std::string> text(std::string_view method, std::string_view target, std::string_view body = {}) const;
  result<void> stream(std::string_view target, const std::function<result<void>(std::string_view)>& piece) const;

private:
  admin_client(std::string data, net::endpoint to, secret token) : data_(std::move(data)), to_(std::move(to)), token_(std::move(token)) {}
  [[nodiscard]] result<plain_reply> send(std::string_view method, std::string_view target, std::string_view body,
                                         const std::function<result<void>(std::string_view)>& piece) const;
  std::string data_;
  net::endpoint to_;
  secret token_;
};

/// First line of a small file of the data directory; nothing if it is not there.
std::optional<std::string> read_line_of(const std::string& data_directory, std::string_view file);

}  // namespace andon::app::cli
