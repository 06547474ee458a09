#pragma once

#include <arrow/status.h>

#include <set>
#include <string>
#include <vector>

#include "capture/context.h"

namespace cdc::capture {

// The commit protocol's steps for a round: objects that were read become ready, then all ready ones
// are claimed in one swap, put, and confirmed with the next swap (design section 2.1).
class Delivery {
 public:
  Delivery(Context& context, const source::Horizon& horizon)
      : context_(context), horizon_(horizon) {}

  // Reads and delivers everything of the table up to the horizon. `place`: where reading begins.
  arrow::Status Table(const std::string& name, const source::CaptureInstance& instance);
  // Claims, puts and marks confirmed what is ready.
  arrow::Status Flush();
  // Tables whose rows were dropped because cleanup came in between: nothing is known of them yet.
  const std::set<std::string>& overtaken() const { return overtaken_; }
  // Tables of which an object was put.
  const std::set<std::string>& delivered() const { return delivered_; }

 private:
  struct Ready {
    std::string table;
    source::CaptureInstance instance;
    Position place;  // where its reading began
    BuiltObject object;
    std::string key;
  };

  bool ShouldFlush() const;
  arrow::Status StillReadable();
  arrow::Status Claim();
  arrow::Status Put(Ready& ready);

  Context& context_;
  const source::Horizon horizon_;
  std::vector<Ready> ready_;
  std::set<std::string> overtaken_;
  std::set<std::string> delivered_;
};

// The record of a table's next object, as far as it is known before its rows are.
pq::FooterRecord NextRecord(const Context& context, const state::Table& table,
                            const source::CaptureInstance& instance);

// Puts an object under its claimed key. Already there is fine if it is the claimed one; a foreign
// object at the key stops the table: the same key, for ever, never another one.
arrow::Status PutClaimed(Context& context, const std::string& key, const BuiltObject& object);

// Whether an object's user metadata says that it is the claimed one.
bool IsClaimed(const std::optional<pq::ObjectIdentity>& found, const std::string& history_id,
               const state::Claim& claim);

}  // namespace cdc::capture
