#include "andon/drill/backup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <map>
#include <ranges>
#include <set>

#include "andon/base/time_text.hpp"
#include "andon/drill/file_copy.hpp"
#include "andon/ledger/journal_file.hpp"
#include "andon/ledger/journal_reader.hpp"
#include "andon/ledger/segment.hpp"
#include "andon/ledger/segment_directory.hpp"
#include "andon/sql/copy.hpp"

namespace andon::drill {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::int64_t manifest_format = 1;
constexpr std::string_view manifest_name = "MANIFEST.json";
constexpr std::uint64_t most_manifest = 64u << 20;
constexpr std::uint64_t kept_free = 64u << 20;   ///< of the disk, for everything else
constexpr int attempts = 3;                      ///< a small file may be replaced while it is copied
constexpr int most_looks = 20;

/// Of a data directory's own files: what belongs to the process that has it open, or is made anew.
bool is_left_out(const fs::path& file) {
  const auto name = file.filename().string();
  return name.ends_with(".lock") || name.ends_with("-address") || name.ends_with("-wal") || name.ends_with("-shm") || name.ends_with("-journal") || name.ends_with(".new") || name.ends_with(".ballast");
}
bool is_database(const fs::path& file) { return file.extension() == ".db"; }
using segment_key = std::pair<std::uint32_t, std::uint64_t>;   // stream, sequence
using segment_files = std::map<segment_key, fs::path>;
constexpr std::array<const char*, 2> journals{"journal", "audit"};
constexpr std::array<const char*, 1> kept_folders{"statements"};

/// The files of a data directory itself, and those of folders that hold what nothing else knows; relative to it.
result<std::vector<fs::path>> small_files(const fs::path& data) try {
  std::vector<fs::path> out;
  std::error_code code;
  const auto add = [&](const fs::path& folder) {
    for (const auto& one : fs::directory_iterator(data / folder, code))
      if (std::error_code gone; one.is_regular_file(gone) && !is_left_out(one.path())) out.push_back(folder / one.path().filename());
  };
  add({});
  if (code) return fail(errc::not_found, data.string() + ": " + code.message());
  for (const auto* folder : kept_folders)
    if (fs::is_directory(data / folder)) add(folder);
  if (code) return fail(errc::io_error, data.string() + ": " + code.message());
  std::ranges::sort(out);
  return out;
} catch (const fs::filesystem_error& wrong) {   // of an iterator that goes on, or a folder that cannot be looked at
  return fail(errc::io_error, wrong.what());
}

bool has_gap(const segment_files& in) {
  return std::ranges::adjacent_find(in, [](const auto& a, const auto& b) { return a.first.first == b.first.first && a.first.second + 1 != b.first.second; }) != in.end();
}

/// The segments that hold something now, spares whose turn has come included: those get their names a moment later. Whoever looks at that
/// moment may miss one, so there are several looks.
result<segment_files> segments_in(const fs::path& directory) {
  segment_files out;
  std::error_code code;
  if (!fs::is_directory(directory, code)) return out;
  fs::path unreadable;
  int looks = 0;
  for (int n = 0; n < most_looks && (looks < 2 || has_gap(out)); ++n) {
    const auto found = ledger::find_segments(ledger::file_operations::machine(), directory);
    if (!found && found.error().code == errc::not_found) continue;   // renamed while it was looked at
    if (!found) return std::unexpected(found.error());
    unreadable = found->damaged.empty() ? fs::path{} : found->damaged.front();
    if (!unreadable.empty()) continue;   // a head that is being written is readable at the next look
    for (const auto& one : found->segments) out.insert_or_assign(segment_key{one->stream(), one->sequence()}, one->path);
    ++looks;
  }
  if (!unreadable.empty()) return fail(errc::corrupt, unreadable.string() + " has a head that cannot be read; see andon ledger verify");
  if (looks < 2) return fail(errc::unavailable, directory.string() + " changed at every look: try again when less is going on");
  return out;
}

result<void> make_directory(const fs::path& at) {
  std::error_code code;
  fs::create_directories(at, code);
  if (code) return fail(errc::io_error, "create " + at.string() + ": " + code.message());
  fs::permissions(at, fs::perms::owner_all, code);
  return {};
}

result<void> must_be_free(const fs::path& at) {
  std::error_code code;
  if (!fs::exists(at, code)) return {};
  if (fs::is_directory(at, code) && fs::is_empty(at, code)) return {};
  return fail(errc::already_exists, at.string() + " holds something already: name a directory that does not exist, or an empty one");
}

result<void> enough_space(const fs::path& at, std::uint64_t bytes) {
  std::error_code code;
  const auto space = fs::space(at, code);
  if (code) return {};
  if (space.available < bytes + kept_free)
    return fail(errc::disk_full, fmt::format("{} has {} MiB free, and {} MiB are needed", at.string(), space.available >> 20, (bytes + kept_free) >> 20));
  return {};
}

result<void> copy_small(const fs::path& from, const fs::path& to) {
  if (is_database(from)) return sql::copy_database(from, to);
  auto copied = copy_bytes(from, to);
  if (!copied) return std::unexpected(std::move(copied.error()));
  return {};
}

/// Under its own name. One that is gone was removed by retention.
result<void> copy_segment(const segment_key& which, const fs::path& from, const fs::path& into) {
  const auto name = ledger::segment_file_name(which.first, which.second);
  auto copied = copy_bytes(from, into / name);
  if (!copied && copied.error().code == errc::not_found) copied = copy_bytes(from.parent_path() / name, into / name);
  if (!copied && copied.error().code != errc::not_found) return std::unexpected(std::move(copied.error()));
  return {};
}

/// The newest first: by the time the others are copied, all of them are complete.
result<void> copy_journal(const backup_order& how, const fs::path& from, const fs::path& into) {
  if (auto made = make_directory(into); !made) return made;
  const auto segments = segments_in(from);
  if (!segments) return std::unexpected(segments.error());
  for (const auto& [which, file] : *segments | std::views::reverse) {
    if (!how.go_on()) return fail(errc::cancelled, "the backup was ended before it was complete");
    if (auto copied = copy_segment(which, file, into); !copied) return copied;
  }
  return {};
}

/// Databases before the journal: how far they have come in it is then never beyond its copy's end.
result<void> copy_all(const backup_order& how, const fs::path& into) {
  const auto files = small_files(how.data);
  if (!files) return std::unexpected(files.error());
  for (const auto& name : *files) {
    if (!how.go_on()) return fail(errc::cancelled, "the backup was ended before it was complete");
    if (name.has_parent_path())
      if (auto made = make_directory((into / name).parent_path()); !made) return made;
    if (auto copied = copy_small(how.data / name, into / name); !copied) return copied;
  }
  for (const auto* folder : journals)
    if (auto copied = copy_journal(how, how.data / folder, into / folder); !copied) return copied;
  return {};
}

result<std::vector<ledger::segment_report>> reports_of(const ledger::segment_directory& of, journal_count& sums, const std::function<bool()>& go_on) {
  const auto all = of.list();
  bool ended = false;
  auto out = ledger::verify(of, [&](std::uint64_t) { return !(ended = !go_on()); });
  if (ended) return fail(errc::cancelled, "the journal's copy was not read to its end");
  for (std::size_t i = 0; i < out.size(); ++i) {
    sums.records += out[i].records;
    sums.entries += out[i].entries;
    sums.bytes += out[i].bytes;
    const auto base = all[i]->activation.base_records;
    sums.streams.try_emplace(out[i].stream, stream_records{base, base}).first->second.end = base + out[i].records;
  }
  return out;
}

/// Space that was prepared behind the newest entries goes, and an entry that was being written when it was copied, as the recovery after
/// a crash does. True: there was such a one.
result<bool> end_tails(const std::vector<ledger::segment_report>& reports) {
  bool torn = false;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto& one = reports[i];
    const bool newest = i + 1 == reports.size() || reports[i + 1].stream != one.stream;
    std::error_code code;
    const auto size = fs::file_size(one.file, code), end = ledger::trimmed_bytes(one.bytes);
    if (!newest || code || one.lost_entries > 0 || (one.damaged_bytes == 0 && size <= end)) continue;
    if (auto ended = end_file(one.file, one.bytes, end); !ended) return std::unexpected(std::move(ended.error()));
    torn = torn || one.damaged_bytes > 0;
  }
  return torn;
}

/// The copied journal, whole up to where it was copied.
result<journal_count> settle_journal(const fs::path& directory, const backup_order& how) {
  {
    const auto segments = ledger::open_segments(directory, how.keys);
    if (!segments) return std::unexpected(segments.error());
    journal_count out;
    const auto reports = reports_of(**segments, out, how.go_on);
    if (!reports) return std::unexpected(reports.error());
    const auto torn = end_tails(*reports);
    if (!torn) return std::unexpected(torn.error());
    if (!*torn && std::ranges::all_of(*reports, [](const auto& one) { return one.problem.empty(); })) return out;
  }
  return read_journal(directory, how.keys, how.go_on);
}

result<json::array> list_files(const fs::path& root, backed_up& sums) {
  json::array out;
  std::vector<fs::path> names;
  std::error_code code;
  for (const auto& one : fs::recursive_directory_iterator(root, code))
    if (one.is_regular_file(code)) names.push_back(fs::relative(one.path(), root));
  std::ranges::sort(names);
  for (const auto& name : names) {
    const auto hash = digest_of(root / name);
    if (!hash) return std::unexpected(hash.error());
    const auto bytes = fs::file_size(root / name, code);
    ++sums.files;
    sums.bytes += bytes;
    out.emplace_back(json::object{{"path", name.generic_string()}, {"bytes", bytes}, {"sha256", *hash}});
  }
  return out;
}

json::value configuration_json(const fs::path& file) {
  if (file.empty()) return nullptr;
  const auto hash = digest_of(file);
  return json::object{{"path", file.string()}, {"sha256", hash ? json::value(*hash) : json::value(nullptr)}};
}

result<backed_up> fill(const backup_order& how, const fs::path& folder) try {
  const auto data = folder / "data";
  if (auto made = make_directory(data); !made) return std::unexpected(made.error());
  if (auto copied = copy_all(how, data); !copied) return std::unexpected(copied.error());
  backed_up out;
  const bool encrypted = fs::exists(data / "keyring");
  if (!encrypted || how.keys != nullptr) {
    const auto count = settle_journal(data / "journal", how);
    if (!count) return std::unexpected(count.error());
    out.records = count->records;
    out.verified = true;
  }
  auto files = list_files(data, out);
  if (!files) return std::unexpected(files.error());
  const json::object manifest{{"format", manifest_format}, {"version", how.version}, {"made", format_rfc3339(how.now)}, {"data", how.data.string()}, {"configuration", configuration_json(how.configuration)},
                              {"encrypted", encrypted}, {"verified", out.verified}, {"records", out.records}, {"files", std::move(*files)}};
  if (auto written = ledger::replace_file(ledger::file_operations::machine(), folder / manifest_name, json::serialize(manifest) + "\n"); !written) return std::unexpected(written.error());
  if (auto synced = sync_tree(folder); !synced) return std::unexpected(std::move(synced.error()));
  return out;
} catch (const fs::filesystem_error& wrong) {
  return fail(errc::io_error, wrong.what());
}

/// Whose it is nobody knows: it is not removed.
result<void> must_not_exist(const fs::path& partial) {
  std::error_code code;
  if (!fs::exists(partial, code)) return {};
  return fail(errc::already_exists, partial.string() + " exists: it is left of something that was not finished, or is being made by another process; remove it when it is not");
}

/// Gives a finished directory its name.
result<void> finish(const fs::path& made, const fs::path& name) {
  std::error_code code;
  if (fs::exists(name, code)) fs::remove(name, code);   // empty
  fs::rename(made, name, code);
  if (code) return fail(errc::io_error, "rename " + made.string() + " to " + name.string() + ": " + code.message());
  return sync_directory(name.has_parent_path() ? name.parent_path() : fs::path("."));
}

fs::path beside(const fs::path& name) {
  auto plain = name.lexically_normal();
  if (!plain.has_filename()) plain = plain.parent_path();
  return plain.string() + ".partial";
}
fs::path plain(const fs::path& name) {
  const auto out = name.lexically_normal();
  return out.has_filename() ? out : out.parent_path();
}

struct manifest {
  struct file { fs::path path; std::uint64_t bytes = 0; std::string sha256; };
  std::vector<file> files;
  bool encrypted = false;
};

/// Of a name in a manifest: below the directory, whatever somebody wrote into it.
bool stays_inside(const fs::path& name) {
  return !name.empty() && name.is_relative() && std::ranges::none_of(name, [](const fs::path& part) { return part == ".." || part == "."; });
}

result<manifest> read_manifest(const fs::path& from) try {
  const auto text = ledger::read_file(ledger::file_operations::machine(), from / manifest_name, most_manifest);
  if (!text && text.error().code == errc::not_found) return fail(errc::not_found, from.string() + " is no backup: it has no " + std::string(manifest_name) + " (a backup that was not finished is named .partial)");
  if (!text) return std::unexpected(text.error());
  const auto parsed = json::parse(*text);
  if (parsed.at("format").to_number<std::int64_t>() != manifest_format) return fail(errc::corrupt, from.string() + " was made by a newer version of the program");
  manifest out;
  out.encrypted = parsed.at("encrypted").as_bool();
  for (const auto& one : parsed.at("files").as_array()) {
    manifest::file file{fs::path(std::string(one.at("path").as_string())), one.at("bytes").to_number<std::uint64_t>(), std::string(one.at("sha256").as_string())};
    if (!stays_inside(file.path)) return fail(errc::corrupt, (from / manifest_name).string() + " names a file outside of the backup: " + file.path.string());
    out.files.push_back(std::move(file));
  }
  return out;
} catch (const std::exception& wrong) {
  return fail(errc::corrupt, (from / manifest_name).string() + " cannot be read: " + wrong.what());
}

result<void> no_strangers(const fs::path& data, const manifest& known) try {
  std::set<fs::path> names;
  for (const auto& one : known.files) names.insert(one.path);
  std::error_code code;
  for (const auto& one : fs::recursive_directory_iterator(data, code))
    if (one.is_regular_file(code) && !names.contains(fs::relative(one.path(), data)))
      return fail(errc::corrupt, one.path().string() + " is not in the manifest: it was put there later");
  return {};
} catch (const fs::filesystem_error& wrong) {
  return fail(errc::io_error, wrong.what());
}

result<restored> copy_back(const fs::path& from, const fs::path& into, const manifest& known, const std::function<bool()>& go_on) {
  restored out{.encrypted = known.encrypted};
  for (const auto& one : known.files) {
    if (!go_on()) return fail(errc::cancelled, "the restoration was ended before it was complete");
    if (auto made = make_directory((into / one.path).parent_path()); !made) return std::unexpected(made.error());
    const auto source = from / "data" / one.path;
    const auto bytes = copy_bytes(source, into / one.path);
    if (!bytes && bytes.error().code == errc::not_found) return fail(errc::corrupt, source.string() + " is missing");
    if (!bytes) return std::unexpected(bytes.error());
    const auto hash = digest_of(into / one.path);
    if (!hash) return std::unexpected(hash.error());
    if (*bytes != one.bytes || *hash != one.sha256) return fail(errc::corrupt, source.string() + " is not what was backed up: its size or SHA-256 differs from the manifest");
    if (is_database(one.path))
      if (auto good = sql::check_database(into / one.path); !good) return std::unexpected(good.error());
    ++out.files;
    out.bytes += *bytes;
  }
  return out;
}

}  // namespace

result<std::uint64_t> backup_size(const fs::path& data) try {
  const auto files = small_files(data);
  if (!files) return std::unexpected(files.error());
  std::uint64_t out = 0;
  const auto add = [&](const fs::path& file) {
    std::error_code code;
    if (const auto bytes = fs::file_size(file, code); !code) out += bytes;
  };
  for (const auto& name : *files) {
    add(data / name);
    if (is_database(name)) add((data / name).string() + "-wal");   // its copy holds what stands there
  }
  for (const auto* folder : journals) {
    std::error_code none;
    for (const auto& one : fs::directory_iterator(data / folder, none)) add(one.path());
  }
  return out;
} catch (const fs::filesystem_error& wrong) {
  return fail(errc::io_error, wrong.what());
}

std::uint64_t records_missing(const records_by_stream& wanted, const records_by_stream& found) {
  std::uint64_t out = 0;
  for (const auto& [stream, all] : wanted) {
    const auto there = found.find(stream);
    const auto from = there == found.end() ? all.end : std::max(all.first, there->second.first);
    const auto to = there == found.end() ? all.end : std::min(all.end, there->second.end);
    out += all.end - std::min(all.first, all.end) - (to > from ? to - from : 0);
  }
  return out;
}

result<journal_count> read_journal(const fs::path& directory, const ledger::keyring* keys, const std::function<bool()>& go_on) {
  const auto segments = ledger::open_segments(directory, keys);
  if (!segments) return std::unexpected(segments.error());
  journal_count out;
  const auto reports = reports_of(**segments, out, go_on);
  if (!reports) return std::unexpected(reports.error());
  for (const auto& one : *reports)
    if (!one.problem.empty()) return fail(errc::corrupt, fmt::format("{}: {} ({} Records lost, {} bytes damaged); see andon ledger verify", one.file.string(), one.problem, one.lost_records, one.damaged_bytes));
  return out;
}

result<backed_up> make_backup(const backup_order& how) {
  if (auto free = must_be_free(how.to); !free) return std::unexpected(free.error());
  const auto size = backup_size(how.data);
  if (!size) return std::unexpected(size.error());
  const auto folder = beside(how.to);
  if (auto free = must_not_exist(folder); !free) return std::unexpected(std::move(free.error()));
  result<backed_up> out = fail(errc::io_error, {});
  std::error_code code;
  for (int n = 0; n < attempts; ++n) {
    fs::remove_all(folder, code);
    if (auto made = make_directory(folder); !made) return std::unexpected(made.error());
    auto space = enough_space(folder, *size);
    out = space ? fill(how, folder) : std::unexpected(std::move(space.error()));
    if (out || out.error().code != errc::not_found) break;
  }
  if (out)
    if (auto named = finish(folder, plain(how.to)); !named) out = std::unexpected(std::move(named.error()));
  if (!out) fs::remove_all(folder, code);
  return out;
}

result<restored> restore_backup(const fs::path& from, const fs::path& data, const std::function<bool()>& go_on) {
  const auto known = read_manifest(from);
  if (!known) return std::unexpected(known.error());
  if (auto free = must_be_free(data); !free) return std::unexpected(free.error());
  if (auto own = no_strangers(from / "data", *known); !own) return std::unexpected(own.error());
  const auto folder = beside(data);
  if (auto free = must_not_exist(folder); !free) return std::unexpected(std::move(free.error()));
  std::error_code code;
  if (auto made = make_directory(folder); !made) return std::unexpected(made.error());
  std::uint64_t bytes = 0;
  for (const auto& one : known->files) bytes += one.bytes;
  auto space = enough_space(folder, bytes);
  auto out = space ? copy_back(from, folder, *known, go_on) : std::unexpected(std::move(space.error()));
  if (out)
    if (auto synced = sync_tree(folder); !synced) out = std::unexpected(std::move(synced.error()));
  if (out)
    if (auto named = finish(folder, plain(data)); !named) out = std::unexpected(std::move(named.error()));
  if (!out) fs::remove_all(folder, code);
  return out;
}

}  // namespace andon::drill
