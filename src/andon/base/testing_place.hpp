#pragma once
// For tests: where their folders go. In memory where there is room, since they force thousands of small files to the disk and are
// not about its speed; else where temporary files go, as TMPDIR has it.
#include <filesystem>

namespace andon::testing_support {

inline std::filesystem::path testing_place() {
  constexpr std::uintmax_t room = 1U << 30;
  const std::filesystem::path memory = "/dev/shm";
  std::error_code failed;
  const auto space = std::filesystem::space(memory, failed);
  return !failed && space.available >= room ? memory : std::filesystem::temp_directory_path();
}

}  // namespace andon::testing_support
