#pragma once

#include <arrow/result.h>
#include <arrow/type.h>

#include <memory>
#include <string>

namespace cdc::pq {

// The file's key under which GeoParquet describes its geometry columns.
inline constexpr char kGeoParquetKey[] = "geo";

// GeoParquet 1.1's description of the fields that carry the metadata "cdc:geo" ("planar" or
// "spherical", see columns/column.h) and hold WKB; the first is the primary one. Empty when there
// is none. Invalid names the column: one that is not binary, or another word.
arrow::Result<std::string> GeoRecordOf(const arrow::Schema& schema);

// The fields that such a description names get their metadata back. What is no such description
// names none.
std::shared_ptr<arrow::Schema> WithGeo(const std::shared_ptr<arrow::Schema>& schema,
                                       const std::string& geo_record);

}  // namespace cdc::pq
