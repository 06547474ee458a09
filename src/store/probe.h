#pragma once

#include <arrow/result.h>

#include <string>

#include "store/store.h"

namespace cdc::store {

enum class Condition {
  kHolds,
  kIgnored,   // the store writes in spite of it: two programs would overwrite each other's work
  kRefused,   // the store does not know such requests
  kNotKnown,  // it could not be tried, see the advice
};

struct Conditions {
  Condition put_if_absent = Condition::kNotKnown;
  Condition swap = Condition::kNotKnown;
  std::string advice;  // "" when both hold; else which setting or permission helps

  bool BothHold() const { return put_if_absent == Condition::kHolds && swap == Condition::kHolds; }
};

// Tries whether the store keeps the conditions of Put(kIfAbsent) and Swap. It leaves one small object
// behind, at the fixed key `_cdc_to_s3/probe`, and uses it again: so it needs no right to
// delete. Several programs may probe at once. Errors that say nothing about conditions (no bucket,
// wrong keys, no connection) come back as errors.
arrow::Result<Conditions> ProbeConditions(Store& store);

// Puts an object as a run does, below `folder` ("": at the top): with its storage class, tags,
// encryption, ACL, checksum and user metadata, which a store may refuse for objects alone. It is
// deleted again where that is allowed; its name begins with "_", so that readers pass it over. An
// error is what a run would meet. What it gives: whether user metadata comes back as it was put.
// Nothing depends on that: where it does not, an object is known by its footer, at the price of one
// more request.
arrow::Result<Condition> ProbeObject(Store& store, const std::string& folder);

}  // namespace cdc::store
