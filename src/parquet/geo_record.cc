// Why GeoParquet, and what it says of our columns.
//
// Parquet has logical types for this (GEOMETRY, GEOGRAPHY), but polars cannot open a file with one
// of them. The key-value of GeoParquet leaves columns BINARY for readers that do not know it;
// DuckDB, GeoPandas and GDAL see geometries.
//
// crs is null, "not known", for every column. Each value of SQL Server has a spatial reference id
// of its own (it is in <column>__srid), and a file has one crs for all. Leaving crs out would say
// OGC:CRS84, which is false for every value that is not 4326, and a geometry's 0 is no reference
// system at all. Saying what one file's values happen to be would be true of that file, but DuckDB
// takes what the first of several files says for all of them (measured with 1.5.5). So nothing is
// said, and always the same.
//
// edges: those of geography are arcs of the globe, those of geometry straight lines.
//
// geometry_types is empty, "not known": any row may have any type.
//
// GeoParquet 1.1 knows no M. Values that have one keep it, with ISO's codes, as in any WKB.

#include "parquet/geo_record.h"

#include <arrow/util/key_value_metadata.h>

#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace cdc::pq {
namespace {

constexpr char kGeoKey[] = "cdc:geo";  // as columns/column.h defines it
constexpr char kVersion[] = "1.1.0";

std::string EdgesOf(const arrow::Field& field) {
  if (field.metadata() == nullptr) return "";
  return field.metadata()->Get(kGeoKey).ValueOr("");
}

}  // namespace

arrow::Result<std::string> GeoRecordOf(const arrow::Schema& schema) {
  std::string primary;
  nlohmann::json columns;
  for (const auto& field : schema.fields()) {
    const std::string edges = EdgesOf(*field);
    if (edges.empty()) continue;
    if (edges != "planar" && edges != "spherical") {
      return arrow::Status::Invalid("column ", field->name(), ": unknown edges ", edges);
    }
    if (field->type()->id() != arrow::Type::BINARY) {
      return arrow::Status::Invalid("column ", field->name(), ": WKB is binary, not ",
                                    field->type()->ToString());
    }
    if (columns.empty()) primary = field->name();
    columns[field->name()] = {{"encoding", "WKB"},
                              {"geometry_types", nlohmann::json::array()},
                              {"crs", nullptr},
                              {"edges", edges}};
  }
  if (columns.empty()) return "";
  const nlohmann::json record = {
      {"version", kVersion}, {"primary_column", primary}, {"columns", columns}};
  // A name that is no UTF-8 becomes readable rather than fatal.
  return record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::shared_ptr<arrow::Schema> WithGeo(const std::shared_ptr<arrow::Schema>& schema,
                                       const std::string& geo_record) {
  const auto record = ParseJson(geo_record);
  if (!record.ok() || !record->is_object()) return schema;
  const auto columns = record->find("columns");
  if (columns == record->end() || !columns->is_object()) return schema;
  arrow::FieldVector fields = schema->fields();
  for (auto& field : fields) {
    const auto column = columns->find(field->name());
    if (column == columns->end() || !column->is_object()) continue;
    const auto edges = column->find("edges");
    if (edges == column->end() || !edges->is_string()) continue;
    field = field->WithMergedMetadata(
        arrow::key_value_metadata({kGeoKey}, {edges->get<std::string>()}));
  }
  return arrow::schema(fields, schema->metadata());
}

}  // namespace cdc::pq
