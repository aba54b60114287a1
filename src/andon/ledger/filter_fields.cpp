#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "andon/ledger/filter.hpp"
#include "andon/ledger/record.hpp"

namespace andon::ledger {
namespace {

using enum field_type;

constexpr std::array fields{
    field_about{field::project, "project", "", name, "", "the project that called; `none` for unknown callers", "project:shop"},
    field_about{field::key, "key", "key_id", name, "", "the key's id", "key:key_1*"},
    field_about{field::user, "user", "", name, "", "the request's `user` or `safety_identifier`", "user:u1"},
    field_about{field::session, "session", "", name, "", "the request's `x-andon-session`", "session:s-7"},
    field_about{field::route, "route", "", name, "", "the model name that the client asked for", "route:chat"},
    field_about{field::model, "model", "", name, "", "the model that served", "model:gpt-4o*"},
    field_about{field::provider, "provider", "", name, "", "the provider that served", "provider:openai"},
    field_about{field::upstream_model, "upstream_model", "", name, "", "the model name in the reply", "upstream_model:~2024"},
    field_about{field::method, "method", "", name, "", "HTTP method", "method:post"},
    field_about{field::path, "path", "", name, "", "HTTP path", "path:/v1/embeddings"},
    field_about{field::finish, "finish", "finish_reason", name, "", "why generation ended", "finish:length"},
    field_about{field::message, "message", "error_message", name, "", "the error's message", "message:~refused"},
    field_about{field::address, "address", "client client_address", name, "", "the client's address", "address:10.*"},
    field_about{field::agent, "agent", "user_agent", name, "", "the client's User-Agent", "agent:~python"},
    field_about{field::content_type, "content_type", "", name, "", "content type of the reply", "content_type:audio/*"},
    field_about{field::trace, "trace", "trace_id", name, "", "trace id, hex", "trace:4bf92f3577b34da6a3ce929d0e0e4736"},
    field_about{field::tag, "tag", "tags", names, "", "one of the tags", "tag:beta"},
    field_about{field::meta, "meta", "metadata", names, "", "a metadata value by its key; `meta:key` asks whether the key is there", "meta.team:a"},
    field_about{field::operation, "op", "operation", word, "", "chat, completion, embeddings, models, feedback or other", "op:chat"},
    field_about{field::outcome, "outcome", "error", word, "", "name of the error, one of its words, or `none`; `error:*` is any", "error:tim*"},
    field_about{field::origin, "origin", "", word, "", "who is answerable: client, limit, guard, gateway, provider or none", "origin:provider"},
    field_about{field::delivered, "delivered", "", word, "", "none, cut or complete", "delivered:cut"},
    field_about{field::price, "price", "", word, "", "unknown, known, free or unknown_tier", "price:unknown"},
    field_about{field::cache, "cache", "", word, "", "hit, semantic or shared when no target was called; miss, refresh or off; none without a cache", "cache:hit"},
    field_about{field::http, "http", "", word, "", "the HTTP that the client spoke: 1.0, 1.1 or 2; none where it is not known", "http:2"},
    field_about{field::upstream_http, "upstream_http", "", word, "", "the HTTP of the last reply of a provider: 1.0, 1.1 or 2; none without one", "upstream_http:1.1"},
    field_about{field::stream, "stream", "", flag, "", "the reply was a stream", "stream:true"},
    field_about{field::interrupted, "interrupted", "", flag, "", "closed by recovery after a crash", "interrupted:true"},
    field_about{field::estimated, "estimated", "", flag, "", "usage was counted by the gateway", "estimated:true"},
    field_about{field::truncated, "truncated", "", flag, "", "a body is stored shorter than it was", "truncated:true"},
    field_about{field::status, "status", "http_status", field_type::number, "", "HTTP status that the client got", "status>=500"},
    field_about{field::cost, "cost", "", money, "nano_usd", "cost in dollars", "cost>0.01"},
    field_about{field::tokens, "tokens", "", field_type::number, "tokens", "input and output tokens", "tokens>1000"},
    field_about{field::input, "input", "input_tokens", field_type::number, "tokens", "input tokens", "input>4k"},
    field_about{field::output, "output", "output_tokens", field_type::number, "tokens", "output tokens", "output<10"},
    field_about{field::cached, "cached", "cached_tokens", field_type::number, "tokens", "input tokens read from the provider's cache", "cached>0"},
    field_about{field::reasoning, "reasoning", "reasoning_tokens", field_type::number, "tokens", "reasoning tokens", "reasoning>0"},
    field_about{field::latency, "latency", "duration", duration, "ns", "from the request's first byte to the reply's last", "latency>2s"},
    field_about{field::ttft, "ttft", "first_token", duration, "ns", "time to the first token; 0 when there was none", "ttft>500ms"},
    field_about{field::upstream, "upstream", "", duration, "ns", "time spent waiting for providers", "upstream<1s"},
    field_about{field::request_bytes, "request_bytes", "", bytes, "bytes", "size of the request body", "request_bytes>1MiB"},
    field_about{field::reply_bytes, "reply_bytes", "", bytes, "bytes", "size of the reply body", "reply_bytes>64k"},
    field_about{field::attempts, "attempts", "", field_type::number, "", "how many targets were tried, repeats included", "attempts>1"},
    field_about{field::started, "started", "time", field_type::time, "ns", "when the request arrived: a date, a time, or an age", "started>=2026-01-31"},
    field_about{field::id, "id", "", identity, "", "request id, as in `x-andon-request-id`", "id:req_01HZX…"},
};
static_assert(fields.size() == field_count);
static_assert([] { for (std::size_t i = 0; i < fields.size(); ++i) if (fields[i].which != static_cast<field>(i)) return false; return true; }());

constexpr std::array syntax{
    syntax_about{"word", "a word of the prompt or the reply, in any case; characters of Chinese, Japanese and Thai count as words", "refund"},
    syntax_about{"\"a phrase\"", "these words next to each other; punctuation does not count", "\"exact phrase\""},
    syntax_about{"pre*", "a word, or the last word of a phrase, that begins so", "refund*"},
    syntax_about{"~text", "anywhere in words, also in their middle", "~fund"},
    syntax_about{"in:prompt word", "only in the prompt; in:reply only in the reply", "in:prompt refund"},
    syntax_about{"field:value", "the field is this value, in any case; `value*` begins so, `~value` contains it, `*` is not empty; several: a,b", "model:gpt-4o,haiku"},
    syntax_about{"field>value", "also >=, <, <=, =, !=, and `field:low..high` with both ends included", "status:500..599"},
    syntax_about{"since:1h until:5m", "started at most so long ago, or after a date; until is the other end", "since:2026-01-31"},
    syntax_about{"a b", "both; OR and parentheses as usual, AND may be written", "(tag:x OR tag:y) refund"},
    syntax_about{"-a", "not; NOT may be written", "-refund"},
    syntax_about{"units", "ms s m h d; k M G (thousands), KiB MiB GiB; $ before money", "tokens>2k"},
};

constexpr std::array<std::string_view, 6> operations{"chat", "completion", "embeddings", "models", "other", "feedback"};
constexpr std::array<std::string_view, 3> deliveries{"none", "cut", "complete"};
constexpr std::array<std::string_view, 4> price_states{"unknown", "known", "free", "unknown_tier"};
constexpr std::array<std::string_view, 7> cache_uses{"none", "off", "miss", "refresh", "hit", "semantic", "shared"};
constexpr std::array<std::string_view, 4> http_versions{"none", "1.0", "1.1", "2"};

bool has_alias(std::string_view aliases, std::string_view name) {
  while (!aliases.empty()) {
    const std::size_t space = aliases.find(' ');
    if (aliases.substr(0, space) == name) return true;
    if (space == std::string_view::npos) return false;
    aliases.remove_prefix(space + 1);
  }
  return false;
}

}  // namespace

std::span<const field_about> field_table() { return fields; }
std::span<const syntax_about> syntax_table() { return syntax; }
const field_about& about(field f) { return fields[static_cast<std::size_t>(f)]; }

const field_about* find_field(std::string_view text) {
  const auto found = std::ranges::find_if(fields, [&](const field_about& f) { return f.name == text || has_alias(f.aliases, text); });
  return found == fields.end() ? nullptr : &*found;
}

std::string_view word_name(field f, std::int64_t value) {
  const auto of = [&](const auto& table) { return value >= 0 && value < static_cast<std::int64_t>(table.size()) ? table[static_cast<std::size_t>(value)] : std::string_view{}; };
  switch (f) {
    case field::operation: return of(operations);
    case field::delivered: return of(deliveries);
    case field::price: return of(price_states);
    case field::cache: return of(cache_uses);
    case field::http:
    case field::upstream_http: return of(http_versions);
    default: return {};
  }
}

std::string filter_reference() {
  std::string out = "# Filters\n\n| form | meaning | example |\n| --- | --- | --- |\n";
  for (const auto& s : syntax) out += fmt::format("| `{}` | {} | `{}` |\n", s.form, s.meaning, s.example);
  out += "\n| field | also | meaning | example |\n| --- | --- | --- | --- |\n";
  for (const auto& f : fields) out += fmt::format("| `{}` | {} | {} | `{}` |\n", f.name, f.aliases, f.meaning, f.example);
  return out;
}

}  // namespace andon::ledger
