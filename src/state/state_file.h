#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "state/document.h"
#include "state/edits.h"
#include "store/store.h"

namespace cdc::state {

// Which document: a database has one, or one for each group that shares its tables.
struct DocumentName {
  std::string database;
  std::string group;  // "" when one process delivers all tables

  // "_cdc_to_s3/<database>.json", "_cdc_to_s3/groups/<database>/<group>.json"
  std::string Key() const;
};

// Whether the store can keep the document under its name; else what helps.
arrow::Status CheckName(const store::Store& store, const DocumentName& name);

// All documents of the database, as they are named now.
arrow::Result<std::vector<DocumentName>> ListDocuments(store::Store& store,
                                                       const std::string& database);

struct Stored {
  Document document;
  std::string version;  // of the store
};

// Nothing when there is none. Invalid when it is damaged; the message says where it is and what to
// do.
arrow::Result<std::optional<Stored>> ReadDocument(store::Store& store, const DocumentName& name);

// Whether the error means that another program is the owner now, or that the document is gone.
bool IsOwnershipLost(const arrow::Status& status);
arrow::Status OwnershipLost(std::string why);
// Whether a swap's outcome could not be learned (the store is away). Taking over anew settles it.
bool IsUnsettled(const arrow::Status& status);

// The document while this program owns it. Every change is one compare-and-swap; a lost reply is
// settled by reading the document: our owner id and counter in it mean that the swap happened. Used
// from one thread. After any error the object is dead: an unsettled swap may still take effect, and
// another one under the same counter could not be told from it. What is left is to stop, or to take
// over anew.
class OwnedDocument {
 public:
  // Takes the document over, or begins the first one when `stored` is nothing. From here on every
  // swap of an earlier owner fails. `fresh` fills a first document's identity. `lease`: what others
  // wait after our last swap before they take over.
  static arrow::Result<OwnedDocument> TakeOver(store::Store& store, const Clock& clock,
                                               const std::optional<Stored>& stored,
                                               const Document& fresh,
                                               std::chrono::milliseconds lease);

  // With the edits that wait for the next swap.
  const Document& document() const { return current_; }
  // When the last successful swap was sent: the time that puts are signed with.
  UtcTime last_swap_sent() const { return last_swap_sent_; }
  // Whether others will soon think that we are gone: time for a swap, even one without a change.
  bool needs_renewal() const;

  // An edit that nobody needs to wait for: seen at once, written with the next swap.
  void Note(Edit edit);
  bool has_pending() const { return !pending_.empty(); }
  // Writes what is pending, and then `edits`. After an error they are not seen.
  arrow::Status Swap(const Edits& edits = {});
  // OK if the stored document is still the one of our last swap; ownership lost if it is not.
  arrow::Status Confirm();
  // The last swap: whoever waits for the lease need not wait any longer.
  arrow::Status Release(Edits edits = {});

 private:
  OwnedDocument(store::Store& store, const Clock& clock) : store_(&store), clock_(&clock) {}
  arrow::Status SwapIn(Document next, const std::optional<std::string>& expected);

  store::Store* store_;
  const Clock* clock_;
  Document current_;
  Edits pending_;  // applied to current_ already
  std::string version_;
  UtcTime last_swap_sent_;
  std::chrono::nanoseconds last_swap_monotonic_{0};
};

}  // namespace cdc::state
