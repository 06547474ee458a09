#pragma once

#include <optional>
#include <string>

#include "source/source.h"
#include "state/edits.h"

// Whether the database is still the one that the document knows.
namespace cdc::rules {

enum class History {
  kSame,
  kWait,     // the server is behind the anchor: a replica that lags, or nothing is known yet
  kPassed,   // retention has passed the anchor; the gap rule decides for each table
  kReplaced  // restored, or another database behind the same name: nothing may be read
};

struct HistoryVerdict {
  History history = History::kSame;
  std::string why;  // for people
};

// The anchor is an LSN that we saw with its commit time. Inside the range of cdc.lsn_time_mapping
// it must be there still, with the same time.
HistoryVerdict JudgeHistory(const std::optional<state::Anchor>& anchor,
                            const source::PollInfo& info);

// Whether the server's database is the one of the document: its anchor decides, and what else the
// server tells of its identity is a further witness.
struct DatabaseVerdict {
  History history = History::kSame;
  std::string why;  // for people
  // The same database says something else of itself than the document knows (a new broker after
  // SET NEW_BROKER, a new recovery fork after a restore to an LSN behind all that was delivered):
  // to be taken over, and told. "": nothing.
  std::string changed;
};
DatabaseVerdict JudgeDatabase(const state::Document& document,
                              const source::DatabaseIdentity& identity,
                              const source::PollInfo& info);

// Whether object ids, which a backup keeps, mean the same objects as in the document: in the database
// itself and in those that were restored from its backups. What one of both sides does not tell
// stands against nothing.
bool KeepsObjectIds(const state::Document& document, const source::DatabaseIdentity& identity);

// What the document is to know of the database; what the server does not tell today stays.
state::TakeIdentity IdentityOf(const state::Document& document,
                               const source::DatabaseIdentity& identity);
bool DiffersFrom(const state::Document& document, const state::TakeIdentity& identity);

// What helps a person after kReplaced, in words that follow a sentence.
std::string AdviceForReplaced(const state::Document& document, const source::PollInfo& info);

// The anchor that a horizon gives.
state::Anchor AnchorOf(const source::Horizon& horizon);

}  // namespace cdc::rules
