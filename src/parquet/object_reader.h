#pragma once

#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/spool.h"
#include "parquet/footer_record.h"

namespace cdc::pq {

// A sealed spool as a file to read from. The spool must outlive it.
std::shared_ptr<arrow::io::RandomAccessFile> OpenSpool(const Spool& spool);
// A local file; the error names the path.
arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenLocal(const std::string& path);

// The object's own record. One read of the last 64 KiB, a second for a larger footer.
// Invalid: not a Parquet file, not one of ours, or cut; a row count that is not the footer's.
arrow::Result<FooterRecord> ReadFooter(std::shared_ptr<arrow::io::RandomAccessFile> file);

// The columns as Arrow sees them, uuid and WKB (metadata "cdc:geo") as such.
arrow::Result<std::shared_ptr<arrow::Schema>> ReadSchema(
    std::shared_ptr<arrow::io::RandomAccessFile> file);

// Reads every page of every column (so that each page's checksum is verified) and proves from the
// rows what the record says: count, checksum, order of the clustered index, all after `from` and at
// or before `to`. Memory is bounded by a few pages of every column. Returns the record; Invalid
// says what is wrong and where.
arrow::Result<FooterRecord> VerifyObject(std::shared_ptr<arrow::io::RandomAccessFile> file);

}  // namespace cdc::pq
