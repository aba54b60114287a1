// Any bytes as a segment file and as entries: scanning, reading and recovering never crash and never loop.
#include <cstring>
#include <vector>

#include "andon/ledger/journal_testing.hpp"
#include "andon/ledger/recovery.hpp"
#include "andon/ledger/segment.hpp"

namespace {

using namespace andon;
using namespace andon::ledger;

/// A sound header, so that the bytes behind it are reached, then the fuzzer's bytes as XORs over sound entries.
std::vector<unsigned char> segment_with(std::span<const unsigned char> changes) {
  const segment_identity identity = make_identity(16 << 10, 0, wall_time{});
  const segment_activation activation{.stream = 0, .sequence = 1};
  std::vector<unsigned char> file(16 << 10);
  write_identity(file.data(), identity);
  write_activation(file.data(), identity, activation);
  const auto seed = seed_of(identity, activation);
  std::uint64_t at = segment_header_bytes;
  record_encoder encoder;
  for (std::uint32_t n = 0; n < 8; ++n) {
    const auto payload = n % 2 == 0 ? encoder.encode(ledger::testing::opened_number(n)) : encoder.encode(ledger::testing::record_number(n));
    entry_head head{.commit = commit_word(n % 2 == 0 ? entry_kind::opened : entry_kind::record, static_cast<std::uint32_t>(payload.size())),
                    .body = body_checksum(payload, seed, at), .serial = n, .time = n, .entry = n, .record = n / 2};
    head.head = head_checksum(head, seed, at);
    std::memcpy(file.data() + at, &head, sizeof head);
    std::memcpy(file.data() + at + entry_header_bytes, payload.data(), payload.size());
    at += entry_bytes(payload.size());
  }
  for (std::size_t i = 0; i + 3 <= changes.size(); i += 3) {
    const std::size_t where = (changes[i] | (std::size_t{changes[i + 1]} << 8)) % file.size();
    file[where] ^= changes[i + 2];
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  (void)decode_record({data, size});
  (void)decode_opened({data, size});
  (void)parse_header({data, size});
  std::vector<open_exchange> carried;
  (void)decode_carry({data, size}, carried);

  static const ledger::testing::temporary_directory home;
  const auto file = home.path() / segment_file_name(0, 1);
  const auto bytes = segment_with({data, size});
  auto& files = file_operations::machine();
  auto fd = files.open(file, file_operations::access::create);
  if (!fd) return 0;
  (void)files.write_at(*fd, bytes, 0);
  file_operations::close(*fd);
  {
    simulated_clock clk;
    ledger::testing::failing_files quiet;
    if (auto segments = open_segments(home.path())) {
      (void)verify(**segments);
      (void)ledger::testing::read_all(*segments);
    }
    if (auto j = journal::open(ledger::testing::small_options(home.path()), clk, nullptr, &quiet)) (void)(*j)->writer(0).append_record(ledger::testing::record_number(99));
  }
  const auto left = files.list(home.path());
  if (left)
    for (const auto& f : *left) (void)files.remove(f);
  return 0;
}
