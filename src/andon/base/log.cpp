#include "andon/base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>

#include "andon/base/json_text.hpp"
#include "andon/base/time_text.hpp"

namespace andon::log {
namespace {

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warn", "error"};
constexpr std::array spdlog_levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err,
                                   spdlog::level::off};

level threshold = level::info;
format form_in_use = format::text;

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = spdlog::stderr_logger_mt("andon");
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

void append_value(std::string& out, const field::value_type& value, format form) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    if (form == format::json || text->find_first_of(" \"=\n\r\t") != std::string_view::npos || text->empty())
      append_json_string(out, *text);
    else
      out += *text;
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    out += std::to_string(*number);
  } else if (const auto* real = std::get_if<double>(&value)) {
    fmt::format_to(std::back_inserter(out), "{:.6g}", *real);
  } else {
    out += std::get<bool>(value) ? "true" : "false";
  }
}

void write(level at, std::string_view event, fields with) {
  if (at < threshold) return;
  const auto now = std::chrono::time_point_cast<nanoseconds>(std::chrono::system_clock::now());
  const auto line = render(at, form_in_use, format_rfc3339(now), event, with);
  sink().log(spdlog_levels[static_cast<std::size_t>(at)], spdlog::string_view_t{line.data(), line.size()});
}

}  // namespace

std::string render(level at, format form, std::string_view timestamp, std::string_view event, fields with) {
  const auto name = level_names[static_cast<std::size_t>(at)];
  std::string out;
  if (form == format::text) {
    out = fmt::format("{} {:5} {}", timestamp, name, event);
    for (const auto& [key, value] : with) {
      out.append(" ").append(key).append("=");
      append_value(out, value, form);
    }
    return out;
  }
  out = fmt::format(R"({{"time":"{}","level":"{}","event":)", timestamp, name);
  append_json_string(out, event);
  for (const auto& [key, value] : with) {
    out += ',';
    append_json_string(out, key);
    out += ':';
    append_value(out, value, form);
  }
  return out + "}";
}

void configure(level least, format form) {
  threshold = least;
  form_in_use = form;
  sink().flush_on(spdlog::level::debug);
}

void debug(std::string_view event, fields with) { write(level::debug, event, with); }
void info(std::string_view event, fields with) { write(level::info, event, with); }
void warn(std::string_view event, fields with) { write(level::warn, event, with); }
void error(std::string_view event, fields with) { write(level::error, event, with); }

}  // namespace andon::log
