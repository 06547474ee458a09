#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/spool.h"

namespace cdc::store {

// User metadata of an object: lower-case ASCII names and ASCII values.
using Metadata = std::map<std::string, std::string>;

struct ObjectInfo {
  std::string key;  // as given to the store, without its prefix
  int64_t size_bytes = 0;
  std::string version;  // opaque; equal exactly for equal content written once (S3: the ETag)
  Metadata metadata;    // filled by Head only
};

struct Content {
  std::string bytes;
  std::string version;
};

struct Tail {
  std::string bytes;
  int64_t size_bytes = 0;  // of the whole object
};

// What a store can keep under one key, in bytes of UTF-8.
struct KeyLimits {
  int64_t key_bytes_max = 0;   // of a key as it is given to the store, without its prefix
  int64_t name_bytes_max = 0;  // of each part of it between slashes

  bool Hold(std::string_view key) const;
};

enum class PutMode {
  kIfAbsent,   // refuses to replace an existing object
  kOverwrite,  // for stores without conditions, when the state lives elsewhere
};

struct PutOptions {
  PutMode mode = PutMode::kIfAbsent;
  Metadata metadata;
  // The time that the request claims to be made at. S3 refuses it 15 minutes later, and the
  // directory store does the same, so that a process that slept cannot put an object long after it
  // lost its ownership. Every retry uses this same time. Nothing: now.
  std::optional<UtcTime> signed_at;
};

enum class PutResult { kCreated, kAlreadyThere };

// The seam to where objects live: S3 or a directory; one contract suite runs over both.
// Keys are relative to the target's prefix, UTF-8, '/'-separated, never starting with '/'.
// All calls block, retry transient faults inside a budget, and may be made from several threads. A
// call to a server ends within a time that goes by its kind and size (RetryLimits), however its
// answers trickle.
// Errors (arrow::Status) carry a Fault with an ErrorKind in it; the message says what to do.
class Store {
 public:
  virtual ~Store() = default;

  // kAlreadyThere: something is at the key, perhaps put by an earlier try of this very call whose
  // reply was lost; the caller looks at its metadata. Nothing is visible under a key before the
  // whole object is; after an error it may or may not be there.
  virtual arrow::Result<PutResult> Put(const std::string& key, const Spool& body,
                                       const PutOptions& options) = 0;

  // Replaces the object at `key` if its version is `expected` (nothing: if there is none) and
  // returns the new version. ErrorKind::kConflict: somebody else was there first, the object is
  // gone, or our own earlier try won and its reply was lost; read it to know. After any other error
  // the swap may or may not have happened.
  virtual arrow::Result<std::string> Swap(const std::string& key, const std::string& bytes,
                                          const std::optional<std::string>& expected) = 0;

  // ErrorKind::kNotFound when there is none.
  virtual arrow::Result<Content> Get(const std::string& key) = 0;
  // The last bytes, at most `bytes_max` of them. ErrorKind::kNotFound when there is none.
  virtual arrow::Result<Tail> GetTail(const std::string& key, int64_t bytes_max) = 0;
  // Nothing when there is none.
  virtual arrow::Result<std::optional<ObjectInfo>> Head(const std::string& key) = 0;
  // All objects whose key starts with `prefix` and is greater than `after` ("" for all), in byte
  // order of their keys, at most `limit`.
  virtual arrow::Result<std::vector<ObjectInfo>> List(const std::string& prefix,
                                                      const std::string& after, int64_t limit) = 0;
  // For tests and `check`'s probe only: the product never deletes data. Deleting what is not there
  // is OK.
  virtual arrow::Status Delete(const std::string& key) = 0;

  virtual KeyLimits key_limits() const = 0;

  // "s3://lake/raw" or "file:///data/lake", for messages.
  virtual std::string url() const = 0;

  // What the operator should know though nothing failed ("the bucket is in another region than the
  // configured one"): each said once.
  virtual std::vector<std::string> TakeNotes() { return {}; }
};

enum class ErrorKind {
  kTransient,      // retries were used up; trying later may help
  kConflict,       // a condition did not hold
  kNotFound,       // no such object
  kNoBucket,       // no such bucket or folder
  kNoCredentials,  // the settings give none: nothing was asked of the store
  kDenied,         // credentials, permissions, expired signature
  kPermanent,      // anything else that trying again will not mend
};

// The kind of a status made by this room; kPermanent for any other error. Who asks when to try
// again asks the Fault (base/fault.h), not this.
ErrorKind KindOf(const arrow::Status& status);
arrow::Status MakeError(ErrorKind kind, std::string message);

}  // namespace cdc::store
