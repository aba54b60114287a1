#pragma once
#include "andon/ledger/journal.hpp"
#include "andon/ledger/journal_stream.hpp"

namespace andon::ledger {

struct journal_writer::state {
  stream_log* log;
  record_encoder encoder{};
};

}  // namespace andon::ledger
