// The head parser and the chunk reader on arbitrary bytes: whatever they accept, Beast's parser reads in the same way,
// and feeding in two pieces changes nothing.
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdlib>

#include "andon/net/chunked.hpp"
#include "andon/net/http_head.hpp"

namespace {

using namespace andon::net;
namespace http = boost::beast::http;

void require(bool holds) {
  if (!holds) std::abort();
}

void compare_with_beast(std::string_view bytes, const request_head& head) {
  http::request_parser<http::empty_body> other;
  other.header_limit(1 << 20);
  other.body_limit(boost::none);
  boost::system::error_code failed;
  std::size_t start = 0;
  while (bytes.substr(start).starts_with("\r\n")) start += 2;
  other.put(boost::asio::buffer(bytes.data() + start, head.size - start), failed);
  if (failed && failed != http::error::need_more && failed != http::error::end_of_stream) return;  // stricter than we are
  require(other.is_header_done());
  const auto& message = other.get();
  require(message.method_string() == head.method);
  require(message.version() == (head.http_1_0 ? 10u : 11u));
  require(static_cast<std::size_t>(std::distance(message.begin(), message.end())) == head.headers.size());
  for (const auto& line : head.headers) require(message.count(line.name) != 0);
  require(other.chunked() == head.chunked);
  if (head.has_length) require(other.content_length().has_value() && *other.content_length() == head.content_length);
  require(!(head.has_length && head.chunked));
}

void read_head(std::string_view bytes, std::size_t split) {
  head_parser whole({.max_size = 4096, .max_headers = 64});
  request_head head;
  const auto state = whole.parse(bytes, head);
  head_parser pieces({.max_size = 4096, .max_headers = 64});
  request_head again;
  auto piecewise = pieces.parse(bytes.substr(0, split), again);
  if (piecewise == head_state::more) piecewise = pieces.parse(bytes, again);
  require((state == head_state::complete) == (piecewise == head_state::complete));
  if (state == head_state::bad) require(!whole.why().empty());
  if (state != head_state::complete) return;
  require(head.size == again.size && head.headers.size() == again.headers.size() && head.path == again.path);
  require(head.http_1_0 || !head.host.empty());
  compare_with_beast(bytes, head);
}

void read_chunks(std::string_view bytes, std::size_t split) {
  chunk_reader whole(10'000);
  chunk_reader pieces(10'000);
  std::string body;
  std::string again;
  std::size_t used = 0;
  std::size_t first = 0;
  std::size_t second = 0;
  const auto state = whole.take(bytes, body, used);
  auto piecewise = pieces.take(bytes.substr(0, split), again, first);
  if (piecewise == chunk_reader::state::more) piecewise = pieces.take(bytes.substr(split), again, second);
  require(state == piecewise && body == again && body.size() <= 10'000);
  if (state == chunk_reader::state::done) require(used == first + second);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t split = data[0] % bytes.size();
  read_head(bytes, split);
  read_chunks(bytes, split);
  return 0;
}
