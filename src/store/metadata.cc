#include "store/metadata.h"

#include <fmt/format.h>

#include <algorithm>

namespace cdc::store {
namespace {

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
constexpr size_t kMetadataBytesMax = 2048;

bool IsName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

// Blanks at the ends are lost in HTTP, and control characters would end the header.
bool IsValue(const std::string& value) {
  const bool printable =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return printable && !value.starts_with(' ') && !value.ends_with(' ');
}

}  // namespace

arrow::Status CheckMetadata(const std::string& what, const Metadata& metadata) {
  size_t bytes = 0;
  for (const auto& [name, value] : metadata) {
    if (!IsName(name) || !IsValue(value)) {
      return MakeError(
          ErrorKind::kPermanent,
          fmt::format("{}: metadata \"{}\" cannot be kept as it is: names are of a-z 0-9 - _ . and "
                      "values printable ASCII without blanks at the ends",
                      what, name));
    }
    bytes += name.size() + value.size();
  }
  if (bytes > kMetadataBytesMax) {
    return MakeError(
        ErrorKind::kPermanent,
        fmt::format("{}: {} bytes of metadata; a store takes {}", what, bytes, kMetadataBytesMax));
  }
  return arrow::Status::OK();
}

}  // namespace cdc::store
