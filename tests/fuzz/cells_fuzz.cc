// Cells of any type, under any options, as a driver might leave them: every value is decoded or
// refused, and what comes out is a valid array of the announced type (text is UTF-8, decimals fit
// their precision).

#include <arrow/array.h>

#include <algorithm>
#include <vector>

#include "columns/column.h"
#include "tests/fuzz/fuzz.h"

namespace cdc::fuzz {
namespace {

using columns::ColumnDecoder;
using columns::SourceColumn;

constexpr int64_t kSlotBytesMax = 4096;

// Each with the arguments that a catalogue could give it.
SourceColumn AnyColumn(Input* input) {
  static const std::vector<SourceColumn> kColumns = [] {
    std::vector<SourceColumn> all;
    const auto add = [&](const char* type, int32_t length, int32_t precision, int32_t scale) {
      SourceColumn column;
      column.name = "c";
      column.type_name = type;
      column.max_length_bytes = length;
      column.precision = precision;
      column.scale = scale;
      column.column_id = column.ordinal = 1;
      all.push_back(column);
    };
    for (const char* type :
         {"bit", "tinyint", "smallint", "int", "bigint", "real", "float", "money", "smallmoney",
          "date", "smalldatetime", "uniqueidentifier", "timestamp"}) {
      add(type, 8, 0, 0);
    }
    add("datetime", 8, 23, 3);
    for (int32_t scale = 0; scale <= 7; ++scale) {
      for (const char* type : {"time", "datetime2", "datetimeoffset"}) add(type, 8, 27, scale);
    }
    for (int32_t precision : {1, 9, 18, 19, 38}) {
      add("decimal", 17, precision, precision / 2);
      add("numeric", 17, precision, precision);
      add("numeric", 17, precision, 0);
    }
    for (const char* type : {"char", "varchar", "nchar", "nvarchar", "binary", "varbinary"}) {
      add(type, 40, 0, 0);
    }
    for (const char* type :
         {"varchar", "nvarchar", "varbinary", "xml", "geometry", "geography", "json", "vector"}) {
      add(type, -1, 0, 0);
    }
    for (const char* type : {"text", "ntext", "image"}) add(type, 16, 0, 0);
    add("hierarchyid", 892, 0, 0);
    add("sql_variant", 8016, 0, 0);
    return all;
  }();
  SourceColumn column = kColumns[input->Byte() % kColumns.size()];
  for (const columns::OptionKey& key : columns::OptionKeys()) {
    const uint8_t choice = input->Byte();
    if (key.words.empty()) continue;
    column.options.Set(key.name, key.words[choice % key.words.size()]);
  }
  column.options.mask_key = std::make_shared<const std::string>("sixteen bytes or more");
  return column;
}

// Up to 64 cells; their lengths are right, NULL, unknown, negative or beyond the slot.
struct AnyCells {
  AnyCells(const odbc::ColumnBinding& binding, Input* input)
      : slot_bytes(std::min(binding.slot_bytes, kSlotBytesMax)) {
    while (!input->rest().empty() && lengths.size() < 64) {
      const uint8_t kind = input->Byte();
      const auto given = static_cast<int64_t>(input->Byte()) << (kind >> 5);
      int64_t length = slot_bytes;
      if (kind % 8 == 1) length = odbc::kNull;
      if (kind % 8 == 2) length = odbc::kNoTotal;
      if (kind % 8 == 3) length = -given;
      if (kind % 8 >= 4) length = given;
      const size_t start = data.size();
      data.resize(start + static_cast<size_t>(slot_bytes), 0xA5);
      const auto wanted = static_cast<size_t>(std::clamp<int64_t>(length, 0, slot_bytes));
      const std::string_view bytes = input->Take(wanted);
      std::copy(bytes.begin(), bytes.end(), data.begin() + static_cast<int64_t>(start));
      lengths.push_back(length);
    }
  }

  int64_t rows() const { return static_cast<int64_t>(lengths.size()); }
  odbc::ColumnSlice slice() const { return {data.data(), slot_bytes, lengths.data()}; }

  int64_t slot_bytes;
  std::vector<uint8_t> data;
  std::vector<int64_t> lengths;
};

void Decode(ColumnDecoder* decoder, const AnyCells& cells) {
  const arrow::Status appended = decoder->Append(cells.slice(), 0, cells.rows());
  if (!appended.ok()) {
    Require(decoder->failed_row() < cells.rows(), "the row at fault is one of those given");
    return;
  }
  arrow::ArrayVector arrays;
  Require(decoder->Finish(&arrays).ok(), "what was appended can be finished");
  Require(arrays.size() == decoder->fields().size(), "one array a field");
  for (size_t i = 0; i < arrays.size(); ++i) {
    Require(arrays[i]->length() == cells.rows(), "one value a cell");
    Require(arrays[i]->type()->Equals(decoder->fields()[i]->type()), "of the announced type");
    const arrow::Status valid = arrays[i]->ValidateFull();
    if (!valid.ok()) std::fprintf(stderr, "%s\n", valid.ToString().c_str());
    Require(valid.ok(), "a valid array");
  }
  Require(decoder->altered_values() <= cells.rows() && decoder->altered_values() >= 0,
          "no more values are altered than there are");
}

}  // namespace
}  // namespace cdc::fuzz

// Arrow's usual pool hands out memory of its own, in which the sanitizer sees no ends.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  return setenv("ARROW_DEFAULT_MEMORY_POOL", "system", /*overwrite=*/1);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cdc::fuzz::Input input(data, size);
  auto decoder = cdc::columns::ColumnDecoder::Make(cdc::fuzz::AnyColumn(&input));
  if (!decoder.ok()) return 0;
  const cdc::fuzz::AnyCells cells((*decoder)->binding(), &input);
  if (cells.rows() > 0) cdc::fuzz::Decode(decoder->get(), cells);
  return 0;
}
