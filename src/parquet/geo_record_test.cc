#include "parquet/geo_record.h"

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <nlohmann/json.hpp>
#include <string>

#include "parquet/object_reader.h"
#include "parquet/object_writer.h"
#include "parquet/spool_io.h"
#include "parquet/test_rows.h"

namespace cdc::pq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::shared_ptr<arrow::Field> Geo(const std::string& name, const std::string& edges,
                                  std::shared_ptr<arrow::DataType> type = arrow::binary()) {
  return arrow::field(name, std::move(type), true, arrow::key_value_metadata({"cdc:geo"}, {edges}));
}

// An object with no rows, and the value of its key "geo".
std::string GeoKeyOf(const std::shared_ptr<arrow::Schema>& schema) {
  auto writer = ObjectWriter::Open(schema, Spool::Create("/tmp", 1 << 20)).ValueOrDie();
  const auto spool = writer->Close(testing::RecordOfRows(0)).ValueOrDie();
  EXPECT_EQ(ReadFooter(OpenSpool(*spool)).ValueOrDie(), testing::RecordOfRows(0));
  const auto file = ::parquet::ParquetFileReader::Open(OpenSpool(*spool));
  return file->metadata()->key_value_metadata()->Get("geo").ValueOr("no such key");
}

TEST(GeoRecord, an_object_describes_its_geometry_columns) {
  const auto schema =
      arrow::schema({arrow::field("id", arrow::int32()), Geo("Where \"it\" is", "spherical"),
                     arrow::field("Where__srid", arrow::int32()), Geo("Area", "planar")});
  EXPECT_EQ(nlohmann::json::parse(GeoKeyOf(schema)), nlohmann::json::parse(R"({
      "version": "1.1.0",
      "primary_column": "Where \"it\" is",
      "columns": {
        "Where \"it\" is":
            {"encoding": "WKB", "geometry_types": [], "crs": null, "edges": "spherical"},
        "Area": {"encoding": "WKB", "geometry_types": [], "crs": null, "edges": "planar"}
      }})"));
}

TEST(GeoRecord, an_object_without_geometry_columns_says_nothing) {
  EXPECT_EQ(GeoKeyOf(testing::TestSchema()), "no such key");
}

TEST(GeoRecord, a_description_that_readers_would_not_understand_is_refused) {
  EXPECT_THAT(GeoRecordOf(*arrow::schema({Geo("Area", "flat")})).status().message(),
              AllOf(HasSubstr("Area"), HasSubstr("flat")));
  EXPECT_THAT(
      GeoRecordOf(*arrow::schema({Geo("Area", "planar", arrow::utf8())})).status().message(),
      AllOf(HasSubstr("Area"), HasSubstr("string")));
}

}  // namespace
}  // namespace cdc::pq
