#include <fmt/format.h>

#include <filesystem>

#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/master_key.hpp"
#include "andon/ledger/ledger_lock.hpp"

namespace andon::app::cli {
namespace {

struct rotate_options {
  std::string key, new_key;
  bool data_key = false;
};

result<std::string> rotate(const context& in, const rotate_options& from) {
  const auto file = std::filesystem::path(in.data) / "keyring";
  if (!std::filesystem::exists(file)) return fail(errc::not_found, in.data + " holds no encrypted ledger");
  if (from.new_key.empty() && !from.data_key) return fail(errc::invalid_argument, "nothing to do: give --new-key, --data-key or both");
  const auto lock = ledger::directory_lock::take(std::filesystem::path(in.data) / "ledger.lock");
  if (!lock) return std::unexpected(lock.error());
  const auto master = read_master_key(from.key);
  if (!master) return std::unexpected(master.error());
  auto ring = ledger::keyring::open(file, *master);
  if (!ring) return std::unexpected(ring.error());
  if (from.data_key)
    if (const auto rotated = ring->rotate_data_key(); !rotated) return std::unexpected(rotated.error());
  if (!from.new_key.empty()) {
    const auto fresh = read_master_key(from.new_key);
    if (!fresh) return std::unexpected(fresh.error());
    if (const auto rotated = ring->rotate_master(*fresh); !rotated) return std::unexpected(rotated.error());
  }
  return fmt::format("{}{}", from.data_key ? "new records use a new data key; " : "",
                     from.new_key.empty() ? "the master key is as before" : "start the gateway with the new master key");
}

}  // namespace

void add_rotate_key_verb(command ledger, context& in) {
  auto verb = ledger.add_verb("rotate-key", "Change the keys of an encrypted ledger, while its gateway is stopped");
  auto options = std::make_shared<rotate_options>();
  add_common(verb, in);
  verb.add_option("--key", options->key, "Master key in force: file:PATH or '${NAME}'").required();
  verb.add_option("--new-key", options->new_key, "Master key from now on, likewise");
  verb.add_flag("--data-key", options->data_key, "Also make a new data key for records to come");
  verb.callback([options, &in] {
    in.chosen = [options, &in] {
      const auto rotated = rotate(in, *options);
      if (!rotated) return complain(rotated.error());
      fmt::print(stdout, "{}\n", *rotated);
      return done;
    };
  });
}

}  // namespace andon::app::cli
