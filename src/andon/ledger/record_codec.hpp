#pragma once
// Records as bytes: FlatBuffers by record.fbs. The schema grows only at its end, so old journals stay readable and a
// newer journal is readable by an older program, minus the fields it does not know.
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/ledger/record.hpp"

namespace andon::ledger {

using byte_span = std::span<const unsigned char>;

/// Turns Records into bytes in a buffer that it reuses. One owner, no locks. What encode returns is valid until the
/// next call. After a very large Record the buffer is given back, so that one 32 MiB body does not stay in memory.
class record_encoder {
public:
  record_encoder();
  ~record_encoder();
  record_encoder(record_encoder&&) noexcept;
  record_encoder& operator=(record_encoder&&) noexcept;

  [[nodiscard]] byte_span encode(const record& r);
  [[nodiscard]] byte_span encode(const opened& o);

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Checks the whole structure (flatbuffers::Verifier) and copies it out. errc::corrupt if the bytes are no Record.
[[nodiscard]] result<record> decode_record(byte_span bytes);
[[nodiscard]] result<opened> decode_opened(byte_span bytes);

/// Where bytes come from: a file may hold anything; what this process has encoded itself, and whose checksum holds, is sound.
enum class bytes_from : std::uint8_t { file, this_process };

/// A Record in its bytes: made by a check of the structure, then every field is read in place without copies or
/// allocation. Refers to the bytes it was made from. For the indexer and for scans that need few fields.
class record_view {
public:
  [[nodiscard]] static result<record_view> over(byte_span bytes, bytes_from whom = bytes_from::file);

  [[nodiscard]] request_id id() const;
  [[nodiscard]] wall_time started() const;
  [[nodiscard]] nanoseconds duration() const;
  [[nodiscard]] nanoseconds first_token() const;
  [[nodiscard]] nanoseconds upstream() const;
  [[nodiscard]] std::string_view project() const;
  [[nodiscard]] std::string_view key() const;
  [[nodiscard]] std::string_view user() const;
  [[nodiscard]] std::string_view session() const;
  [[nodiscard]] operation op() const;
  [[nodiscard]] std::string_view method() const;
  [[nodiscard]] std::string_view path() const;
  [[nodiscard]] std::string_view route() const;
  [[nodiscard]] std::string_view model() const;
  [[nodiscard]] std::string_view provider() const;
  [[nodiscard]] std::string_view upstream_model() const;
  [[nodiscard]] bool stream() const;
  [[nodiscard]] cache_use cache() const;
  [[nodiscard]] bool interrupted() const;
  [[nodiscard]] errc outcome() const;
  [[nodiscard]] std::uint16_t http_status() const;
  [[nodiscard]] std::string_view error_message() const;
  [[nodiscard]] delivery delivered() const;
  [[nodiscard]] std::string_view finish_reason() const;
  [[nodiscard]] llm::usage use() const;
  [[nodiscard]] nano_usd cost() const;
  [[nodiscard]] price_state price() const;
  [[nodiscard]] std::string_view client_address() const;
  [[nodiscard]] std::string_view user_agent() const;
  [[nodiscard]] std::string_view trace_id() const;
  [[nodiscard]] std::string_view content_type() const;
  [[nodiscard]] std::string_view request_body() const;
  [[nodiscard]] std::string_view reply_body() const;
  [[nodiscard]] std::uint64_t request_bytes() const;
  [[nodiscard]] std::uint64_t reply_bytes() const;
  [[nodiscard]] bool truncated() const;              ///< a body is not there whole
  [[nodiscard]] std::uint32_t stream_events() const;
  [[nodiscard]] nano_usd saved() const;
  [[nodiscard]] std::string_view region() const;
  [[nodiscard]] structure structured() const;
  [[nodiscard]] std::uint8_t transport() const;      ///< transport_bit
  [[nodiscard]] http_version http() const;
  [[nodiscard]] http_version upstream_http() const;  ///< of the last attempt
  [[nodiscard]] std::size_t tag_count() const;
  [[nodiscard]] std::string_view tag(std::size_t i) const;
  [[nodiscard]] std::size_t metadata_count() const;
  [[nodiscard]] std::pair<std::string_view, std::string_view> metadata(std::size_t i) const;
  [[nodiscard]] std::size_t attempt_count() const;
  [[nodiscard]] std::string_view attempt_model(std::size_t i) const;
  [[nodiscard]] record materialize() const;  ///< all fields, copied

private:
  explicit record_view(const void* table) : table_(table) {}
  const void* table_;
};

}  // namespace andon::ledger
