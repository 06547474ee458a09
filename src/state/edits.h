#pragma once

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "state/document.h"

// Every change that is made to a state document while it is owned: a value with a name, applied in
// one place. `table` is the name of an entry, which must be there.
namespace cdc::state {

// INVARIANT: an entry with its start is in the document before anything of its table is read.
struct EnterTable {
  Table table;
};

// The entry of a table that another document has, too, goes: nothing was read for it.
struct WithdrawTable {
  std::string table;
};

// The table is read from another capture instance of the same source table from here on.
struct FollowInstance {
  std::string table;
  InstanceIds instance;
  // It shows rows that the one before it does not any more, until that one goes on.
  bool helps_out = false;
};

// An operator lets another source table go on under the entry's name, once what the present one
// has is delivered.
struct AllowFollower {
  std::string table;
  int64_t source_object_id = 0;
};

// The entry's name, folder and numbers go on with another source table, from its own start.
struct FollowTable {
  std::string table;
  InstanceIds instance;
  Position start;
  KnownColumns columns;
};

// A table of which nothing was read begins later.
struct MoveStart {
  std::string table;
  Position start;
};

// What the source table is called now, where that is not the entry's name.
struct NoteName {
  std::string table;
  std::string name_today;
};

// INVARIANT: from here on these rows belong to this object: whoever comes next delivers exactly
// them. `altered`: by column, values of the object that lost something.
struct ClaimObject {
  std::string table;
  Claim claim;
  std::map<std::string, int64_t> altered;
  KnownColumns columns;  // of what was read
  std::string folder;    // that the key is in; another one than the entry's begins with it
  FolderForm form;       // of that folder with the object in it
};

// What the settings keep back of a table, though nothing of it was read since they say so.
struct RememberColumns {
  std::string table;
  KnownColumns columns;
};

// The claimed object is known to be there.
struct ConfirmClaim {
  std::string table;
  int64_t sequence = 0;
};

// The claimed object is there with all its rows, though they were taken for lost: another owner's
// put was still under way then.
struct FindWhole {
  std::string table;
};

// Rows are gone for good, and the table goes on behind them; a gap inside the table's claim makes
// that incomplete instead.
struct RecordGap {
  std::string table;
  Gap gap;
};

// Somebody must act before the table is read again.
struct StopTable {
  std::string table;
  std::string why;
  std::string since;  // UTC
};

struct ResumeTable {
  std::string table;
};

// No setting selects the table any more: it leaves the consistent cut, and keeps its resume position.
struct LeaveOut {
  std::string table;
};

// There are no rows of the table up to here, beyond those that are in objects.
struct NoteEmpty {
  std::string table;
  Lsn through;
};

// The anchor only moves forward: it stays at or above every position.
struct MoveAnchor {
  Anchor anchor;
};

// What the server tells of the database's identity today.
struct TakeIdentity {
  std::string database_guid, family_guid, recovery_fork_guid;
};

// The end of a round: `complete` are the tables that are delivered up to `horizon`.
struct CloseRound {
  std::set<std::string> complete;
  Lsn horizon;
};

// Whoever waits for the lease need not wait any longer.
struct GiveUp {};

using Edit = std::variant<EnterTable, WithdrawTable, FollowInstance, AllowFollower, FollowTable,
                          MoveStart, NoteName, ClaimObject, RememberColumns, ConfirmClaim,
                          FindWhole, RecordGap, StopTable, ResumeTable, LeaveOut, NoteEmpty,
                          MoveAnchor, TakeIdentity, CloseRound, GiveUp>;
using Edits = std::vector<Edit>;

// An edit that changes nothing leaves the document equal.
void Apply(const Edit& edit, Document* document);

}  // namespace cdc::state
