#pragma once
// Sends by libcurl: HTTP and HTTPS to receivers, mail by SMTP. No redirects, no protocol but these; certificates are always
// checked, against the system's authorities or the configured file; a reply is read up to 64 KiB.
//
// The library is loaded by load_curl(), or with the first message.
//
// Threads: any; each call blocks for up to 15 s.
#include "andon/alert/receiver.hpp"

namespace andon::alert {

/// To be called where somebody may have to be told later, so that it is known at once whether they can be.
result<void> load_curl();

/// errc: unavailable (no library; it is tried again), invalid_argument (an address that is none), dns_failed, connect_failed, tls_failed, total_timeout, upstream_reset.
result<answer> send_by_curl(const outgoing& what);

}  // namespace andon::alert
