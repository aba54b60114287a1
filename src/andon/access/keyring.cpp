#include "andon/access/keyring.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "andon/access/access_store.hpp"
#include "andon/access/directory_builder.hpp"
#include "andon/access/key_text.hpp"
#include "andon/base/log.hpp"

namespace andon::access {
namespace {

const key_id admin_key{"key_admin"};
constexpr std::string_view first_project = "default";

/// A key that no table holds: of the configuration file, or the admin token.
struct fixed_key {
  key_id id;
  key_settings settings;
  digest hash{};
};

std::unexpected<error> no_key(const key_id& id) { return fail(errc::not_found, "no key " + id.str()); }
std::unexpected<error> no_project(const project_id& id) { return fail(errc::not_found, "no project " + id.str()); }
std::unexpected<error> is_declared(std::string_view what) {
  return fail(errc::conflict, std::string(what) + " is declared in the configuration file; change it there");
}

}  // namespace

struct keyring::state {
  state(const clock& t, directory_board& b, std::filesystem::path d, std::unique_ptr<access_store> s)
      : time(t), board(b), data(std::move(d)), store(std::move(s)), pool(store->seed()) {}

  const clock& time;
  directory_board& board;
  std::filesystem::path data;
  std::unique_ptr<access_store> store;
  meter_pool pool;
  std::shared_ptr<const key_hasher> hasher;
  mutable std::mutex mutex;
  declared_access declared;                     // its keys' texts are dropped once hashed
  std::vector<fixed_key> declared_keys;
  std::optional<fixed_key> admin;
  std::map<std::string, project_settings> projects;
  std::map<std::string, stored_key> keys;
  std::uint64_t version = 0;

  result<void> load();
  result<std::shared_ptr<const directory>> compile(const declared_access& with, const std::vector<fixed_key>& fixed);
  result<void> publish();
  result<void> save(stored_key key);
  result<void> check_key(const key_settings& settings, const key_id& self) const;
  [[nodiscard]] key_info describe(const stored_key& key) const;
  [[nodiscard]] key_info describe(const fixed_key& key) const;
  [[nodiscard]] bool is_fixed(const key_id& id) const;
  [[nodiscard]] bool project_declared(const project_id& id) const;
  [[nodiscard]] bool project_known(const project_id& id) const { return project_declared(id) || projects.contains(id.str()); }
  [[nodiscard]] std::optional<wall_time> last_used(const key_id& id, std::int64_t stored) const;
  template <class Change> result<void> change_key(const key_id& id, Change change);
};

result<void> keyring::state::load() {
  auto stored_projects = store->projects();
  if (!stored_projects) return std::unexpected(stored_projects.error());
  auto stored_keys = store->keys();
  if (!stored_keys) return std::unexpected(stored_keys.error());
  for (auto& p : *stored_projects) projects.emplace(p.id.str(), std::move(p));
  for (auto& k : *stored_keys) keys.emplace(k.id.str(), std::move(k));
  return publish();
}

result<std::shared_ptr<const directory>> keyring::state::compile(const declared_access& with, const std::vector<fixed_key>& fixed) {
  directory_source source{.hasher = hasher, .declared = &with, .version = version + 1};
  for (const auto& p : with.projects) source.projects.push_back(&p);
  for (const auto& [id, p] : projects) source.projects.push_back(&p);
  for (const auto& k : fixed) source.keys.push_back({.id = k.id, .settings = &k.settings, .hash = k.hash});
  if (admin) source.keys.push_back({.id = admin->id, .settings = &admin->settings, .hash = admin->hash});
  for (const auto& [id, k] : keys)
    source.keys.push_back({.id = k.id, .settings = &k.settings, .hash = k.hash, .old_hash = k.old_hash, .old_until = k.old_until, .blocked = k.blocked});
  return directory_builder{pool, source}.build();
}

result<void> keyring::state::publish() {
  auto next = compile(declared, declared_keys);
  if (!next) return std::unexpected(next.error());
  ++version;
  board.publish(std::move(*next));
  pool.sweep();
  return {};
}

bool keyring::state::is_fixed(const key_id& id) const {
  return id == admin_key || std::ranges::any_of(declared_keys, [&](const fixed_key& k) { return k.id == id; });
}

bool keyring::state::project_declared(const project_id& id) const {
  return std::ranges::any_of(declared.projects, [&](const project_settings& p) { return p.id == id; });
}

std::optional<wall_time> keyring::state::last_used(const key_id& id, std::int64_t stored) const {
  auto minute = stored;
  if (const auto in_force = board.current())
    if (const auto* who = in_force->find(id)) minute = std::max(minute, who->state->last_used_minute.load(std::memory_order_relaxed));
  return minute == 0 ? std::nullopt : std::optional{wall_time{std::chrono::minutes{minute}}};
}

key_info keyring::state::describe(const stored_key& k) const {
  key_info info{.id = k.id, .settings = k.settings, .created = k.created, .rotated = k.rotated, .last_used = last_used(k.id, k.last_used_minute), .blocked = k.blocked, .hint = k.hint};
  if (k.old_hash && k.old_until > time.wall()) info.old_secret_until = k.old_until;
  return info;
}

key_info keyring::state::describe(const fixed_key& k) const {
  return {.id = k.id, .settings = k.settings, .last_used = last_used(k.id, 0), .declared = true};
}

result<void> keyring::state::check_key(const key_settings& settings, const key_id& self) const {
  if (auto good = validate(settings); !good) return good;
  if (!settings.project.empty() && !project_known(settings.project)) return no_project(settings.project);
  for (const auto& [id, k] : keys)
    if (k.id != self && k.settings.project == settings.project && k.settings.name == settings.name)
      return fail(errc::already_exists, "the project has a key named '" + settings.name + "' already", "name");
  return {};
}

result<void> keyring::state::save(stored_key key) {
  if (auto written = store->put(key); !written) return written;
  auto name = key.id.str();
  keys.insert_or_assign(std::move(name), std::move(key));
  return publish();
}

template <class Change>
result<void> keyring::state::change_key(const key_id& id, Change change) {
  const std::lock_guard lock(mutex);
  if (is_fixed(id)) return is_declared(id.view());
  const auto found = keys.find(id.str());
  if (found == keys.end()) return no_key(id);
  auto copy = found->second;
  if (result<void> done = change(copy); !done) return done;
  return save(std::move(copy));
}

keyring::keyring(std::unique_ptr<state> s) : state_(std::move(s)) {}
keyring::~keyring() = default;

result<std::unique_ptr<keyring>> keyring::open(const std::filesystem::path& data, const clock& time, directory_board& board) {
  std::error_code failed;
  if (!std::filesystem::exists(data, failed)) {
    std::filesystem::create_directories(data, failed);
    if (!failed) std::filesystem::permissions(data, std::filesystem::perms::owner_all, failed);
    if (failed) return fail(errc::io_error, "cannot make " + data.string() + ": " + failed.message());
  }
  auto store = access_store::open(data / "access.db", time.wall());
  if (!store) return std::unexpected(store.error());
  auto had_keys = (*store)->had_keys();
  if (!had_keys) return std::unexpected(had_keys.error());
  if (*had_keys && !std::filesystem::exists(data / "pepper", failed))
    return fail(errc::corrupt, (data / "pepper").string() + " is missing: restore it from a backup, without it no stored key is valid");
  const auto pepper = load_or_make_pepper(data / "pepper");
  if (!pepper) return std::unexpected(pepper.error());
  auto s = std::make_unique<state>(time, board, data, std::move(*store));
  s->hasher = std::make_shared<const key_hasher>(*pepper);
  if (auto loaded = s->load(); !loaded) return std::unexpected(loaded.error());
  return std::unique_ptr<keyring>(new keyring(std::move(s)));
}

result<void> keyring::declare(declared_access config) {
  if (auto good = validate(config); !good) return good;
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  for (const auto& p : config.projects)
    if (s.projects.contains(p.id.str())) return fail(errc::conflict, "project " + p.id.str() + " was created by the admin API; delete it there or rename it here");
  std::vector<fixed_key> fixed;
  for (auto& k : config.keys) {
    if (s.keys.contains(k.id.str()) || k.id == admin_key) return fail(errc::conflict, "key " + k.id.str() + " exists already");
    const bool known = k.settings.project.empty() || s.projects.contains(k.settings.project.str()) ||
                       std::ranges::any_of(config.projects, [&](const auto& p) { return p.id == k.settings.project; });
    if (!known) return fail(errc::invalid_argument, "key " + k.id.str() + ": no project " + k.settings.project.str());
    fixed.push_back({k.id, std::move(k.settings), s.hasher->hash(k.text.reveal())});
  }
  config.keys.clear();
  auto next = s.compile(config, fixed);
  if (!next) return std::unexpected(next.error());
  s.declared = std::move(config);
  s.declared_keys = std::move(fixed);
  return s.publish();
}

result<secret> keyring::ensure_admin_token() {
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  const auto file = s.data / "admin-token";
  auto token = read_secret_file(file);
  if (!token && token.error().code != errc::not_found) return token;
  if (!token) {
    token = make_key_text();
    if (auto written = write_secret_file(file, *token); !written) return std::unexpected(written.error());
  }
  if (!well_formed(token->reveal())) return fail(errc::corrupt, file.string() + " does not hold a token; delete it to get a new one");
  s.admin = fixed_key{admin_key, {.name = "admin token", .role = role::admin}, s.hasher->hash(token->reveal())};
  if (auto done = s.publish(); !done) return std::unexpected(done.error());
  return token;
}

result<std::optional<new_key>> keyring::ensure_first_key() {
  {
    const std::lock_guard lock(state_->mutex);
    auto had = state_->store->had_keys();
    if (!had) return std::unexpected(had.error());
    if (*had || !state_->declared_keys.empty()) return std::nullopt;
  }
  const project_id project{std::string(first_project)};
  if (auto made = create_project({.id = project, .title = "Default"}); !made && made.error().code != errc::already_exists) return std::unexpected(made.error());
  auto key = create_key({.name = "first", .project = project});
  if (!key) return std::unexpected(key.error());
  return std::optional{std::move(*key)};
}

result<void> keyring::create_project(project_settings settings) {
  if (auto good = validate(settings); !good) return good;
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (s.project_known(settings.id)) return fail(errc::already_exists, "project " + settings.id.str() + " exists already", "id");
  if (auto written = s.store->put(settings); !written) return written;
  auto name = settings.id.str();
  s.projects.emplace(std::move(name), std::move(settings));
  return s.publish();
}

result<void> keyring::update_project(project_settings settings) {
  if (auto good = validate(settings); !good) return good;
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (s.project_declared(settings.id)) return is_declared("project " + settings.id.str());
  const auto found = s.projects.find(settings.id.str());
  if (found == s.projects.end()) return no_project(settings.id);
  if (auto written = s.store->put(settings); !written) return written;
  found->second = std::move(settings);
  return s.publish();
}

result<void> keyring::delete_project(const project_id& id) {
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (s.project_declared(id)) return is_declared("project " + id.str());
  if (!s.projects.contains(id.str())) return no_project(id);
  const auto owns = [&](const auto& k) { return k.settings.project == id; };
  if (std::ranges::any_of(s.keys, [&](const auto& item) { return owns(item.second); }) || std::ranges::any_of(s.declared_keys, owns))
    return fail(errc::conflict, "project " + id.str() + " still has keys; delete them first");
  if (auto gone = s.store->erase_project(id); !gone) return gone;
  s.projects.erase(id.str());
  return s.publish();
}

std::vector<project_settings> keyring::projects() const {
  const std::lock_guard lock(state_->mutex);
  auto out = state_->declared.projects;
  for (const auto& [id, p] : state_->projects) out.push_back(p);
  std::ranges::sort(out, {}, &project_settings::id);
  return out;
}

result<project_settings> keyring::project(const project_id& id) const {
  for (auto& p : projects())
    if (p.id == id) return std::move(p);
  return no_project(id);
}

result<new_key> keyring::create_key(key_settings settings) {
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (auto good = s.check_key(settings, {}); !good) return std::unexpected(good.error());
  new_key fresh{make_key_id(), make_key_text()};
  stored_key key{.id = fresh.id, .settings = std::move(settings), .hash = s.hasher->hash(fresh.text.reveal()), .created = s.time.wall(), .hint = masked(fresh.text.reveal())};
  if (auto saved = s.save(std::move(key)); !saved) return std::unexpected(saved.error());
  return fresh;
}

result<std::vector<key_info>> keyring::keys(std::optional<project_id> of) const {
  const auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  std::vector<key_info> out;
  auto add = [&](const auto& key) { if (!of || key.settings.project == *of) out.push_back(s.describe(key)); };
  if (s.admin) add(*s.admin);
  for (const auto& k : s.declared_keys) add(k);
  for (const auto& [id, k] : s.keys) add(k);
  std::ranges::sort(out, {}, [](const key_info& k) { return std::pair{k.created, k.id.view()}; });
  return out;
}

result<key_info> keyring::key(const key_id& id) const {
  auto all = keys();
  for (auto& k : *all)
    if (k.id == id) return std::move(k);
  return no_key(id);
}

result<void> keyring::update_key(const key_id& id, key_settings settings) {
  return state_->change_key(id, [&](stored_key& k) -> result<void> {
    if (auto good = state_->check_key(settings, id); !good) return good;
    k.settings = std::move(settings);
    return {};
  });
}

result<new_key> keyring::rotate_key(const key_id& id, nanoseconds overlap) {
  if (overlap < nanoseconds{0} || overlap > std::chrono::days{366}) return fail(errc::invalid_argument, "the overlap is not within 0 and 366 days", "overlap");
  new_key fresh{id, make_key_text()};
  auto done = state_->change_key(id, [&](stored_key& k) -> result<void> {
    const auto now = state_->time.wall();
    k.old_hash = overlap > nanoseconds{0} ? std::optional{k.hash} : std::nullopt;
    k.old_until = overlap > nanoseconds{0} ? now + overlap : wall_time{};
    k.hash = state_->hasher->hash(fresh.text.reveal());
    k.hint = masked(fresh.text.reveal());
    k.rotated = now;
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return fresh;
}

result<void> keyring::block_key(const key_id& id) {
  return state_->change_key(id, [](stored_key& k) -> result<void> { k.blocked = true; return {}; });
}

result<void> keyring::unblock_key(const key_id& id) {
  return state_->change_key(id, [](stored_key& k) -> result<void> { k.blocked = false; return {}; });
}

result<void> keyring::delete_key(const key_id& id) {
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (s.is_fixed(id)) return is_declared(id.view());
  if (!s.keys.contains(id.str())) return no_key(id);
  if (auto gone = s.store->erase_key(id); !gone) return gone;
  s.keys.erase(id.str());
  return s.publish();
}

result<void> keyring::flush_last_used() {
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  const auto in_force = s.board.current();
  std::vector<std::pair<key_id, std::int64_t>> changed;
  for (auto& [name, k] : s.keys) {
    const auto* who = in_force->find(k.id);
    const auto minute = who == nullptr ? 0 : who->state->last_used_minute.load(std::memory_order_relaxed);
    if (minute > k.last_used_minute) changed.emplace_back(k.id, minute);
  }
  if (changed.empty()) return {};
  if (auto written = s.store->put_last_used(changed); !written) return written;
  for (const auto& [id, minute] : changed) s.keys.at(id.str()).last_used_minute = minute;
  return {};
}

result<void> keyring::save_checkpoint(const checkpoint& state) {
  const std::lock_guard lock(state_->mutex);
  return state_->store->put_checkpoint(state);
}

result<checkpoint> keyring::load_checkpoint() const {
  const std::lock_guard lock(state_->mutex);
  return state_->store->get_checkpoint();
}

const std::shared_ptr<const key_hasher>& keyring::hasher() const { return state_->hasher; }

}  // namespace andon::access
