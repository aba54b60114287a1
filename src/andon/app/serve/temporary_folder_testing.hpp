#pragma once
// For tests: a folder of its own, gone in the end.
#include <filesystem>
#include <fstream>
#include <string>

#include "andon/base/random.hpp"
#include "andon/base/testing_place.hpp"

namespace andon::app::testing_support {

class temporary_folder {
public:
  temporary_folder() : path_(andon::testing_support::testing_place() / ("andon-app-" + std::to_string(secure_seed()))) { std::filesystem::create_directories(path_); }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::trunc | std::ios::binary) << text;
    return file(name);
  }

private:
  std::filesystem::path path_;
};

}  // namespace andon::app::testing_support
