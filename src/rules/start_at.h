#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>
#include <variant>

#include "base/clock.h"
#include "base/position.h"
#include "source/source.h"

// Where a table begins, as `start` says: the oldest row, now, a time, or an LSN.
namespace cdc::rules {

struct Oldest {};
struct Now {};
using Start = std::variant<Oldest, Now, UtcTime, Lsn>;

// Invalid says what a start may be.
arrow::Result<Start> ParseStart(const std::string& text);

// The same for a server's present: a start in its future is refused, by every command alike.
arrow::Result<Start> ParseStart(const std::string& text, const source::PollInfo& info);

// Answers of the server that a start may need.
struct StartFacts {
  const Lsn& horizon;
  const source::CaptureInstance& instance;
  // A time: the newest commit before every one that may lie at or after it. Nothing: there is none.
  std::optional<Lsn> last_before = std::nullopt;
  // An LSN: the instance has lost nothing since it was made.
  bool instance_is_whole = false;
};

// Whether StartAt needs to know `instance_is_whole`.
bool AsksWhetherWhole(const Start& start, const source::CaptureInstance& instance);

Position StartAt(const Start& start, const StartFacts& facts);

}  // namespace cdc::rules
