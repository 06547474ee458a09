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
template <int64_t kUnits>
std::unique_ptr<ColumnDecoder> WithCommitTime(DecoderShape shape) {
  TimestampCodec<kUnits> codec(shape.fields[0]->type(), kCommitTimeScale);
  return MakeDecoder(std::move(shape), std::move(codec));
}
TypePtr Text() { return arrow::utf8(); }
TypePtr Int32() { return arrow::int32(); }
TypePtr Binary() { return arrow::binary(); }
TypePtr Micros() { return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"); }
TypePtr Millis() { return arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"); }

// How a column is written.
struct MetadataForm {
  TypePtr (*arrow_type)();
  std::unique_ptr<ColumnDecoder> (*make)(DecoderShape);
};

struct MetadataRow {
  const char* name;
  odbc::ColumnBinding binding;
  bool nullable;
  MetadataForm form;
  MetadataForm other = {};  // where `option` has that word
  const char* option = nullptr;
  const char* word = nullptr;
};

constexpr MetadataForm kLsn = {Text, With<LsnHexCodec>};
constexpr MetadataForm kLsnBytes = {Binary, With<LsnBytesCodec>};
constexpr MetadataForm kCommandId = {Int32, With<NumberCodec<int32_t, arrow::Int32Builder>>};
constexpr MetadataForm kOperation = {Int32, With<OperationCodec>};
constexpr MetadataForm kUpdateMask = {Binary, With<BinaryCodec>};
constexpr MetadataForm kCommitMicros = {Micros, WithCommitTime<kMicros>};
constexpr MetadataForm kCommitMillis = {Millis, WithCommitTime<kMillis>};

// In the order of MetadataColumn. The order of an LSN's text is commit order, in statistics too, and
// it takes no more room than its bytes, which many readers show as garbled text.
const MetadataRow kRows[] = {
    {"start_lsn", {CType::kBinary, 10}, false, kLsn, kLsnBytes, "lsn", "bytes"},
    {"command_id", {CType::kLong, 4}, true, kCommandId},
    {"seqval", {CType::kBinary, 10}, false, kLsn, kLsnBytes, "lsn", "bytes"},
    {"operation", {CType::kLong, 4}, false, kOperation},
    {"update_mask", {CType::kBinary, 128}, true, kUpdateMask},
    {"commit_time",
     {CType::kTimestamp, 16},
     true,
     kCommitMicros,
     kCommitMillis,
     "timestamps",
     "millis"},
};
static_assert(std::size(kRows) == kMetadataColumns);

}  // namespace

std::unique_ptr<ColumnDecoder> ColumnDecoder::MakeMetadata(MetadataColumn column,
                                                           const Options& options) {
  const MetadataRow& row = kRows[static_cast<size_t>(column)];
  const bool other = row.option != nullptr && options.Is(row.option, row.word);
  const MetadataForm& form = other ? row.other : row.form;
  DecoderShape shape;
  shape.column_text = std::string(options.Word("meta_prefix")) + row.name;
  shape.fields.push_back(arrow::field(shape.column_text, form.arrow_type(), row.nullable));
  shape.binding = row.binding;
  return form.make(std::move(shape));
}

}  // namespace cdc::columns
