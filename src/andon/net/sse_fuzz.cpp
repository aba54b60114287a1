// The reader against the obvious one, fed in pieces whose sizes the input's first byte chooses.
#include <cstdint>
#include <cstdlib>

#include "andon/net/sse.hpp"
#include "andon/net/sse_reference.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace andon::net;
  if (size == 0) return 0;
  const std::size_t piece = 1 + bytes[0];
  const std::string_view stream(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  sse_reader reader;
  std::vector<test::plain_event> got;
  std::string relayed;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    const std::string part(stream.substr(at, piece));
    reader.feed(part);
    while (auto event = reader.next()) {
      got.push_back({std::string(event->name), std::string(event->data), std::string(event->id), event->has_data});
      relayed.append(event->raw);
    }
  }
  relayed.append(reader.raw_rest());
  if (relayed != stream || got != test::read_slowly(stream)) std::abort();
  return 0;
}
