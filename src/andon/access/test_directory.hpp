#pragma once
// For tests and benchmarks: directories compiled from settings in memory, without a store.
#include <deque>
#include <memory>
#include <string>

#include "andon/access/directory_builder.hpp"
#include "andon/access/key_text.hpp"

namespace andon::access {

class test_directory {
public:
  static constexpr std::uint64_t seed = 7;
  declared_access declared;
  std::deque<project_settings> projects;
  meter_pool pool{seed};
  std::shared_ptr<const key_hasher> hasher = std::make_shared<const key_hasher>(secret{"pepper"});

  test_directory() { declared.routes = {{.name = route_name{"chat"}}, {.name = route_name{"code"}}}; }

  project_settings& project(std::string name) { return projects.emplace_back(project_settings{.id = project_id{std::move(name)}}); }

  /// Returns the secret.
  std::string key(std::string name, std::string project, key_settings settings = {}) {
    const auto text = make_key_text();
    settings.name = name;
    settings.project = project_id{std::move(project)};
    const auto& kept = keys_.emplace_back(std::move(settings));
    sources_.push_back({.id = key_id{"key_" + name}, .settings = &kept, .hash = hasher->hash(text.reveal())});
    return std::string(text.reveal());
  }
  void without_key(const std::string& name) { std::erase_if(sources_, [&](const key_source& k) { return k.id.str() == "key_" + name; }); }
  key_settings& settings_of(std::size_t i) { return keys_[i]; }
  key_source& source_of(std::size_t i) { return sources_[i]; }

  std::shared_ptr<const directory> build() {
    directory_source from{.hasher = hasher, .declared = &declared};
    for (const auto& p : projects) from.projects.push_back(&p);
    from.keys = sources_;
    return directory_builder{pool, from}.build().value();
  }

private:
  std::deque<key_settings> keys_;
  std::vector<key_source> sources_;
};

}  // namespace andon::access
