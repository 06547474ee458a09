#include "parquet/row_key_columns.h"

namespace cdc::pq {
namespace {

using arrow::RecordBatch;
using arrow::Result;
using arrow::Status;

bool IsLsn(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::BINARY ||
         type.Equals(*arrow::fixed_size_binary(10));
}

Result<Lsn> LsnAt(const arrow::Array& column, int64_t row) {
  switch (column.type_id()) {
    case arrow::Type::STRING:
      return Lsn::Parse(static_cast<const arrow::StringArray&>(column).GetView(row));
    case arrow::Type::BINARY:
      return Lsn::FromBytes(static_cast<const arrow::BinaryArray&>(column).GetView(row));
    default:
      return Lsn::FromBytes(static_cast<const arrow::FixedSizeBinaryArray&>(column).GetView(row));
  }
}

Result<const arrow::Array*> LsnColumn(const RecordBatch& batch, int index) {
  const arrow::Array& column = *batch.column(index);
  if (IsLsn(*column.type()) && column.null_count() == 0) return &column;
  return Status::Invalid("column ", index + 1, ", ", batch.schema()->field(index)->name(),
                         ", is no column of LSNs without NULLs");
}

Result<const arrow::Int32Array*> IntColumn(const RecordBatch& batch, int index) {
  const arrow::Array& column = *batch.column(index);
  if (column.type_id() == arrow::Type::INT32) {
    return static_cast<const arrow::Int32Array*>(&column);
  }
  return Status::Invalid("column ", index + 1, ", ", batch.schema()->field(index)->name(),
                         ", is no column of 32-bit integers");
}

}  // namespace

bool BeginsWithRowKey(const arrow::Schema& schema) {
  const auto is = [&](int index, bool nullable) {
    return schema.field(index)->nullable() == nullable;
  };
  return schema.num_fields() >= kRowKeyColumns && is(0, false) && is(1, true) && is(2, false) &&
         is(3, false) && IsLsn(*schema.field(0)->type()) && IsLsn(*schema.field(2)->type()) &&
         schema.field(1)->type()->id() == arrow::Type::INT32 &&
         schema.field(3)->type()->id() == arrow::Type::INT32;
}

Result<RowKeyColumns> RowKeyColumns::Of(const RecordBatch& batch) {
  if (batch.num_columns() < kRowKeyColumns) {
    return Status::Invalid("the file has ", batch.num_columns(), " columns: no row key");
  }
  RowKeyColumns keys;
  ARROW_ASSIGN_OR_RAISE(keys.start_lsn_, LsnColumn(batch, 0));
  ARROW_ASSIGN_OR_RAISE(keys.command_id_, IntColumn(batch, 1));
  ARROW_ASSIGN_OR_RAISE(keys.seqval_, LsnColumn(batch, 2));
  ARROW_ASSIGN_OR_RAISE(keys.operation_, IntColumn(batch, 3));
  return keys;
}

Result<RowKey> RowKeyColumns::At(int64_t row) const {
  RowKey key;
  ARROW_ASSIGN_OR_RAISE(key.start_lsn, LsnAt(*start_lsn_, row));
  if (command_id_->IsValid(row)) key.command_id = command_id_->Value(row);
  ARROW_ASSIGN_OR_RAISE(key.seqval, LsnAt(*seqval_, row));
  key.operation = operation_->Value(row);
  return key;
}

}  // namespace cdc::pq
