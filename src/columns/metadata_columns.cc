#include <arrow/util/key_value_metadata.h>

#include <iterator>

#include "columns/bytes_codecs.h"
#include "columns/codec_decoder.h"
#include "columns/column.h"
#include "columns/number_codecs.h"
#include "columns/time_codecs.h"

namespace cdc::columns {
namespace {

using odbc::CType;
using TypePtr = std::shared_ptr<arrow::DataType>;

constexpr int kCommitTimeScale = 7;  // whatever fraction AT TIME ZONE leaves

template <typename Codec>
std::unique_ptr<ColumnDecoder> With(DecoderShape shape) {
  return MakeDecoder(std::move(shape), Codec());
}
std::unique_ptr<ColumnDecoder> WithCommitTime(DecoderShape shape) {
  TimestampCodec codec(shape.fields[0]->type(), kCommitTimeScale);
  return MakeDecoder(std::move(shape), std::move(codec));
}
TypePtr Lsn() { return arrow::fixed_size_binary(10); }
TypePtr Int32() { return arrow::int32(); }
TypePtr Binary() { return arrow::binary(); }
TypePtr UtcTimestamp() { return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"); }

struct MetadataRow {
  const char* name;
  odbc::ColumnBinding binding;
  TypePtr (*arrow_type)();
  bool nullable;
  const char* encoding;  // kEncodingKey; empty: dictionary
  std::unique_ptr<ColumnDecoder> (*make)(DecoderShape);
};

constexpr auto kWithCommandId = With<NumberCodec<int32_t, arrow::Int32Builder>>;

// In the order of MetadataColumn. LSNs plain and of fixed length: their byte order is commit order,
// in statistics too, and the smaller encodings are not read everywhere.
const MetadataRow kRows[] = {
    {"__$start_lsn", {CType::kBinary, 10}, Lsn, false, "plain", With<LsnCodec>},
    {"__$seqval", {CType::kBinary, 10}, Lsn, false, "plain", With<LsnCodec>},
    {"__$command_id", {CType::kLong, 4}, Int32, true, "delta", kWithCommandId},
    {"__$operation", {CType::kLong, 4}, Int32, false, "delta", With<OperationCodec>},
    {"__$update_mask", {CType::kBinary, 128}, Binary, true, "", With<BinaryCodec>},
    {"__$commit_time", {CType::kTimestamp, 16}, UtcTimestamp, true, "delta", WithCommitTime},
};
static_assert(std::size(kRows) == static_cast<size_t>(MetadataColumn::kCommitTime) + 1);

}  // namespace

std::unique_ptr<ColumnDecoder> ColumnDecoder::MakeMetadata(MetadataColumn column,
                                                           const MetadataOptions&) {
  const MetadataRow& row = kRows[static_cast<size_t>(column)];
  auto metadata = std::make_shared<arrow::KeyValueMetadata>();
  if (*row.encoding != '\0') metadata->Append(kEncodingKey, row.encoding);
  DecoderShape shape;
  shape.column_text = row.name;
  shape.fields.push_back(
      arrow::field(row.name, row.arrow_type(), row.nullable, std::move(metadata)));
  shape.binding = row.binding;
  return row.make(std::move(shape));
}

}  // namespace cdc::columns
