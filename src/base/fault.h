#pragma once

#include <arrow/status.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/position.h"

namespace cdc {

// When the same may go better.
enum class Retry {
  kNextRound,         // by itself: a deadlock victim, a lock timeout, a store that is busy
  kAfterReconnect,    // on a new connection: this one is dead, or a result of it was cut
  kWhenSomebodyActs,  // until somebody changes something: a right, a setting, a password
};

// What it keeps from going on. Smaller first.
enum class Reach {
  kValue,       // one row's value; the rows before it are good
  kTable,       // the work in hand, which is a table's or else the round's; other tables go on
  kConnection,  // all that goes over the same connection, or to the same store
  kEverything,  // the whole document: whoever went on might lose or repeat rows
  kOwnership,   // the document itself is another program's, or may be
};

// What an error means: said where the error is known, and only read above. It is the one detail
// that a status carries; WithMessage keeps it, a status that is made of another one's message loses
// it.
struct Fault {
  // An error without a detail: of our own data, of the server's answers, of the system.
  Retry retry = Retry::kWhenSomebodyActs;
  Reach reach = Reach::kTable;
  int native = 0;  // SQL Server's error number; 0 when it is none of its errors
  // What a caller of the same room branches on ("not found"); a text that lives for ever.
  std::string_view code = {};
  std::string records = {};                   // the driver's own words, for people
  std::optional<RowKey> row = {};             // kValue: the row
  std::optional<Position> whole_before = {};  // and the end of the whole rows before it, if any
};

arrow::Status MakeFault(Fault fault, std::string message,
                        arrow::StatusCode code = arrow::StatusCode::IOError);
// The same error, with another meaning.
arrow::Status WithFault(const arrow::Status& status, Fault fault);
// Of an error without a detail, and of OK: Fault().
const Fault& FaultOf(const arrow::Status& status);

// The most frequent ones.
arrow::Status TransientFault(std::string message);   // of the work in hand, until the next round
arrow::Status StopsTable(std::string message);       // until somebody acts
arrow::Status StopsEverything(std::string message);  // until somebody acts
bool IsStopsEverything(const arrow::Status& status);

}  // namespace cdc
