#pragma once
// Structured logs to standard error: one line an event, text or JSON. An event is a constant name and fields; content
// of requests and credentials are never fields (type `secret` does not convert).
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace andon::log {

enum class level : std::uint8_t { debug, info, warn, error, off };
enum class format : std::uint8_t { text, json };

/// One key and its value. Refers to the caller's text: build it in the call.
struct field {
  using value_type = std::variant<std::string_view, std::int64_t, double, bool>;
  std::string_view key;
  value_type value;

  field(std::string_view k, std::string_view v) : key(k), value(v) {}
  field(std::string_view k, const char* v) : key(k), value(std::string_view{v}) {}
  field(std::string_view k, const std::string& v) : key(k), value(std::string_view{v}) {}
  field(std::string_view k, bool v) : key(k), value(v) {}
  field(std::string_view k, std::floating_point auto v) : key(k), value(static_cast<double>(v)) {}
  field(std::string_view k, std::integral auto v) requires(!std::same_as<decltype(v), bool>)
      : key(k), value(static_cast<std::int64_t>(v)) {}
};

using fields = std::initializer_list<field>;

/// Call once before threads start. Later calls to the event functions are thread-safe.
void configure(level least, format form);

void debug(std::string_view event, fields with = {});
void info(std::string_view event, fields with = {});
void warn(std::string_view event, fields with = {});
void error(std::string_view event, fields with = {});

/// One line without its end, as configured; exposed for tests.
std::string render(level at, format form, std::string_view timestamp, std::string_view event, fields with);

}  // namespace andon::log
