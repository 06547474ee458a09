#pragma once

#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/status.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/spool.h"
#include "parquet/footer_record.h"

namespace cdc::pq {

// Builds one object: a Parquet file in a Spool. Row groups are cut by rows and bytes, so that
// memory is bounded whatever the object's size. Nothing that a reader could take for a file exists
// before Close returned: destroying the writer without Close leaves garbage, on purpose.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;

  // `schema`: the metadata columns, then the captured ones. A field's metadata "cdc:encoding" says
  // how to encode it ("long": plain; else a dictionary where it pays).
  // A row group is closed when it has really allocated `row_group_memory_bytes` (more for tables of
  // hundreds of columns).
  static arrow::Result<std::unique_ptr<ObjectWriter>> Open(
      std::shared_ptr<arrow::Schema> schema, std::unique_ptr<Spool> spool,
      int64_t row_group_memory_bytes = int64_t{12} << 20);

  virtual arrow::Status Write(const arrow::RecordBatch& batch) = 0;
  virtual int64_t rows() const = 0;
  // What the file would be if closed now, within a few percent; never decreases.
  virtual int64_t estimated_bytes() const = 0;

  // Writes the footer with the record and hands the sealed bytes over.
  virtual arrow::Result<std::unique_ptr<Spool>> Close(const FooterRecord& record) = 0;
};

}  // namespace cdc::pq
