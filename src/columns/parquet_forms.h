#pragma once

#include <arrow/type.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cdc::columns {

// Readers of Parquet that tests hold the table of forms against, in the order of its cells.
enum class Reader { kPyArrow, kDuckDb, kPolars, kPandas, kSpark, kHyparquet };
inline constexpr std::array<std::string_view, 6> kReaderNames = {"pyarrow", "DuckDB", "polars",
                                                                 "pandas",  "Spark",  "hyparquet"};

// What of a value does not survive in a reader.
enum class Loss { kNothing, kRefused, kFloat64, kDouble, kMillis, kText };
struct LossKind {
  std::string_view word;  // "millis"; "" for nothing
  std::string_view meaning;
};
const LossKind& KindOf(Loss loss);
std::span<const LossKind> LossKinds();

// What one reader makes of one form.
struct Seen {
  // As the reader calls it; p and s stand for precision and scale; "int32, with NULLs float64"
  // where it depends on the values. "": none, it refuses the file.
  std::string_view type;
  Loss loss = Loss::kNothing;
  std::string_view setting = {};  // of the reader, with which nothing is lost; "": there is none
  std::string_view setting_type = {};  // the type that it shows then
};

// One way in which a column stands in Parquet. What a reader sees depends on it alone.
struct ParquetForm {
  std::string_view name;  // as docs/FORMAT.md writes it; p and s stand for precision and scale
  std::array<Seen, kReaderNames.size()> seen;
};

const std::vector<ParquetForm>& ParquetForms();
// nullptr for what no column becomes.
const ParquetForm* ParquetFormOf(const arrow::Field& field);
// "INT32", "DECIMAL(19,4)"; also "FIXED_LEN_BYTE_ARRAY(10)", which LSNs were in version 1 of the
// format; Arrow's name for what no column ever became.
std::string ParquetTypeText(const arrow::Field& field);

}  // namespace cdc::columns
