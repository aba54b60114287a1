#pragma once
// The one table of admin paths. Deny by default: what is not here does not exist, and each entry says which permission
// it needs, or that anyone may call it.
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "andon/access/role.hpp"
#include "andon/admin/request.hpp"

namespace andon::admin {

struct services;

/// Whom a path concerns. `installation`: principals bound to a project are refused. `project`: they may call it, and
/// see and change their own project only.
enum class reach : std::uint8_t { anyone, project, installation };

/// How the handler runs: on the core (it never blocks), on a thread, again and again until it has something (a long
/// poll), or as a stream of pieces.
enum class conduct : std::uint8_t { at_once, blocking, poll, stream };

using handler = result<reply> (*)(const services&, const request&);
using stream_handler = result<void> (*)(const services&, const request&, const piece_writer&);

struct admin_path {
  std::string_view method;
  std::string_view pattern;                    ///< at most two `{…}`, which stand for one segment each
  reach whom = reach::installation;
  std::optional<access::permission> needs;     ///< absent exactly where whom is anyone
  std::string_view arguments;                  ///< of the query, separated by spaces
  std::string_view summary;
  conduct how = conduct::blocking;
  handler run = nullptr;
  stream_handler run_stream = nullptr;
  /// What programs send all day long, such as alerts, is no act: it would push the acts out of the audit log.
  bool audited = true;
  /// Its argument is a signed link, which stands in for a key: an act by one that is not good is refused before anything is
  /// written. People see it in a browser, so whatever is refused is a page, and arguments that others added are not looked at.
  bool by_link = false;
};

std::span<const admin_path> admin_paths();

/// What a request's method and path lead to.
struct match {
  const admin_path* path = nullptr;
  std::string argument, second; ///< decoded
  std::string allow;           ///< methods of the path, when the method is not among them
};
match find_path(std::string_view method, std::string_view path);

/// The principal may call the path. Handlers of project paths look closer at the project.
bool may_call(const admin_path& path, const access::principal& who);

/// The table as JSON (GET /api/v1/paths) and as a Markdown page.
std::string paths_json();
std::string paths_markdown();

}  // namespace andon::admin
