#pragma once
// The admin API's private side.
#include <atomic>
#include <stop_token>

#include "andon/admin/admin_api.hpp"
#include "andon/admin/audit.hpp"
#include "andon/admin/guard.hpp"
#include "andon/admin/route_table.hpp"
#include "andon/admin/work_pool.hpp"

namespace andon::admin {

struct admin_api::state {
  state(net::core& on, services with);

  net::core& core;
  services parts;
  access::directory_reader callers;
  failure_count failures;
  refusal_pace refused_acts;
  work_pool pool;
  std::stop_source ending;
  metrics::counter& refusals;

  net::task<void> answer(net::incoming_call& call);
  net::task<void> serve(net::incoming_call& call, const admin_path& path, request& asked, std::stop_source& stop);
  net::task<void> run_stream(net::incoming_call& call, const admin_path& path, const request& asked, std::stop_source& stop);
  net::task<result<reply>> run_blocking(const admin_path& path, const request& asked);
  /// As run_blocking, with an entry of the audit log before and after.
  net::task<result<reply>> run_act(net::incoming_call& call, const admin_path& path, request& asked);
  /// An act that the caller may not do, into the audit log.
  net::task<void> note_refusal(net::incoming_call& call, const admin_path& path, const request& asked, const error& why);
  net::task<result<reply>> run_poll(const admin_path& path, const request& asked);
  net::task<void> respond(net::incoming_call& call, const admin_path* path, const access::caller& who, const result<reply>& with);
  net::task<void> refuse(net::incoming_call& call, const admin_path* path, int status, const error& why, const access::caller& who, std::string_view extra_name = {}, std::string_view extra = {});

  /// Host, Origin: empty when both are in order. 421 or 403 otherwise.
  std::optional<std::pair<int, error>> check_origin(const net::incoming_call& call) const;
  result<access::caller> identify(const net::incoming_call& call);
  /// For paths by link: errc::requests_limited for a peer that guesses, else as alert::board::read_link.
  [[nodiscard]] std::string seconds_to_wait(const net::incoming_call& call) const;
  result<void> check_link(const net::incoming_call& call, const std::string& token);
  void note(const net::incoming_call& call, const admin_path* path, const access::caller& who, int status);
};

}  // namespace andon::admin
