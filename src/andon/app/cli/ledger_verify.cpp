#include "andon/app/cli/ledger_verify.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>
#include <optional>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/master_key.hpp"
#include "andon/app/cli/table.hpp"
#include "andon/ledger/journal_reader.hpp"
#include "andon/ledger/keyring.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

result<std::optional<ledger::keyring>> open_keys(const std::filesystem::path& data, const std::string& text) {
  if (!std::filesystem::exists(data / "keyring")) return std::nullopt;
  if (text.empty()) return fail(errc::invalid_argument, "the ledger is encrypted: give its master key with --encryption-key file:PATH or ${NAME}");
  const auto master = read_master_key(text);
  if (!master) return std::unexpected(master.error());
  auto ring = ledger::keyring::open(data / "keyring", *master);
  if (!ring) return std::unexpected(ring.error());
  return std::optional(std::move(*ring));
}

int print(const context& in, const json::object& found) {
  const bool whole = found.at("whole").as_bool();
  if (in.json) {
    fmt::print(stdout, "{}\n", json::serialize(found));
    return whole ? done : failed;
  }
  table out({"STREAM", "SEGMENT", "RECORDS", "ENTRIES", "BYTES", "LOST", "PROBLEM"});
  for (const auto& one : found.at("segments").as_array())
    out.add({cell(one, "stream"), cell(one, "segment"), cell(one, "records"), cell(one, "entries"), cell(one, "bytes"), cell(one, "lost_records"), cell(one, "problem")});
  fmt::print(stdout, "{}{} Records, {} lost, {} damaged bytes: {}\n", out.text(in.terminal), json::serialize(found.at("records")),
             json::serialize(found.at("lost_records")), json::serialize(found.at("damaged_bytes")), whole ? "whole" : "DAMAGED");
  return whole ? done : failed;
}

int verify_files(const context& in, const std::string& encryption_key) {
  const std::filesystem::path data(in.data);
  if (!std::filesystem::is_directory(data / "journal")) return complain({errc::not_found, fmt::format("{} holds no journal", in.data)});
  const auto keys = open_keys(data, encryption_key);
  if (!keys) return complain(keys.error());
  const auto segments = ledger::open_segments(data / "journal", *keys ? &**keys : nullptr);
  if (!segments) return complain(segments.error());
  json::array rows;
  bool whole = true;
  std::uint64_t records = 0, lost = 0, damaged = 0;
  for (const auto& one : ledger::verify(**segments)) {
    whole = whole && one.problem.empty();
    records += one.records;
    lost += one.lost_records;
    damaged += one.damaged_bytes;
    rows.emplace_back(json::object{{"stream", one.stream}, {"segment", one.segment}, {"file", one.file.filename().string()}, {"bytes", one.bytes},
                                   {"entries", one.entries}, {"records", one.records}, {"lost_records", one.lost_records},
                                   {"damaged_bytes", one.damaged_bytes}, {"problem", one.problem}});
  }
  return print(in, {{"whole", whole}, {"records", records}, {"lost_records", lost}, {"damaged_bytes", damaged}, {"segments", std::move(rows)}});
}

}  // namespace

int verify_ledger(const context& in, bool offline, const std::string& encryption_key) {
  if (offline) return verify_files(in, encryption_key);
  const auto client = admin_client::open(in.data);
  if (!client) return verify_files(in, encryption_key);
  const auto got = client->call("POST", "/api/v1/ledger/verify");
  if (!got && got.error().code == errc::unavailable) return verify_files(in, encryption_key);
  if (!got) return complain(got.error());
  return print(in, got->as_object());
}

}  // namespace andon::app::cli
