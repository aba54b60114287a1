#pragma once
// The embedded store: sealed segments as chunks in one SQLite database (write-ahead log), the newest rows in memory.
// Private to the store's sources.
#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "andon/sql/encrypted_vfs.hpp"
#include "andon/ledger/index_segment.hpp"
#include "andon/ledger/index_tail.hpp"
#include "andon/sql/statement.hpp"
#include "andon/ledger/store.hpp"

namespace andon::ledger {

/// Chunks through one connection. Each is stored with XXH3 of its bytes under its id.
class sqlite_chunks final : public chunk_reader, public chunk_writer {
public:
  static result<std::unique_ptr<sqlite_chunks>> open(const std::filesystem::path& file, sql::open_mode mode, const std::string& vfs);
  result<chunk_bytes> read(std::uint64_t id) override;
  result<void> write(std::uint64_t id, std::span<const unsigned char> bytes) override;
  result<void> run(const char* constant_sql) { return db_.run(constant_sql); }
  result<void> begin_read();  ///< pins the snapshot
  void end_read() { (void)db_.run("ROLLBACK"); }
  [[nodiscard]] sql::database& database() { return db_; }
  void limit_parts(std::size_t bytes) { most_ = bytes; }

private:
  using reading = sql::statement<sql::params<std::int64_t>, sql::columns<sql::blob_view>>;
  using writing = sql::statement<sql::params<std::int64_t, sql::blob_view>, sql::columns<>>;
  using pinning = sql::statement<sql::params<>, sql::columns<std::int64_t>>;
  sql::database db_;
  reading read_;
  std::optional<writing> write_;
  pinning pin_;
  chunk_bytes buffer_;
  std::size_t most_ = 256u << 20;
};

using segment_list = std::vector<std::shared_ptr<const segment_meta>>;

class sqlite_store final : public store {
public:
  sqlite_store(store_options options, const andon::clock& clock) : options_(std::move(options)), clock_(clock) {}
  ~sqlite_store() override;
  result<void> open();

  result<applied> apply(std::span<const placed_record> batch, std::span<const checkpoint> reached) override;
  [[nodiscard]] std::vector<checkpoint> checkpoints() const override;
  [[nodiscard]] std::vector<checkpoint> visible_until() const override;
  result<void> flush() override;
  void rebuilt() override;
  [[nodiscard]] result<page> search(const search_request&) const override;
  [[nodiscard]] result<aggregated> aggregate(const aggregate_request&) const override;
  [[nodiscard]] result<followed> follow(const follow_request&) const override;
  [[nodiscard]] std::uint64_t follow_from() const override;
  [[nodiscard]] result<summary> find(request_id, const scope&, const patience&) const override;
  result<std::uint64_t> remove(const filter&, const scope&, const patience&) override;
  [[nodiscard]] std::vector<position> oldest_needed() const override;
  [[nodiscard]] store_status status() const override;

private:
  using positions = std::map<std::uint32_t, checkpoint>;
  /// A read connection on loan, with its snapshot pinned.
  class lease {
  public:
    lease(const sqlite_store& from, std::unique_ptr<sqlite_chunks> chunks, std::uint64_t generation) : from_(&from), chunks_(std::move(chunks)), generation_(generation) {}
    lease(lease&&) = default;
    ~lease() { if (chunks_) from_->give_back(std::move(chunks_), generation_); }
    [[nodiscard]] sqlite_chunks& chunks() const { return *chunks_; }
  private:
    const sqlite_store* from_;
    std::unique_ptr<sqlite_chunks> chunks_;
    std::uint64_t generation_;
  };
  using view_visitor = std::function<result<bool>(segment_view&)>;
  using segment_order = std::function<void(segment_list&)>;

  // store_files.cpp
  [[nodiscard]] std::filesystem::path file() const { return options_.directory / "index.db"; }
  [[nodiscard]] std::string vfs() const { return vfs_ ? vfs_->name() : std::string{}; }
  result<void> open_files();
  result<void> load();
  result<void> put_aside(const error& why);
  result<void> start_anew(std::string why);
  [[nodiscard]] bool file_is_gone() const;
  result<void> check_files();

  // store_sqlite.cpp
  result<void> seal();
  struct sealed_rows {
    std::vector<segment_meta> made;
    std::vector<std::uint32_t> refused;
  };
  result<void> seal_rows();
  result<sealed_rows> write_tail();
  result<void> write_rows(segment_view& rows, const bitmap& keep, sealed_rows& into);
  result<segment_meta> write_one(segment_view& rows, const bitmap& keep, std::uint64_t id);
  result<void> write_positions(const positions& at, const std::map<std::uint32_t, std::uint64_t>& lost);
  result<void> commit_and(const std::function<void()>& then);
  void replace(const segment_meta* old, std::optional<segment_meta> by);
  result<std::uint64_t> remove_from(const std::shared_ptr<const segment_meta>& segment, const bitmap& rows);
  result<void> drop_chunks(std::uint64_t id);
  [[nodiscard]] bool is_known(const record_view& r, position at) const;
  error noted(error e) const;

  // store_search.cpp
  result<lease> borrow() const;
  void give_back(std::unique_ptr<sqlite_chunks> chunks, std::uint64_t generation) const;
  [[nodiscard]] std::optional<error> exhausted(const patience&) const;
  /// Visits the tail, then the sealed segments in the order that `arrange` gives, all of one snapshot. A visitor that
  /// yields false ends it; `skip` says which segments need not be read.
  result<void> visit(const patience&, const segment_order& arrange, const std::function<bool(const segment_meta&)>& skip, const view_visitor& see) const;

  store_options options_;
  const andon::clock& clock_;
  std::unique_ptr<sql::encrypted_vfs> vfs_;
  std::unique_ptr<sqlite_chunks> writer_;

  mutable std::shared_mutex mutex_;  ///< guards what follows; only the index thread changes it
  index_tail tail_;
  std::shared_ptr<const segment_list> sealed_ = std::make_shared<segment_list>();
  positions durable_, reached_;
  std::map<std::uint32_t, std::uint64_t> lost_;  ///< rows of each stream, since opening
  id_table recent_;  ///< ids of the last sealed segment
  std::uint64_t sequence_ = 0;
  std::uint64_t durable_sequence_ = 0;
  std::uint64_t duplicates_ = 0;
  bool rebuilding_ = false;
  std::string why_rebuilding_;

  std::uint64_t inode_ = 0;
  mono_time files_checked_{};
  mutable std::atomic<bool> damaged_ = false;

  mutable std::mutex pool_mutex_;
  mutable std::vector<std::unique_ptr<sqlite_chunks>> pool_;
  std::atomic<std::uint64_t> generation_ = 0;
};

}  // namespace andon::ledger
