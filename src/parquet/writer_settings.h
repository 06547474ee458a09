#pragma once

#include <arrow/result.h>
#include <arrow/type.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include <memory>
#include <string>
#include <vector>

#include "parquet/page_memory.h"

namespace cdc::pq {

// How a schema of ours is laid out in a file; see docs/FORMAT.md and the essay in
// writer_settings.cc.
struct FileLayout {
  std::shared_ptr<::parquet::schema::GroupNode> schema;
  std::shared_ptr<::parquet::WriterProperties> properties;
  std::shared_ptr<::parquet::ArrowWriterProperties> arrow_properties;
  std::string geo_record;  // geo_record.h
};

// `dictionaries`: by column, whether it may have one; empty: none.
// Invalid: two columns with one name (no reader opens such a file), a nested type, an unknown
// encoding. The message names the column.
arrow::Result<FileLayout> LayOut(const arrow::Schema& schema, arrow::MemoryPool* pool,
                                 const std::vector<bool>& dictionaries = {});

// What all writers take.
PageMemory* WriterPool();

}  // namespace cdc::pq
