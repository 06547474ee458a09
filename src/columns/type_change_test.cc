#include "columns/type_change.h"

#include <arrow/api.h>
#include <arrow/extension/uuid.h>
#include <arrow/util/key_value_metadata.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columns/column.h"
#include "columns/parquet_forms.h"

namespace cdc::columns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Type = std::shared_ptr<arrow::DataType>;

FolderChange Change(const Type& before, const Type& now) {
  const auto folder = WithObject({}, {arrow::field("Price", before)});
  EXPECT_THAT(folder.conflicts, IsEmpty());
  return WithObject(folder.columns, {arrow::field("Price", now)});
}

Type Micros(const char* zone = "") { return arrow::timestamp(arrow::TimeUnit::MICRO, zone); }
Type Millis(const char* zone = "") { return arrow::timestamp(arrow::TimeUnit::MILLI, zone); }

TEST(TypeChange, a_wider_type_is_merged_in_both_directions_and_the_folder_keeps_the_wider_one) {
  const std::pair<Type, Type> pairs[] = {
      {arrow::int16(), arrow::int32()},
      {arrow::int16(), arrow::int64()},
      {arrow::int32(), arrow::int64()},
      {arrow::float32(), arrow::float64()},
      {arrow::decimal128(9, 2), arrow::decimal128(18, 2)},
      {arrow::decimal128(18, 2), arrow::decimal128(38, 2)},
      {Millis(), Micros()},
      {Millis("UTC"), Micros("UTC")},
      {arrow::fixed_size_binary(10), arrow::binary()},
  };
  for (const auto& [narrow, wide] : pairs) {
    const std::string widest = ParquetTypeText(*arrow::field("Price", wide));
    for (const FolderChange& change : {Change(narrow, wide), Change(wide, narrow)}) {
      EXPECT_THAT(change.conflicts, IsEmpty()) << narrow->ToString() << " " << wide->ToString();
      EXPECT_EQ(change.columns, (FolderColumns{{"Price", widest}}));
    }
  }
}

TEST(TypeChange, whatever_readers_cannot_merge_is_a_conflict) {
  const std::pair<Type, Type> pairs[] = {
      {arrow::int32(), arrow::utf8()},
      {arrow::int32(), arrow::float64()},
      {arrow::int64(), arrow::decimal128(19, 4)},
      {arrow::boolean(), arrow::int16()},
      {arrow::decimal128(18, 2), arrow::decimal128(18, 4)},
      {arrow::date32(), Micros()},
      {Micros(), Micros("UTC")},
      {Micros(), arrow::timestamp(arrow::TimeUnit::NANO)},
      {Micros(), arrow::utf8()},
      {arrow::utf8(), arrow::binary()},
      {arrow::utf8(), arrow::extension::uuid()},
      {arrow::fixed_size_binary(10), arrow::utf8()},
      {arrow::fixed_size_binary(16), arrow::binary()},
  };
  for (const auto& [one, other] : pairs) {
    const std::string a = ParquetTypeText(*arrow::field("", one));
    const std::string b = ParquetTypeText(*arrow::field("", other));
    EXPECT_THAT(Change(one, other).conflicts, ElementsAre(TypeChange{"Price", a, b}));
    EXPECT_THAT(Change(other, one).conflicts, ElementsAre(TypeChange{"Price", b, a}));
  }
  const auto wkb = arrow::key_value_metadata({std::string(kGeoKey)}, {"planar"});
  const auto before = WithObject({}, {arrow::field("Place", arrow::binary())}).columns;
  EXPECT_THAT(WithObject(before, {arrow::field("Place", arrow::binary(), true, wkb)}).conflicts,
              ElementsAre(TypeChange{"Place", "BYTE_ARRAY", "BYTE_ARRAY (WKB)"}));
}

TEST(TypeChange, a_column_that_was_dropped_and_comes_again_meets_its_own_old_objects) {
  const auto first =
      WithObject({}, {arrow::field("Id", arrow::int32()), arrow::field("Code", arrow::int32())});
  const auto without = WithObject(first.columns, {arrow::field("Id", arrow::int32())});
  EXPECT_THAT(without.conflicts, IsEmpty());
  const auto again = WithObject(
      without.columns, {arrow::field("Id", arrow::int32()), arrow::field("code", arrow::utf8())});
  EXPECT_THAT(again.conflicts, ElementsAre(TypeChange{"code", "INT32", "STRING"}));
}

TEST(ChangedOptions, tells_what_is_written_otherwise_wherever_it_was_set) {
  const std::map<std::string, std::string> plain = {{"datetime2", "micros"}, {"mask", "none"}};
  EXPECT_THAT(ChangedOptions(plain, plain), IsEmpty());
  EXPECT_THAT(ChangedOptions(plain, {{"datetime2", "nanos"}, {"mask", "none"}}),
              ElementsAre(OptionChange{"datetime2", "micros", "nanos"}));
  const std::map<std::string, std::string> masked = {
      {"datetime2", "micros"}, {"mask", "none"}, {"E.mail.mask", "hash"}};
  EXPECT_THAT(ChangedOptions(plain, masked),
              ElementsAre(OptionChange{"E.mail.mask", "none", "hash"}));
  EXPECT_THAT(ChangedOptions(masked, plain),
              ElementsAre(OptionChange{"E.mail.mask", "hash", "none"}));
  EXPECT_THAT(ChangedOptions(masked, {{"datetime2", "micros"}, {"mask", "hash"}}),
              ElementsAre(OptionChange{"mask", "none", "hash"}));
}

TEST(ChangedOptions, takes_an_option_that_an_earlier_program_did_not_know_for_its_default) {
  EXPECT_THAT(ChangedOptions({}, {{"datetime2", "micros"}}), IsEmpty());
  EXPECT_THAT(ChangedOptions({}, {{"datetime2", "string"}}),
              ElementsAre(OptionChange{"datetime2", "micros", "string"}));
}

}  // namespace
}  // namespace cdc::columns
