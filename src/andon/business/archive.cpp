#include "andon/business/archive.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

namespace andon::business {
namespace {

constexpr std::array<std::string_view, 3> form_names{"json", "html", "pdf"};
constexpr std::size_t longest_name = 100;

}  // namespace

std::optional<form> parse_form(std::string_view text) {
  for (std::size_t i = 0; i < form_names.size(); ++i)
    if (form_names[i] == text) return static_cast<form>(i);
  return std::nullopt;
}

std::string_view to_string(form of) { return form_names[static_cast<std::size_t>(of)]; }

bool archive::is_good_name(std::string_view name) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  return !name.empty() && name.size() <= longest_name && name[0] != '-' && std::ranges::all_of(name, good);
}

std::filesystem::path archive::file(std::string_view name, const month& when, std::int64_t revision, form as) const {
  return folder_ / (revision == 1 ? fmt::format("{}-{}.{}", name, when.text(), to_string(as)) : fmt::format("{}-{}.{}.{}", name, when.text(), revision, to_string(as)));
}

std::int64_t archive::revisions(std::string_view name, const month& when) const {
  std::int64_t out = 0;
  std::error_code ignored;
  while (std::filesystem::exists(file(name, when, out + 1, form::json), ignored)) ++out;
  return out;
}

std::vector<issued_about> archive::list(std::string_view name) const {
  std::vector<issued_about> out;
  std::error_code ignored;
  std::filesystem::directory_iterator at(folder_, ignored);
  for (; !ignored && at != std::filesystem::directory_iterator{}; at.increment(ignored)) {
    const auto stem = at->path().stem().string();
    if (at->path().extension() != ".json" || !stem.starts_with(name) || stem.size() != name.size() + 8 || stem[name.size()] != '-') continue;
    if (const auto when = month::parse(std::string_view(stem).substr(name.size() + 1))) out.push_back({.when = *when});
  }
  std::ranges::sort(out, std::greater{}, &issued_about::when);
  for (auto& one : out) {
    one.revisions = revisions(name, one.when);
    struct ::stat about {};
    if (::stat(file(name, one.when, one.revisions, form::json).c_str(), &about) == 0) one.issued = instant{seconds{about.st_mtim.tv_sec}};
  }
  return out;
}

result<std::string> archive::read(std::string_view name, const month& when, std::int64_t revision, form as) const {
  if (revision < 1 || revision > revisions(name, when)) return fail(errc::not_found, fmt::format("revision {} of the statement of {} for {} was not issued", revision, when.text(), name));
  return ledger::read_file(files_, file(name, when, revision, as), most_bytes);
}

result<void> archive::issue(std::string_view name, const month& when, std::int64_t revision, const issued_files& content) {
  const std::lock_guard hold(issuing_);
  const auto known = revisions(name, when);
  if (revision <= known) return fail(errc::already_exists, fmt::format("revision {} of the statement of {} for {} was issued already", revision, when.text(), name));
  if (revision != known + 1) return fail(errc::conflict, fmt::format("there are {} revisions of the statement of {} for {}: {} cannot be the next", known, when.text(), name, revision));
  const auto put = write(name, when, revision, content);
  if (put) return put;
  return fail(put.error().code, fmt::format("the statement of {} for {} was not issued: {}; make room or repair the folder, then issue it again", when.text(), name, put.error().message));
}

result<void> archive::write(std::string_view name, const month& when, std::int64_t revision, const issued_files& content) {
  std::error_code code;
  std::filesystem::create_directories(folder_, code);
  if (code) return fail(code == std::errc::no_space_on_device ? errc::disk_full : errc::io_error, fmt::format("{} cannot be made: {}", folder_.string(), code.message()));
  if (auto safe = files_.sync_directory(folder_.parent_path()); !safe) return safe;
  for (const auto& [as, bytes] : {std::pair{form::html, &content.html}, std::pair{form::pdf, &content.pdf}, std::pair{form::json, &content.json}})
    if (auto put = ledger::replace_file(files_, file(name, when, revision, as), *bytes); !put) return put;
  return {};
}

}  // namespace andon::business
