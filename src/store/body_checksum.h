#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/spool.h"
#include "store/s3_error.h"

// What lets a store see by itself that a body arrived as it was sent. Beside it there is always the
// signed x-amz-content-sha256, so that nothing depends on it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
namespace cdc::store {

enum class BodyChecksum {
  kSha256,  // x-amz-checksum-sha256, which AWS also keeps with the object
  kMd5,     // Content-MD5: buckets with object lock ask older stores for it
  kNone     // stores that refuse what they do not know (Backblaze B2: "Unsupported header")
};

// The header that carries it; nothing with kNone.
arrow::Result<std::optional<std::pair<std::string, std::string>>> ChecksumHeader(
    BodyChecksum checksum, const Spool& body);

// What the store wants instead of `sent`, if the error is about that.
std::optional<BodyChecksum> WantedInstead(BodyChecksum sent, const S3Error& error);

// For people: what is done from now on.
std::string Describe(BodyChecksum checksum);

}  // namespace cdc::store
