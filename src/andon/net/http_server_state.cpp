#include "andon/net/http_server_state.hpp"

#include <ctime>

#include "andon/net/http_server_connection.hpp"

namespace andon::net {
namespace {

constexpr std::size_t spare_workspaces = 64;
constexpr std::size_t kept_text = 64 * 1024;

void two_digits(char* to, int value) {
  to[0] = static_cast<char>('0' + value / 10);
  to[1] = static_cast<char>('0' + value % 10);
}

void forget_large(std::string& text) {
  if (text.capacity() > kept_text) std::string{}.swap(text);  // assigning an empty text would keep the buffer
  else text.clear();
}

}  // namespace

std::unique_ptr<workspace> server_state::lend() {
  std::unique_ptr<workspace> work;
  if (spare_.empty()) {
    work = std::make_unique<workspace>();
    work->parser = head_parser({.max_size = limits.max_head});
  } else {
    work = std::move(spare_.back());
    spare_.pop_back();
  }
  if (!work->buffer) {
    work->buffer = at.blocks().borrow();
    work->capacity = block_pool::block_size;
  }
  return work;
}

void server_state::take_back(std::unique_ptr<workspace> work) {
  if (work->capacity == block_pool::block_size) at.blocks().give_back(std::move(work->buffer));
  work->buffer.reset();
  if (spare_.size() >= spare_workspaces) return;
  work->begin = work->end = work->body_filled = 0;
  work->parser.restart();
  forget_large(work->body);
  forget_large(work->out);
  spare_.push_back(std::move(work));
}

std::string_view server_state::date() {
  const std::int64_t second = std::chrono::floor<std::chrono::seconds>(at.time().wall()).time_since_epoch().count();
  if (second != date_second_) {
    date_second_ = second;
    constexpr std::string_view days = "SunMonTueWedThuFriSat";
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    constexpr std::string_view form = "Day, 00 Mon 0000 00:00:00 GMT";
    const std::time_t when = second;
    std::tm parts{};
    ::gmtime_r(&when, &parts);
    char* to = date_text_.data();
    form.copy(to, form.size());
    days.copy(to, 3, static_cast<std::size_t>(parts.tm_wday) * 3);
    two_digits(to + 5, parts.tm_mday);
    months.copy(to + 8, 3, static_cast<std::size_t>(parts.tm_mon) * 3);
    two_digits(to + 12, (parts.tm_year + 1900) / 100);
    two_digits(to + 14, (parts.tm_year + 1900) % 100);
    two_digits(to + 17, parts.tm_hour);
    two_digits(to + 20, parts.tm_min);
    two_digits(to + 23, parts.tm_sec);
  }
  return {date_text_.data(), 29};
}

void server_state::left(server_connection&) {
  if (--counts.open == 0) ended.wake();
}

void server_state::each_connection(void (server_connection::*call)()) {
  list_link rest;
  rest.make_head();
  if (connections.next != &connections) {
    rest.insert_before(connections);
    connections.unlink();
    connections.make_head();
  }
  while (rest.next != &rest) {
    auto& one = *static_cast<server_connection*>(rest.next);
    one.unlink();
    one.insert_before(connections);
    (one.*call)();
  }
}

void server_state::abandon_all() { each_connection(&server_connection::abandon); }

}  // namespace andon::net
