// A body of members made from the input; removing any subset must equal what a slow rebuild gives.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "andon/llm/json_cursor.hpp"
#include "andon/llm/json_edit.hpp"

using namespace andon::llm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string body = "{";
  std::vector<byte_span> members;
  std::vector<std::string> kept;
  std::vector<bool> gone;
  for (std::size_t i = 0; i < size && i < 64; ++i) {
    std::string pad((data[i] >> 1) & 3, ' ');
    if (i > 0) body += pad + ",";
    body += pad;
    std::string member = "\"k" + std::to_string(i) + "\":" + ((data[i] & 8) ? "[1,{}]" : "\",\"");
    members.push_back({static_cast<std::uint32_t>(body.size()), static_cast<std::uint32_t>(member.size())});
    gone.push_back(data[i] & 1);
    if (!(data[i] & 1)) kept.push_back(member);
    body += member;
  }
  body += " }";
  json_edit edit{body};
  for (std::size_t i = members.size(); i-- > 0;)
    if (gone[i]) edit.remove_member(members[i]);
  std::string storage, squeezed, expected = "{";
  for (char c : edit.apply(storage))
    if (c != ' ') squeezed += c;
  for (const auto& member : kept) expected += (expected.size() > 1 ? "," : "") + member;
  if (squeezed != expected + "}") std::abort();
  return 0;
}
