#pragma once
// The types a setting can have: how each is written in YAML, printed in the reference and described to editors.
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/quantity.hpp"
#include "andon/base/secret.hpp"

namespace andon::app {

/// `host:port`, `[v6]:port`, `:port`.
struct address {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const address&) const = default;
};
std::string to_string(const address&);

/// A choice by name. Specialise enum_names<E> with the names in the order of the values.
template <class E>
struct enum_names;

/// How a type of value is read and shown. `type` is for people, `json_type` for the JSON Schema.
template <class T>
struct value_codec;

template <>
struct value_codec<bool> {
  static constexpr std::string_view type = "true or false", json_type = "boolean";
  static result<bool> read(std::string_view text);
  static std::string print(bool v) { return v ? "true" : "false"; }
};
template <>
struct value_codec<std::int64_t> {
  static constexpr std::string_view type = "count (200, 5k, 2M)", json_type = "count";
  static result<std::int64_t> read(std::string_view text);
  static std::string print(std::int64_t v) { return std::to_string(v); }
};
template <>
struct value_codec<double> {
  static constexpr std::string_view type = "number", json_type = "number";
  static result<double> read(std::string_view text);
  static std::string print(double v);
};
template <>
struct value_codec<std::string> {
  static constexpr std::string_view type = "text", json_type = "string";
  static result<std::string> read(std::string_view text) { return std::string(text); }
  static std::string print(const std::string& v) { return v; }
};
template <>
struct value_codec<secret> {
  static constexpr std::string_view type = "secret (\"${NAME}\", env:NAME or file:PATH)", json_type = "string";
  static result<secret> read(std::string_view text);
  static std::string print(const secret& v) { return v.empty() ? "" : "********"; }
};
template <>
struct value_codec<nanoseconds> {
  static constexpr std::string_view type = "duration (250ms, 2s, 15m, 36h, 7d)", json_type = "string";
  static result<nanoseconds> read(std::string_view text);
  static std::string print(nanoseconds v);
};
template <>
struct value_codec<byte_count> {
  static constexpr std::string_view type = "size (64 KiB, 32 MiB, 10 GB)", json_type = "string";
  static result<byte_count> read(std::string_view text);
  static std::string print(byte_count v);
};
template <>
struct value_codec<nano_usd> {
  static constexpr std::string_view type = "amount (500 USD)", json_type = "string";
  static result<nano_usd> read(std::string_view text);
  static std::string print(nano_usd v);
};
template <>
struct value_codec<address> {
  static constexpr std::string_view type = "address (host:port)", json_type = "string";
  static result<address> read(std::string_view text);
  static std::string print(const address& v) { return to_string(v); }
};

template <class E>
  requires std::is_enum_v<E>
struct value_codec<E> {
  static constexpr std::string_view type = "choice", json_type = "string";
  static result<E> read(std::string_view text) {
    std::string all;
    std::size_t index = 0;
    for (std::string_view name : enum_names<E>::names) {
      if (text == name) return static_cast<E>(index);
      all.append(index++ ? ", " : "").append(name);
    }
    return fail(errc::invalid_argument, "'" + std::string(text) + "' is not one of " + all);
  }
  static std::string print(E v) { return std::string(enum_names<E>::names[static_cast<std::size_t>(v)]); }
};

}  // namespace andon::app
