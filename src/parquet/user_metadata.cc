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

constexpr char kFormat[] = "cdc-format-version";
constexpr char kHistory[] = "cdc-history-id";
constexpr char kSequence[] = "cdc-sequence";
constexpr char kFrom[] = "cdc-from";
constexpr char kTo[] = "cdc-to";
constexpr char kRows[] = "cdc-rows";
constexpr char kChecksum[] = "cdc-checksum";

// Blanks too: HTTP trims them at the ends of a header's value.
std::string Encode(std::string_view text) {
  return PercentEncode(text, [](unsigned char c) { return c <= 0x20 || c >= 0x7F; });
}

std::optional<int64_t> Number(const std::string& text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 0) return std::nullopt;
  return number;
}

std::optional<Position> Place(const std::string& text) {
  const auto decoded = PercentDecode(text);
  if (!decoded.ok()) return std::nullopt;
  const auto position = Position::Parse(*decoded);
  if (!position.ok()) return std::nullopt;
  return *position;
}

size_t BytesOf(const std::map<std::string, std::string>& metadata) {
  size_t bytes = 0;
  for (const auto& [name, value] : metadata) bytes += name.size() + value.size();
  return bytes;
}

}  // namespace

std::map<std::string, std::string> FooterRecord::ToUserMetadata() const {
  std::map<std::string, std::string> metadata = {{kFormat, std::to_string(format_version)},
                                                 {kHistory, Encode(history_id)},
                                                 {kSequence, std::to_string(sequence)},
                                                 {kFrom, Encode(from.ToString())},
                                                 {kTo, Encode(to.ToString())},
                                                 {kRows, std::to_string(rows)},
                                                 {kChecksum, Encode(checksum)}};
  if (incomplete) metadata["cdc-incomplete"] = "true";
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

ObjectIdentity IdentityOf(const FooterRecord& record) {
  return {record.history_id, record.sequence, record.from, record.to, record.rows, record.checksum};
}

std::optional<ObjectIdentity> IdentityFromUserMetadata(
    const std::map<std::string, std::string>& metadata) {
  for (const char* name : {kHistory, kSequence, kFrom, kTo, kRows, kChecksum}) {
    if (!metadata.contains(name)) return std::nullopt;
  }
  const auto history = PercentDecode(metadata.at(kHistory));
  const auto checksum = PercentDecode(metadata.at(kChecksum));
  const auto sequence = Number(metadata.at(kSequence));
  const auto rows = Number(metadata.at(kRows));
  const auto from = Place(metadata.at(kFrom));
  const auto to = Place(metadata.at(kTo));
  if (!history.ok() || !checksum.ok() || !sequence || !rows || !from || !to) return std::nullopt;
  return ObjectIdentity{*history, *sequence, *from, *to, *rows, *checksum};
}

}  // namespace cdc::pq
