#include "andon/ledger/audit_log.hpp"
#include "audit_generated.h"

namespace andon::ledger {
namespace {

using flatbuffers::FlatBufferBuilder;

constexpr std::size_t longest_text = 8u << 10;
constexpr flatbuffers::uoffset_t max_tables = 16;

flatbuffers::Offset<flatbuffers::String> text(FlatBufferBuilder& b, std::string_view s) {
  s = s.substr(0, longest_text);
  return s.empty() ? flatbuffers::Offset<flatbuffers::String>{} : b.CreateString(s.data(), s.size());
}

std::string copy(const flatbuffers::String* from) { return from == nullptr ? std::string{} : from->str(); }

}  // namespace

std::vector<unsigned char> encode_audit(const audit_entry& from, bool ended) {
  FlatBufferBuilder b(1024);
  const auto key = text(b, from.key), role = text(b, from.role), project = text(b, from.project), peer = text(b, from.peer);
  const auto action = text(b, from.action), path = text(b, from.path), target = text(b, from.target), concerned = text(b, from.target_project);
  const auto before = text(b, from.before), after = text(b, from.after), reason = text(b, from.reason);
  b.Finish(fb::CreateAct(b, from.id.high(), from.id.low(), from.began.time_since_epoch().count(), from.took.count(), ended, from.interrupted, key, role,
                         project, peer, action, path, target, concerned, before, after, from.status, reason, from.unlisted));
  return {b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize()};
}

result<std::pair<audit_entry, bool>> decode_audit(byte_span bytes) {
  flatbuffers::Verifier check(bytes.data(), bytes.size(), 8, max_tables);
  if (!check.VerifyBuffer<fb::Act>(nullptr)) return fail(errc::corrupt, "these bytes are no audit entry");
  const auto& from = *flatbuffers::GetRoot<fb::Act>(bytes.data());
  audit_entry out;
  out.id = request_id::from_words(from.id_high(), from.id_low());
  out.began = wall_time{nanoseconds{from.began()}};
  out.took = nanoseconds{from.took()};
  out.interrupted = from.interrupted();
  out.key = copy(from.key());
  out.role = copy(from.role());
  out.project = copy(from.project());
  out.peer = copy(from.peer());
  out.action = copy(from.action());
  out.path = copy(from.path());
  out.target = copy(from.target());
  out.target_project = copy(from.target_project());
  out.before = copy(from.before());
  out.after = copy(from.after());
  out.status = from.status();
  out.reason = copy(from.reason());
  out.unlisted = from.unlisted();
  return std::pair{std::move(out), from.ended()};
}

}  // namespace andon::ledger
