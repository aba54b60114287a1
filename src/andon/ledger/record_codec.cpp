#include "andon/ledger/record_codec.hpp"

#include "record_generated.h"

namespace andon::ledger {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr std::size_t initial_bytes = 16 * 1024;
constexpr std::size_t keep_bytes = 1 << 20;
constexpr flatbuffers::uoffset_t max_tables = 1'000'000;

Offset<flatbuffers::String> text(FlatBufferBuilder& b, std::string_view s) {
  return s.empty() ? Offset<flatbuffers::String>{} : b.CreateString(s.data(), s.size());
}
template <class Kind>
Offset<flatbuffers::String> text(FlatBufferBuilder& b, const named<Kind>& n) { return text(b, n.view()); }

Offset<flatbuffers::Vector<std::uint8_t>> bytes(FlatBufferBuilder& b, std::string_view s) {
  if (s.empty()) return {};
  return b.CreateVector(reinterpret_cast<const std::uint8_t*>(s.data()), s.size());
}

Offset<flatbuffers::Vector<Offset<flatbuffers::String>>> texts(FlatBufferBuilder& b, const std::vector<std::string>& all) {
  if (all.empty()) return {};
  return b.CreateVector<Offset<flatbuffers::String>>(all.size(), [&](std::size_t i) { return b.CreateString(all[i]); });
}

Offset<fb::Usage> put(FlatBufferBuilder& b, const llm::usage& u) {
  if (u == llm::usage{}) return {};
  return fb::CreateUsage(b, u.input.value(), u.cached_read.value(), u.cache_write_5m.value(), u.cache_write_1h.value(),
                         u.input_audio.value(), u.output.value(), u.reasoning.value(), u.output_audio.value(), u.estimated);
}

Offset<fb::Attempt> put(FlatBufferBuilder& b, const attempt& a) {
  const auto model = text(b, a.model), provider = text(b, a.provider), upstream = text(b, a.upstream_model);
  const auto address = text(b, a.address), request = text(b, a.upstream_request_id), message = text(b, a.error_message);
  return fb::CreateAttempt(b, model, provider, upstream, address, request, static_cast<std::uint16_t>(a.outcome), a.http_status,
                           a.started.count(), a.connect.count(), a.first_byte.count(), a.total.count(), message, a.key, static_cast<std::uint8_t>(a.http));
}

auto put(FlatBufferBuilder& b, const std::vector<std::pair<std::string, std::string>>& all) {
  if (all.empty()) return Offset<flatbuffers::Vector<Offset<fb::Pair>>>{};
  return b.CreateVector<Offset<fb::Pair>>(all.size(), [&](std::size_t i) {
    const auto name = text(b, all[i].first), value = text(b, all[i].second);
    return fb::CreatePair(b, name, value);
  });
}

auto put(FlatBufferBuilder& b, const std::vector<attempt>& all) {
  if (all.empty()) return Offset<flatbuffers::Vector<Offset<fb::Attempt>>>{};
  return b.CreateVector<Offset<fb::Attempt>>(all.size(), [&](std::size_t i) { return put(b, all[i]); });
}

auto put(FlatBufferBuilder& b, const std::array<std::int64_t, stage_count>& stages) {
  if (stages == std::array<std::int64_t, stage_count>{}) return Offset<flatbuffers::Vector<std::int64_t>>{};
  return b.CreateVector(stages.data(), stages.size());
}

std::string_view view(const flatbuffers::String* s) { return s == nullptr ? std::string_view{} : std::string_view{s->c_str(), s->size()}; }
std::string_view view(const flatbuffers::Vector<std::uint8_t>* v) {
  return v == nullptr ? std::string_view{} : std::string_view{reinterpret_cast<const char*>(v->data()), v->size()};
}
std::string copy(const flatbuffers::String* s) { return std::string{view(s)}; }
wall_time wall(std::int64_t nanos) { return wall_time{nanoseconds{nanos}}; }
request_id id_of(const fb::Id* id) { return id == nullptr ? request_id{} : request_id::from_words(id->high(), id->low()); }

/// Numbers of a newer program that this one does not know become the fallback.
template <class Enum>
Enum known(std::uint64_t number, Enum last, Enum fallback) {
  return number <= static_cast<std::uint64_t>(last) ? static_cast<Enum>(number) : fallback;
}
errc outcome_of(std::uint16_t number) { return number < static_cast<std::uint16_t>(errc::count_) ? static_cast<errc>(number) : errc::internal; }

std::vector<std::string> copies(const flatbuffers::Vector<Offset<flatbuffers::String>>* all) {
  std::vector<std::string> out;
  if (all == nullptr) return out;
  out.reserve(all->size());
  for (const auto* one : *all) out.push_back(copy(one));
  return out;
}

llm::usage usage_of(const fb::Usage* u) {
  if (u == nullptr) return {};
  return {.input = tokens{u->input()}, .cached_read = tokens{u->cached_read()}, .cache_write_5m = tokens{u->cache_write_5m()},
          .cache_write_1h = tokens{u->cache_write_1h()}, .input_audio = tokens{u->input_audio()}, .output = tokens{u->output()},
          .reasoning = tokens{u->reasoning()}, .output_audio = tokens{u->output_audio()}, .estimated = u->estimated()};
}

attempt attempt_of(const fb::Attempt& a) {
  return {.model = model_name{copy(a.model())}, .provider = provider_name{copy(a.provider())}, .upstream_model = copy(a.upstream_model()),
          .address = copy(a.address()), .upstream_request_id = copy(a.upstream_request_id()), .outcome = outcome_of(a.outcome()),
          .http_status = a.http_status(), .started = nanoseconds{a.started()}, .connect = nanoseconds{a.connect()},
          .first_byte = nanoseconds{a.first_byte()}, .total = nanoseconds{a.total()}, .error_message = copy(a.error_message()), .key = a.key(),
          .http = known(a.http(), http_version::http_2, http_version::none)};
}

void read_who(const fb::Record& from, record& to) {
  to.id = id_of(from.id());
  to.started = wall(from.started());
  to.duration = nanoseconds{from.duration()};
  to.project = project_id{copy(from.project())};
  to.key = key_id{copy(from.key())};
  to.user = copy(from.user());
  to.session = copy(from.session());
  to.op = known(from.op(), operation::feedback, operation::other);
  to.method = copy(from.method());
  to.path = copy(from.path());
  to.client_address = copy(from.client_address());
  to.user_agent = copy(from.user_agent());
  to.trace_id = copy(from.trace_id());
  to.span_id = copy(from.span_id());
  to.tags = copies(from.tags());
  if (const auto* all = from.metadata())
    for (const auto* one : *all) to.metadata.emplace_back(copy(one->name()), copy(one->value()));
}

void read_what(const fb::Record& from, record& to) {
  to.route = route_name{copy(from.route())};
  to.model = model_name{copy(from.model())};
  to.provider = provider_name{copy(from.provider())};
  to.upstream_model = copy(from.upstream_model());
  to.stream = from.stream();
  to.outcome = outcome_of(from.outcome());
  to.http_status = from.http_status();
  to.error_message = copy(from.error_message());
  to.delivered = known(from.delivered(), delivery::complete, delivery::none);
  to.finish_reason = copy(from.finish_reason());
  to.use = usage_of(from.use());
  to.cost = nano_usd{from.cost()};
  to.price = known(from.price(), price_state::unknown_tier, price_state::unknown);
  to.cache = known(from.cache(), cache_use::shared, cache_use::none);
  to.saved = nano_usd{from.saved()};
  to.region = copy(from.region());
  to.structured = known(from.structured(), structure::invalid, structure::unchecked);
  to.transport = from.transport();
  to.http = known(from.http(), http_version::http_2, http_version::none);
  to.interrupted = from.interrupted();
  to.content_type = copy(from.content_type());
  to.request_body = view(from.request_body());
  to.reply_body = view(from.reply_body());
  to.request_bytes = from.request_bytes();
  to.reply_bytes = from.reply_bytes();
  to.request_truncated = from.request_truncated();
  to.reply_truncated = from.reply_truncated();
  to.stream_events = from.stream_events();
}

void read_times(const fb::Record& from, record& to) {
  to.first_token = nanoseconds{from.first_token()};
  to.upstream = nanoseconds{from.upstream()};
  if (const auto* stages = from.stage_nanos())
    for (std::size_t i = 0; i < std::min<std::size_t>(stages->size(), stage_count); ++i) to.stage_nanos[i] = stages->Get(static_cast<unsigned>(i));
  if (const auto* all = from.attempts()) {
    to.attempts.reserve(all->size());
    for (const auto* one : *all) to.attempts.push_back(attempt_of(*one));
  }
}

record read(const fb::Record& from) {
  record to;
  read_who(from, to);
  read_what(from, to);
  read_times(from, to);
  return to;
}

template <class Table>
const Table* checked(byte_span b) {
  flatbuffers::Verifier verifier(b.data(), b.size(), 16, max_tables);
  return verifier.VerifyBuffer<Table>(nullptr) ? flatbuffers::GetRoot<Table>(b.data()) : nullptr;
}

}  // namespace

struct record_encoder::state {
  FlatBufferBuilder builder{initial_bytes};

  FlatBufferBuilder& fresh() {
    if (builder.GetSize() > keep_bytes) builder = FlatBufferBuilder{initial_bytes};
    else builder.Clear();
    return builder;
  }
  [[nodiscard]] byte_span finished() const { return {builder.GetBufferPointer(), builder.GetSize()}; }
};

record_encoder::record_encoder() : state_(std::make_unique<state>()) {}
record_encoder::~record_encoder() = default;
record_encoder::record_encoder(record_encoder&&) noexcept = default;
record_encoder& record_encoder::operator=(record_encoder&&) noexcept = default;

byte_span record_encoder::encode(const record& r) {
  auto& b = state_->fresh();
  const auto reply = bytes(b, r.reply_body), request = bytes(b, r.request_body);
  const auto attempts = put(b, r.attempts);
  const auto stages = put(b, r.stage_nanos);
  const auto metadata = put(b, r.metadata);
  const auto tags = texts(b, r.tags);
  const auto use = put(b, r.use);
  const auto project = text(b, r.project), key = text(b, r.key), user = text(b, r.user), session = text(b, r.session);
  const auto method = text(b, r.method), path = text(b, r.path), route = text(b, r.route), model = text(b, r.model);
  const auto provider = text(b, r.provider), upstream = text(b, r.upstream_model), message = text(b, r.error_message);
  const auto finish = text(b, r.finish_reason), address = text(b, r.client_address), agent = text(b, r.user_agent);
  const auto trace = text(b, r.trace_id), span = text(b, r.span_id), type = text(b, r.content_type);
  const auto region = text(b, r.region);
  const fb::Id id{r.id.high(), r.id.low()};
  b.Finish(fb::CreateRecord(
      b, &id, r.started.time_since_epoch().count(), r.duration.count(), project, key, user, session, static_cast<std::uint8_t>(r.op),
      method, path, route, model, provider, upstream, r.stream, static_cast<std::uint16_t>(r.outcome), r.http_status, message,
      static_cast<std::uint8_t>(r.delivered), finish, use, r.cost.value(), static_cast<std::uint8_t>(r.price), r.interrupted, address,
      agent, trace, span, tags, metadata, type, request, reply, r.request_bytes, r.reply_bytes, r.request_truncated,
      r.reply_truncated, r.stream_events, r.first_token.count(), r.upstream.count(), stages, attempts,
      static_cast<std::uint8_t>(r.cache), r.saved.value(), region, static_cast<std::uint8_t>(r.structured), r.transport,
      static_cast<std::uint8_t>(r.http)));
  return state_->finished();
}

byte_span record_encoder::encode(const opened& o) {
  auto& b = state_->fresh();
  const auto tags = texts(b, o.tags);
  const auto project = text(b, o.project), key = text(b, o.key), user = text(b, o.user), route = text(b, o.route);
  const fb::Id id{o.id.high(), o.id.low()};
  b.Finish(fb::CreateOpened(b, &id, o.started.time_since_epoch().count(), project, key, user, tags, static_cast<std::uint8_t>(o.op),
                            route, o.reserved_tokens.value(), o.reserved.value(), static_cast<std::uint8_t>(o.price)));
  return state_->finished();
}

result<record> decode_record(byte_span b) {
  const auto* table = checked<fb::Record>(b);
  if (table == nullptr) return fail(errc::corrupt, "these bytes are no Record");
  return read(*table);
}

namespace {

/// Entries of older versions do not say it.
price_state price_of(const fb::Opened& from) {
  const auto untold = from.reserved() > 0 ? price_state::known : price_state::unknown;
  return known(from.price(), price_state::unknown_tier, untold);
}

}  // namespace

result<opened> decode_opened(byte_span b) {
  const auto* from = checked<fb::Opened>(b);
  if (from == nullptr) return fail(errc::corrupt, "these bytes are no opened entry");
  return opened{.id = id_of(from->id()), .started = wall(from->started()), .project = project_id{copy(from->project())},
                .key = key_id{copy(from->key())}, .user = copy(from->user()), .tags = copies(from->tags()),
                .op = known(from->op(), operation::feedback, operation::other), .route = route_name{copy(from->route())},
                .reserved_tokens = tokens{from->reserved_tokens()}, .reserved = nano_usd{from->reserved()}, .price = price_of(*from)};
}

result<record_view> record_view::over(byte_span b, bytes_from whom) {
  const auto* table = whom == bytes_from::this_process ? flatbuffers::GetRoot<fb::Record>(b.data()) : checked<fb::Record>(b);
  if (table == nullptr) return fail(errc::corrupt, "these bytes are no Record");
  return record_view{table};
}

#define ANDON_TABLE static_cast<const fb::Record*>(table_)
request_id record_view::id() const { return id_of(ANDON_TABLE->id()); }
wall_time record_view::started() const { return wall(ANDON_TABLE->started()); }
nanoseconds record_view::duration() const { return nanoseconds{ANDON_TABLE->duration()}; }
nanoseconds record_view::first_token() const { return nanoseconds{ANDON_TABLE->first_token()}; }
nanoseconds record_view::upstream() const { return nanoseconds{ANDON_TABLE->upstream()}; }
std::string_view record_view::project() const { return view(ANDON_TABLE->project()); }
std::string_view record_view::key() const { return view(ANDON_TABLE->key()); }
std::string_view record_view::user() const { return view(ANDON_TABLE->user()); }
std::string_view record_view::session() const { return view(ANDON_TABLE->session()); }
operation record_view::op() const { return known(ANDON_TABLE->op(), operation::feedback, operation::other); }
std::string_view record_view::method() const { return view(ANDON_TABLE->method()); }
std::string_view record_view::path() const { return view(ANDON_TABLE->path()); }
std::string_view record_view::route() const { return view(ANDON_TABLE->route()); }
std::string_view record_view::model() const { return view(ANDON_TABLE->model()); }
std::string_view record_view::provider() const { return view(ANDON_TABLE->provider()); }
std::string_view record_view::upstream_model() const { return view(ANDON_TABLE->upstream_model()); }
bool record_view::stream() const { return ANDON_TABLE->stream(); }
cache_use record_view::cache() const { return known(ANDON_TABLE->cache(), cache_use::shared, cache_use::none); }
bool record_view::interrupted() const { return ANDON_TABLE->interrupted(); }
errc record_view::outcome() const { return outcome_of(ANDON_TABLE->outcome()); }
std::uint16_t record_view::http_status() const { return ANDON_TABLE->http_status(); }
std::string_view record_view::error_message() const { return view(ANDON_TABLE->error_message()); }
delivery record_view::delivered() const { return known(ANDON_TABLE->delivered(), delivery::complete, delivery::none); }
std::string_view record_view::finish_reason() const { return view(ANDON_TABLE->finish_reason()); }
llm::usage record_view::use() const { return usage_of(ANDON_TABLE->use()); }
nano_usd record_view::cost() const { return nano_usd{ANDON_TABLE->cost()}; }
price_state record_view::price() const { return known(ANDON_TABLE->price(), price_state::unknown_tier, price_state::unknown); }
std::string_view record_view::client_address() const { return view(ANDON_TABLE->client_address()); }
std::string_view record_view::user_agent() const { return view(ANDON_TABLE->user_agent()); }
std::string_view record_view::trace_id() const { return view(ANDON_TABLE->trace_id()); }
std::string_view record_view::content_type() const { return view(ANDON_TABLE->content_type()); }
std::string_view record_view::request_body() const { return view(ANDON_TABLE->request_body()); }
std::string_view record_view::reply_body() const { return view(ANDON_TABLE->reply_body()); }
std::uint64_t record_view::request_bytes() const { return ANDON_TABLE->request_bytes(); }
std::uint64_t record_view::reply_bytes() const { return ANDON_TABLE->reply_bytes(); }
bool record_view::truncated() const { return request_bytes() > request_body().size() || reply_bytes() > reply_body().size(); }
std::uint32_t record_view::stream_events() const { return ANDON_TABLE->stream_events(); }
nano_usd record_view::saved() const { return nano_usd{ANDON_TABLE->saved()}; }
std::string_view record_view::region() const { return view(ANDON_TABLE->region()); }
structure record_view::structured() const { return known(ANDON_TABLE->structured(), structure::invalid, structure::unchecked); }
std::uint8_t record_view::transport() const { return ANDON_TABLE->transport(); }
http_version record_view::http() const { return known(ANDON_TABLE->http(), http_version::http_2, http_version::none); }
http_version record_view::upstream_http() const {
  const auto count = attempt_count();
  return count == 0 ? http_version::none : known(ANDON_TABLE->attempts()->Get(static_cast<unsigned>(count - 1))->http(), http_version::http_2, http_version::none);
}
std::size_t record_view::tag_count() const { return ANDON_TABLE->tags() == nullptr ? 0 : ANDON_TABLE->tags()->size(); }
std::string_view record_view::tag(std::size_t i) const { return view(ANDON_TABLE->tags()->Get(static_cast<unsigned>(i))); }
std::size_t record_view::metadata_count() const { return ANDON_TABLE->metadata() == nullptr ? 0 : ANDON_TABLE->metadata()->size(); }
std::pair<std::string_view, std::string_view> record_view::metadata(std::size_t i) const {
  const auto* pair = ANDON_TABLE->metadata()->Get(static_cast<unsigned>(i));
  return {view(pair->name()), view(pair->value())};
}
std::size_t record_view::attempt_count() const { return ANDON_TABLE->attempts() == nullptr ? 0 : ANDON_TABLE->attempts()->size(); }
std::string_view record_view::attempt_model(std::size_t i) const { return view(ANDON_TABLE->attempts()->Get(static_cast<unsigned>(i))->model()); }
record record_view::materialize() const { return read(*ANDON_TABLE); }
#undef ANDON_TABLE

}  // namespace andon::ledger
