#include "andon/llm/price_rows.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"

namespace andon::llm::detail {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0;;) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    if (end == text.size()) return parts;
    at = end + 1;
  }
}

result<std::int64_t> read_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || value < 0)
    return fail(errc::invalid_argument, "'" + std::string(text) + "' is not a count");
  return value;
}

result<rule> read_rule(std::string_view text) {
  rule alternatives;
  if (text == "-") return alternatives;
  for (const std::string_view option : split(text, '|')) {
    auto& all = alternatives.emplace_back();
    for (const std::string_view part : split(option, '&')) {
      if (part.size() < 2 || std::string_view("=^~$").find(part[0]) == std::string_view::npos)
        return fail(errc::invalid_argument, "'" + std::string(part) + "' is not a match: write =name, ^start, ~part or $end");
      all.push_back({static_cast<match_kind>(part[0]), lower(part.substr(1))});
    }
  }
  alternatives.shrink_to_fit();
  return alternatives;
}

result<period> read_period(std::string_view text) {
  period when;
  if (text == "*") return when;
  const auto ends = split(text, '-');
  if (ends.size() == 2) {
    const auto first = read_number(ends[0]), last = read_number(ends[1]);
    if (!first || !last || *first >= 1440 || *last > 1440 || *first == *last)
      return fail(errc::invalid_argument, "'" + std::string(text) + "' is not a range of minutes");
    when.first_minute = static_cast<int>(*first);
    when.last_minute = static_cast<int>(*last);
    return when;
  }
  auto from = parse_rfc3339(text);
  if (!from) return std::unexpected(from.error());
  when.from = *from;
  return when;
}

result<std::int64_t> read_rate(std::string_view text) {
  if (text == "-") return rate_card::none;
  const auto dollars = parse_usd(text);
  if (!dollars) return std::unexpected(dollars.error());
  return dollars->value();
}

bool is_zero(const price& p) {
  return p.per_request == nano_usd{} && std::ranges::all_of(p.cards, [](const rate_card& card) {
    return std::ranges::all_of(card.per_million, [](std::int64_t rate) { return rate <= 0; }) &&
           std::ranges::any_of(card.per_million, [](std::int64_t rate) { return rate == 0; });
  });
}

/// Reads lines in order; the models belong to the provider above them, the rates to the model above them.
class reader {
public:
  result<void> line(std::string_view text) {
    const auto fields = split(text, '\t');
    if (fields[0] == "P" && fields.size() == 6) return provider(fields);
    if (fields[0] == "M" && fields.size() == 4 && !rows.empty()) return model(fields);
    if (fields[0] == "R" && fields.size() == 3 + token_classes + 1 && has_model()) return rates(fields);
    if ((fields[0] == "F" || fields[0] == "U") && fields.size() == 1 && has_model()) return unpriced(fields[0] == "F");
    return fail(errc::invalid_argument, "not a line of a price table");
  }

  result<void> end() const {
    if (rows.empty()) return fail(errc::invalid_argument, "the price table is empty");
    return complete();
  }

  std::vector<provider_row> rows;

private:
  using fields_t = std::vector<std::string_view>;

  [[nodiscard]] bool has_model() const { return !rows.empty() && !rows.back().models.empty(); }
  [[nodiscard]] result<void> complete() const {
    if (has_model() && rows.back().models.back().prices.empty()) return fail(errc::invalid_argument, "the model before it has no price line");
    return {};
  }

  result<void> provider(const fields_t& fields) {
    if (auto before = complete(); !before) return before;
    if (!rows.empty()) rows.back().models.shrink_to_fit();
    const auto hosts = read_rule(fields[2]), names = read_rule(fields[3]), owned = read_rule(fields[4]);
    for (const auto* each : {&hosts, &names, &owned})
      if (!*each) return std::unexpected(each->error());
    provider_row& row = rows.emplace_back(provider_row{lower(fields[1]), *hosts, *names, *owned, {}, {}});
    if (fields[5] != "-")
      for (const std::string_view other : split(fields[5], '|')) row.also_serves.emplace_back(other);
    return {};
  }

  result<void> model(const fields_t& fields) {
    if (auto before = complete(); !before) return before;
    const auto context = read_number(fields[1]), output = read_number(fields[2]);
    auto names = read_rule(fields[3]);
    if (!context) return std::unexpected(context.error());
    if (!output) return std::unexpected(output.error());
    if (!names) return std::unexpected(names.error());
    if (names->empty()) return fail(errc::invalid_argument, "a model needs a name");
    rows.back().models.push_back({std::move(*names), {*context, *output}, {}});
    return {};
  }

  result<void> rates(const fields_t& fields) {
    const auto when = read_period(fields[1]);
    const auto above = read_number(fields[2]);
    if (!when) return std::unexpected(when.error());
    if (!above) return std::unexpected(above.error());
    rate_card card{.above_input = *above};
    for (std::size_t i = 0; i < token_classes; ++i) {
      const auto rate = read_rate(fields[3 + i]);
      if (!rate) return std::unexpected(rate.error());
      card.per_million[i] = *rate;
    }
    const auto per_request = read_rate(fields[3 + token_classes]);
    if (!per_request) return std::unexpected(per_request.error());
    return add_card(*when, card, nano_usd{*per_request});
  }

  result<void> add_card(const period& when, const rate_card& card, nano_usd per_request) {
    auto& prices = rows.back().models.back().prices;
    if (card.above_input == 0) prices.push_back({when, {price_state::known, {}, per_request}});
    if (prices.empty() || prices.back().when != when) return fail(errc::invalid_argument, "a tier needs a first tier from 0");
    price& what = prices.back().what;
    if (!what.cards.empty() && card.above_input <= what.cards.back().above_input) return fail(errc::invalid_argument, "tiers must rise");
    what.cards.push_back(card);
    what.state = is_zero(what) ? price_state::free : price_state::known;
    return {};
  }

  result<void> unpriced(bool is_free) {
    rows.back().models.back().prices.push_back({{}, {is_free ? price_state::free : price_state::unknown, {}, {}}});
    return {};
  }
};

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

bool matches(const std::vector<clause>& all, std::string_view text) {
  return std::ranges::all_of(all, [text](const clause& each) {
    switch (each.how) {
      case match_kind::equals: return text == each.text;
      case match_kind::starts: return text.starts_with(each.text);
      case match_kind::ends: return text.ends_with(each.text);
      case match_kind::contains: return text.contains(each.text);
    }
    return false;
  });
}

bool matches(const rule& any, std::string_view text) {
  return std::ranges::any_of(any, [text](const auto& all) { return matches(all, text); });
}

bool period::holds(wall_time at) const {
  if (from) return at >= *from;
  if (first_minute == last_minute) return true;
  const auto minute = std::chrono::floor<std::chrono::minutes>(at - std::chrono::floor<std::chrono::days>(at)).count();
  return first_minute < last_minute ? minute >= first_minute && minute < last_minute : minute >= first_minute || minute < last_minute;
}

const price* model_row::at(wall_time when) const {
  for (std::size_t i = prices.size(); i-- > 0;)
    if (prices[i].when.holds(when)) return &prices[i].what;
  return prices.empty() ? nullptr : &prices.front().what;
}

result<std::vector<provider_row>> read_price_rows(std::string_view tsv) {
  reader rows;
  std::size_t number = 0;
  const auto at_line = [&](const error& problem) {
    return fail(problem.code, "price table, line " + std::to_string(number) + ": " + problem.message);
  };
  for (const std::string_view line : split(tsv, '\n')) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (auto read = rows.line(line); !read) return at_line(read.error());
  }
  if (auto done = rows.end(); !done) return at_line(done.error());
  return std::move(rows.rows);
}

}  // namespace andon::llm::detail
