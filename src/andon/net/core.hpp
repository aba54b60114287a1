#pragma once
// The reactor: one io_context(1) and one thread per core, nothing shared between them.
//
// Life cycle: construct, spawn work on each core, run() (blocks until stop() from any thread or signal context via
// post). Two-phase stop: request_stop() makes listeners refuse and connections finish; join() waits for the gate.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>

#include "andon/base/clock.hpp"
#include "andon/base/random.hpp"

namespace andon::net {

using io_context = boost::asio::io_context;
using executor = io_context::executor_type;
/// The coroutine of everything in this program.
template <class T>
using task = boost::asio::awaitable<T, executor>;

}  // namespace andon::net
