// An object's identity as S3 user metadata: what a HEAD must tell to settle a lost reply, and, as
// far as S3's limit allows, whose object it is.

#include <charconv>
#include <string>
#include <string_view>

#include "base/text.h"
#include "parquet/footer_record.h"

namespace cdc::pq {
namespace {

// S3 allows 2 KB for names and values together (Amazon S3 User Guide, "User-defined object
// metadata").
constexpr size_t kUserMetadataBytesMax = 2048;

// Blanks too: HTTP trims them at the ends of a header's value.
std::string Encode(std::string_view text) {
  return PercentEncode(text, [](unsigned char c) { return c <= 0x20 || c >= 0x7F; });
}

// Which members there are: writing and reading both walk it.
template <typename Visitor, typename Label>
void VisitMembers(Visitor& visit, Label& label) {
  visit.Member("cdc-history-id", label.history_id);
  visit.Member("cdc-sequence", label.sequence);
  visit.Member("cdc-from", label.from);
  visit.Member("cdc-to", label.to);
  visit.Member("cdc-rows", label.rows);
  visit.Member("cdc-checksum", label.checksum);
  visit.Flag("cdc-incomplete", label.incomplete);
  visit.LaterMember("cdc-source-object-id", label.source_object_id);
}

using Metadata = std::map<std::string, std::string>;

class MetadataWriter {
 public:
  void Member(const char* name, const std::string& value) { metadata[name] = Encode(value); }
  void Member(const char* name, const Position& value) { Member(name, value.ToString()); }
  void Member(const char* name, int64_t value) { Member(name, std::to_string(value)); }
  void LaterMember(const char* name, int64_t value) { Member(name, value); }
  // "true", or absent.
  void Flag(const char* name, bool value) {
    if (value) Member(name, "true");
  }

  Metadata metadata;
};

class MetadataReader {
 public:
  explicit MetadataReader(const Metadata& metadata) : metadata_(metadata) {}

  template <typename T>
  void Member(const char* name, T& value) {
    const auto found = metadata_.find(name);
    if (found == metadata_.end()) {
      good_ = false;
      return;
    }
    const auto text = PercentDecode(found->second);
    good_ = good_ && text.ok() && Parse(*text, &value);
  }
  // One that came to the format later, which older objects lack.
  void LaterMember(const char* name, int64_t& value) {
    if (metadata_.contains(name)) Member(name, value);
  }
  void Flag(const char* name, bool& value) {
    const auto found = metadata_.find(name);
    value = found != metadata_.end() && found->second == "true";
  }

  // Every member was there and could be read.
  bool good() const { return good_; }

 private:
  static bool Parse(const std::string& text, std::string* value) {
    *value = text;
    return true;
  }
  static bool Parse(const std::string& text, Position* value) {
    return Position::Parse(text).Value(value).ok();
  }
  static bool Parse(const std::string& text, int64_t* value) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, *value);
    return error == std::errc() && stop == end && *value >= 0;
  }

  const Metadata& metadata_;
  bool good_ = true;
};

size_t BytesOf(const Metadata& metadata) {
  size_t bytes = 0;
  for (const auto& [name, value] : metadata) bytes += name.size() + value.size();
  return bytes;
}

}  // namespace

std::map<std::string, std::string> FooterRecord::ToUserMetadata() const {
  MetadataWriter writer;
  writer.Member("cdc-format-version", int64_t{format_version});
  VisitMembers(writer, *this);
  Metadata& metadata = writer.metadata;
  // Names of 128 non-ASCII letters can be beyond S3's limit; the footer has them in any case.
  size_t bytes = BytesOf(metadata);
  for (const auto& [name, value] : {std::pair("cdc-table", table), std::pair("cdc-schema", schema),
                                    std::pair("cdc-database", database)}) {
    const std::string encoded = Encode(value);
    bytes += std::string_view(name).size() + encoded.size();
    if (bytes > kUserMetadataBytesMax) break;
    metadata[name] = encoded;
  }
  return metadata;
}

std::optional<ObjectLabel> IdentityFromUserMetadata(
    const std::map<std::string, std::string>& metadata) {
  ObjectLabel label;
  MetadataReader reader(metadata);
  VisitMembers(reader, label);
  if (!reader.good()) return std::nullopt;
  return label;
}

}  // namespace cdc::pq
