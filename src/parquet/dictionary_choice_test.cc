#include "parquet/dictionary_choice.h"

#include <arrow/api.h>
#include <arrow/extension/uuid.h>
#include <arrow/util/logging.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace cdc::pq {
namespace {

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> Values(int64_t rows, const Value& value,
                                     Builder builder = Builder()) {
  for (int64_t row = 0; row < rows; ++row) ARROW_CHECK_OK(builder.Append(value(row)));
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> Numbers(int64_t rows, const std::function<int64_t(int64_t)>& value) {
  return Values<arrow::Int64Builder>(rows, value);
}

std::shared_ptr<arrow::Array> Texts(int64_t rows,
                                    const std::function<std::string(int64_t)>& value) {
  return Values<arrow::StringBuilder>(rows, value);
}

std::shared_ptr<arrow::RecordBatch> Batch(const std::shared_ptr<arrow::Array>& column) {
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("v", column->type())}),
                                  column->length(), {column});
}

bool Pays(const std::shared_ptr<arrow::Array>& column) {
  return DictionariesThatPay({Batch(column)}, 1)[0];
}

TEST(DictionaryChoice, values_that_come_again_have_one_and_unique_values_have_none) {
  EXPECT_TRUE(Pays(Numbers(4096, [](int64_t row) { return row % 100; })));
  EXPECT_TRUE(Pays(Texts(4096, [](int64_t row) { return "city " + std::to_string(row % 700); })));
  EXPECT_FALSE(Pays(Numbers(4096, [](int64_t row) { return row * 17; })));
  EXPECT_FALSE(Pays(Texts(4096, [](int64_t row) { return "mail " + std::to_string(row); })));
}

TEST(DictionaryChoice, one_that_saves_less_than_a_quarter_is_not_worth_it) {
  EXPECT_FALSE(Pays(Numbers(4096, [](int64_t row) { return row * 2 / 3; })));
  EXPECT_TRUE(Pays(Numbers(4096, [](int64_t row) { return row / 3; })));
}

TEST(DictionaryChoice, a_few_rows_are_smaller_without_a_page_more) {
  EXPECT_FALSE(Pays(Numbers(10, [](int64_t) { return 7; })));
  EXPECT_TRUE(Pays(Numbers(20, [](int64_t) { return 7; })));
}

TEST(DictionaryChoice, nulls_do_not_count_and_a_column_of_them_alone_has_none) {
  EXPECT_FALSE(Pays(arrow::MakeArrayOfNull(arrow::utf8(), 4096).ValueOrDie()));
  arrow::Int64Builder builder;
  for (int64_t row = 0; row < 4096; ++row) {
    ARROW_CHECK_OK(row % 16 == 0 ? builder.Append(row) : builder.AppendNull());
  }
  EXPECT_FALSE(Pays(builder.Finish().ValueOrDie())) << "256 values, all of them unlike";
}

TEST(DictionaryChoice, booleans_have_none) {
  EXPECT_FALSE(Pays(Values<arrow::BooleanBuilder>(4096, [](int64_t row) { return row % 2 == 0; })));
}

TEST(DictionaryChoice, decimals_bytes_and_uuids_are_judged_by_their_values) {
  const auto type = arrow::decimal128(38, 10);
  for (const int64_t unlike : {10, 4096}) {
    const auto decimals = Values<arrow::Decimal128Builder>(
        4096, [&](int64_t row) { return arrow::Decimal128(row % unlike, 5); },
        arrow::Decimal128Builder(type));
    EXPECT_EQ(Pays(decimals), unlike == 10);
    const auto bytes = Values<arrow::FixedSizeBinaryBuilder>(
        4096,
        [&](int64_t row) {
          std::string text = std::to_string(row % unlike);
          return std::string(16 - text.size(), '0') + text;
        },
        arrow::FixedSizeBinaryBuilder(arrow::fixed_size_binary(16)));
    EXPECT_EQ(Pays(bytes), unlike == 10);
    EXPECT_EQ(Pays(arrow::ExtensionType::WrapArray(arrow::extension::uuid(), bytes)), unlike == 10);
  }
}

TEST(DictionaryChoice, batches_and_slices_of_them_are_judged_as_one) {
  const auto all = Texts(2048, [](int64_t row) { return "name " + std::to_string(row); });
  EXPECT_FALSE(DictionariesThatPay({Batch(all)}, 1)[0]);
  EXPECT_TRUE(DictionariesThatPay({Batch(all), Batch(all)}, 1)[0]);
  EXPECT_FALSE(
      DictionariesThatPay({Batch(all)->Slice(0, 1024), Batch(all)->Slice(1024, 1024)}, 1)[0]);
  EXPECT_TRUE(
      DictionariesThatPay({Batch(all)->Slice(100, 500), Batch(all)->Slice(100, 500)}, 1)[0]);
}

TEST(DictionaryChoice, without_rows_no_column_has_one) {
  EXPECT_EQ(DictionariesThatPay({}, 3), (std::vector<bool>{false, false, false}));
}

}  // namespace
}  // namespace cdc::pq
