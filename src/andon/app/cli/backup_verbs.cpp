#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/master_key.hpp"
#include "andon/drill/backup.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

struct backup_options {
  std::string directory, to, configuration, encryption_key;
};

result<std::optional<ledger::keyring>> open_keys(const std::filesystem::path& data, const std::string& text) {
  if (text.empty() || !std::filesystem::exists(data / "keyring")) return std::nullopt;
  const auto master = read_master_key(text);
  if (!master) return std::unexpected(master.error());
  auto ring = ledger::keyring::open(data / "keyring", *master);
  if (!ring) return std::unexpected(ring.error());
  return std::optional(std::move(*ring));
}

int backup(const context& in, const backup_options& from) {
  const auto keys = open_keys(in.data, from.encryption_key);
  if (!keys) return complain(keys.error());
  const system_clock time;
  const auto made = drill::make_backup({.data = in.data, .to = from.directory, .configuration = from.configuration, .keys = *keys ? &**keys : nullptr, .version = ANDON_VERSION, .now = time.wall()});
  if (!made) return complain(made.error());
  if (in.json) fmt::print(stdout, "{}\n", json::serialize(json::object{{"directory", from.directory}, {"files", made->files}, {"bytes", made->bytes}, {"records", made->records}, {"verified", made->verified}}));
  else fmt::print(stdout, "{}: {} files, {} bytes{}\n", from.directory, made->files, made->bytes,
                  made->verified ? fmt::format(", {} Records, read whole", made->records) : ", not read again: the ledger is encrypted and no --encryption-key was given");
  return done;
}

int restore(const context& in, const backup_options& from) {
  const auto back = drill::restore_backup(from.directory, from.to);
  if (!back) return complain(back.error());
  if (in.json) fmt::print(stdout, "{}\n", json::serialize(json::object{{"data", from.to}, {"files", back->files}, {"bytes", back->bytes}, {"encrypted", back->encrypted}}));
  else fmt::print(stdout, "{}: {} files, {} bytes, all as they were backed up{}\nstart with: andon serve --data {}\n", from.to, back->files, back->bytes,
                  back->encrypted ? "; encrypted: the configuration has to give the same master key (ledger.encryption)" : "", from.to);
  return done;
}

}  // namespace

void add_backup_verbs(command root, context& in) {
  auto options = std::make_shared<backup_options>();
  auto made = add_common(root.add_verb("backup", "Copy a data directory, in use or not, to a new directory with a manifest"), in);
  made.add_option("directory", options->directory, "Where to; must not exist, or be empty").required();
  made.add_option("--config", options->configuration, "Configuration file, whose name and SHA-256 go into the manifest");
  made.add_option("--encryption-key", options->encryption_key, "Master key of an encrypted ledger, to read the copy again: file:PATH or ${NAME}");
  made.callback([&in, options] { in.chosen = [&in, options] { return backup(in, *options); }; });
  auto back = root.add_verb("restore", "Make a data directory from a backup, comparing every file with the manifest");
  back.add_option("directory", options->directory, "The backup").required();
  back.add_option("--to", options->to, "The new data directory; must not exist, or be empty").required();
  back.add_flag("--json", in.json, "For machines: one JSON object a line");
  back.callback([&in, options] { in.chosen = [&in, options] { return restore(in, *options); }; });
}

}  // namespace andon::app::cli
