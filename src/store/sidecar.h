#pragma once

#include <arrow/result.h>

#include <cstdint>
#include <string>
#include <vector>

#include "store/store.h"

namespace cdc::store {

// What a directory cannot keep in the object's own file: version and metadata of an object. It
// stands in a file of its own, a sidecar, which is durable before its object appears. While an
// object is replaced the sidecar describes both the old content and the new, so that whichever is
// there after a crash has its metadata.
struct SidecarEntry {
  std::string version;  // SHA-256 of the content, 64 hex digits
  int64_t size_bytes = 0;
  Metadata metadata;

  bool operator==(const SidecarEntry&) const = default;
};

std::string FormatSidecar(const std::vector<SidecarEntry>& entries);
// A text that FormatSidecar did not make is an error.
arrow::Result<std::vector<SidecarEntry>> ParseSidecar(const std::string& text);

}  // namespace cdc::store
