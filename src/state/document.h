#pragma once

#include <arrow/result.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/known_columns.h"
#include "base/object_identity.h"
#include "base/position.h"

namespace cdc::state {

inline constexpr int64_t kDocumentVersion = 2;

// Of a table's altered values: so many columns by name, all further ones together under a name that
// no column has.
inline constexpr size_t kAlteredColumnsKept = 100;
inline constexpr char kOtherColumns[] = "";

// A range of LSNs whose rows can no longer be read, accepted by an operator or by on_gap =
// "continue".
struct Gap {
  Position from;            // exclusive
  Position to;              // inclusive
  std::string accepted_at;  // UTC, ISO 8601
  // The object whose footer carries the gap; 0 until it is claimed.
  int64_t carried_by = 0;
  // Not 0: of an earlier table that the entry had, and that another one has followed.
  int64_t source_object_id = 0;
  bool operator==(const Gap&) const = default;
};

// Which object of a table comes next. From the moment a claim is in the document these rows belong
// to this object for ever. It is of the document's history.
struct Claim : ObjectIdentity {
  std::string key;         // relative to the target
  bool confirmed = false;  // the object is known to be there
  bool operator==(const Claim&) const = default;
};

// What a capture instance is known by.
struct InstanceIds {
  std::string name;
  int64_t change_table_object_id = 0;
  int64_t source_object_id = 0;
  bool operator==(const InstanceIds&) const = default;
};

using cdc::EarlierTable;
using cdc::kClear;
using cdc::kLeftOut;
using cdc::kMasked;
using cdc::KnownColumn;
using cdc::KnownColumns;

// What the columns of a folder's objects look like to readers, as short as it can be said: the last
// object's own footer has the rest.
struct FolderForm {
  // A digest of the last object's types and options (rules/object_form.h); "": not known.
  std::string last;
  // Parquet types of columns that the last object does not have, or has narrower.
  std::map<std::string, std::string> earlier_types;
  bool operator==(const FolderForm&) const = default;
};

// A table is its source_object_id. Its entry's name is what settings, folder and messages go by,
// whatever the server calls the table today.
struct Table {
  std::string schema;
  std::string name;
  std::string name_today;  // schema.name, where that is another one
  int64_t source_object_id = 0;
  int64_t change_table_object_id = 0;
  std::string capture_instance;
  std::string folder;  // where its objects go, with a trailing '/', up to the first {date}
  // That it had before, and that stay its own: readers could not merge what came then.
  std::vector<std::string> earlier_folders;

  Position start;
  Position position;  // all rows up to here are in objects, or in the claimed one
  Lsn empty_through;  // known to have no further rows up to here; zero: not beyond `position`
  bool in_cut =
      false;  // counts for complete_through; a table joins when it has reached the horizon
  std::optional<Claim> claim;  // the last one
  std::vector<Gap> gaps;
  // By column, only where not 0: values of claimed objects that lost something, since the history
  // began. Counted with the claim; an object that is recovered may have other counts.
  std::map<std::string, int64_t> altered_values;
  // Instances of the table that were left for a newer one: they are never gone back to, unless they
  // still show rows that the newer one does not. One that helps out so is among them.
  std::vector<int64_t> earlier_instances;  // change_table_object_id
  std::vector<EarlierTable> earlier_tables;
  int64_t follows = 0;   // source_object_id of a table that an operator lets go on under this name
  KnownColumns columns;  // where some column is, or was, masked or left out, or a list says which
  FolderForm form;       // of the objects in `folder`
  std::string stopped;   // why, or ""
  std::string stopped_since;  // UTC
  bool operator==(const Table&) const = default;

  std::string QualifiedName() const { return schema + "." + name; }
  int64_t sequence() const { return claim ? claim->sequence : 0; }
  // "dbo.Orders", or "dbo.Orders (called dbo.Orders_old today)".
  std::string NameForPeople() const;
  std::vector<std::string> Folders() const;  // all of them
};

struct Owner {
  std::string id;       // random, made anew at every start of the program
  int64_t counter = 0;  // grows with every swap: no two versions of the document are byte-equal
  std::string host;     // for people
  int64_t pid = 0;
  std::string process;  // ProcessIdentity
  std::string since;    // UTC
  // Others wait so long after the document's last change before they take over; 0: given up.
  int64_t lease_ms = 0;
  bool operator==(const Owner&) const = default;
};

// An LSN at or above every position in the document. It must be found again, with the same time, in
// cdc.lsn_time_mapping; else the database was restored or replaced.
struct Anchor {
  Lsn lsn;
  std::string tran_end_time;  // as the server writes it
  bool operator==(const Anchor&) const = default;
};

// The state of one database: the truth about what has been delivered (docs/FORMAT.md).
struct Document {
  int64_t version = kDocumentVersion;
  std::string database;
  std::string group;  // this document's share of the database's tables; "": all
  // sys.databases.service_broker_guid, and of sys.database_recovery_status; "" when the server does
  // not tell.
  std::string database_guid;
  std::string family_guid;
  std::string recovery_fork_guid;
  std::string history_id;
  Owner owner;
  std::optional<Anchor> anchor;
  // Every table of the consistent cut is complete up to here.
  Lsn complete_through;
  std::vector<std::string> held_back_by;  // tables of the consistent cut that are behind
  std::map<std::string, Table> tables;    // by schema.name
  bool operator==(const Document&) const = default;

  std::string ToJson() const;
  // Invalid says what is wrong with the text; a document of a newer format version is refused.
  static arrow::Result<Document> FromJson(const std::string& text);

  // Everything of the table up to here is delivered or known not to exist.
  Position ResumePosition(const Table& table) const;
};

}  // namespace cdc::state
