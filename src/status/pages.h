#pragma once

#include "status/board.h"
#include "status/server.h"

namespace cdc::status {

// /metrics, /healthz, /status.json and the status page, of one board, which must outlive them.
Pages PagesOf(Board& board);

}  // namespace cdc::status
