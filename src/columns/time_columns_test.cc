#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "columns/column.h"
#include "columns/testing/cells.h"

namespace cdc::columns {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests
using ::testing::HasSubstr;

int DaysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

TEST(TimeColumnsTest, every_day_of_the_years_1_to_9999_has_its_number) {
  auto decoder = Decoder(Column("date"));
  int32_t days = -719162;  // 0001-01-01 (MS-TDS: 1970-01-01 is day 719162)
  for (int year = 1; year <= 9999; ++year) {
    Cells cells(6);
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= DaysInMonth(year, month); ++day) {
        cells.Add(Timestamp(year, month, day, 0, 0, 0, 0).substr(0, 6));
      }
    }
    const auto array =
        std::static_pointer_cast<arrow::Date32Array>(Decode(decoder.get(), cells).ValueOrDie()[0]);
    for (int64_t i = 0; i < array->length(); ++i) ASSERT_EQ(array->Value(i), days++) << year;
  }
  EXPECT_EQ(days, 2932897);
}

TEST(TimeColumnsTest, impossible_dates_are_refused) {
  for (const auto& [year, month, day] : {std::array{2023, 2, 29},
                                         {1900, 2, 29},
                                         {2024, 13, 1},
                                         {2024, 0, 1},
                                         {2024, 1, 0},
                                         {2024, 4, 31},
                                         {0, 1, 1},
                                         {10000, 1, 1},
                                         {-1, 1, 1}}) {
    ExpectRefused(Column("date"), Timestamp(year, month, day, 0, 0, 0, 0).substr(0, 6),
                  "impossible date");
    ExpectRefused(Column("datetime2", 8, 27, 7), Timestamp(year, month, day, 0, 0, 0, 0),
                  "impossible date");
  }
}

TEST(TimeColumnsTest, timestamps_are_microseconds_of_the_same_clock) {
  const struct {
    SourceColumn column;
    std::string cell;
    int64_t micros;
    int64_t altered;
  } cases[] = {
      {Column("datetime"), Timestamp(1970, 1, 1, 0, 0, 0, 997000000), 997000, 0},
      {Column("datetime"), Timestamp(1753, 1, 1, 0, 0, 0, 3000000), -6847804800000000 + 3000, 0},
      {Column("smalldatetime"), Timestamp(1970, 1, 2, 1, 1, 0, 0), 86400000000 + 3660000000, 0},
      {Column("datetime2", 8, 27, 7), Timestamp(1970, 1, 1, 0, 0, 1, 999999900), 1999999, 1},
      {Column("datetime2", 8, 27, 7), Timestamp(1969, 12, 31, 23, 59, 59, 999999900), -1, 1},
      {Column("datetime2", 8, 27, 7), Timestamp(1, 1, 1, 0, 0, 0, 100), -62135596800000000, 1},
      {Column("datetime2", 8, 27, 7), Timestamp(9999, 12, 31, 23, 59, 59, 999999000),
       253402300799999999, 0},
      {Column("datetime2", 6, 19, 0), Timestamp(2024, 2, 29, 12, 30, 15, 0), 1709209815000000, 0},
  };
  for (const auto& one : cases) {
    auto decoder = Decoder(one.column);
    const auto arrays = Decode(decoder.get(), Cells(16).Add(one.cell).Null());
    ASSERT_TRUE(arrays.ok()) << arrays.status();
    const auto array = std::static_pointer_cast<arrow::TimestampArray>((*arrays)[0]);
    EXPECT_TRUE(array->type()->Equals(arrow::timestamp(arrow::TimeUnit::MICRO)));
    EXPECT_EQ(array->Value(0), one.micros);
    EXPECT_TRUE(array->IsNull(1));
    EXPECT_EQ(decoder->altered_values(), one.altered);
  }
}

TEST(TimeColumnsTest, impossible_times_are_refused) {
  const SourceColumn datetime2 = Column("datetime2", 7, 23, 3);
  ExpectRefused(datetime2, Timestamp(2024, 1, 1, 24, 0, 0, 0), "impossible date or time");
  ExpectRefused(datetime2, Timestamp(2024, 1, 1, 0, 60, 0, 0), "impossible date or time");
  ExpectRefused(datetime2, Timestamp(2024, 1, 1, 0, 0, 60, 0), "impossible date or time");
  ExpectRefused(datetime2, Timestamp(2024, 1, 1, 0, 0, 0, 1000000000), "impossible date or time");
  ExpectRefused(datetime2, Timestamp(2024, 1, 1, 0, 0, 0, 1000),
                "impossible date or time");  // finer than its scale
  ExpectRefused(Column("time", 5, 16, 7), Time(24, 0, 0, 0), "impossible time");
  ExpectRefused(Column("time", 3, 8, 0), Time(1, 0, 0, 100000000), "impossible time");
}

TEST(TimeColumnsTest, a_datetimeoffset_is_an_instant_and_an_offset) {
  const SourceColumn column = Column("datetimeoffset", 10, 34, 7);
  const std::string local = Timestamp(2024, 2, 29, 18, 44, 15, 123456700);
  const int64_t as_utc = 1709232255123456;
  const struct {
    std::string cell;
    int64_t utc;
    int16_t offset;
  } cases[] = {{TimestampOffset(local, 0, 0), as_utc, 0},
               {TimestampOffset(local, 5, 30), as_utc - 330 * 60000000LL, 330},
               {TimestampOffset(local, -5, -30), as_utc + 330 * 60000000LL, -330},
               {TimestampOffset(local, 0, -30), as_utc + 30 * 60000000LL, -30},
               {TimestampOffset(local, 14, 0), as_utc - 840 * 60000000LL, 840},
               {TimestampOffset(local, -14, 0), as_utc + 840 * 60000000LL, -840}};
  auto decoder = Decoder(column);
  Cells cells(20);
  for (const auto& one : cases) cells.Add(one.cell);
  cells.Null();
  const auto arrays = Decode(decoder.get(), cells).ValueOrDie();
  const auto instants = std::static_pointer_cast<arrow::TimestampArray>(arrays[0]);
  const auto offsets = std::static_pointer_cast<arrow::Int16Array>(arrays[1]);
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(instants->Value(i), cases[i].utc);
    EXPECT_EQ(offsets->Value(i), cases[i].offset);
  }
  EXPECT_TRUE(instants->IsNull(6));
  EXPECT_TRUE(offsets->IsNull(6));
  EXPECT_EQ(decoder->altered_values(), 6);
  EXPECT_EQ(decoder->fields()[1]->name(), "Price__offset");
  EXPECT_TRUE(
      decoder->fields()[0]->type()->Equals(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")));

  for (const auto& [hours, minutes] : {std::pair{14, 1}, {-14, -1}, {1, -1}, {-1, 1}, {0, 60}}) {
    ExpectRefused(column, TimestampOffset(local, hours, minutes), "impossible time zone offset");
  }
  ExpectRefused(column, TimestampOffset(Timestamp(1, 1, 1, 0, 0, 0, 0), 1, 0), "outside the years");
  ExpectRefused(column, TimestampOffset(Timestamp(9999, 12, 31, 23, 30, 0, 0), -1, 0),
                "outside the years");
}

TEST(TimeColumnsTest, a_time_is_text_with_exactly_the_digits_of_its_scale) {
  const char* expected[] = {"03:04:05",        "03:04:05.0",      "03:04:05.05",
                            "03:04:05.050",    "03:04:05.0500",   "03:04:05.05000",
                            "03:04:05.050000", "03:04:05.0500000"};
  for (int scale = 0; scale <= 7; ++scale) {
    const uint32_t nanoseconds = scale < 2 ? 0 : 50000000;
    const auto array = DecodeOne<arrow::StringArray>(
        Column("time", 5, 16, scale), Cells(12).Add(Time(3, 4, 5, nanoseconds)).Null());
    EXPECT_EQ(array->GetView(0), expected[scale]);
    EXPECT_TRUE(array->IsNull(1));
  }
  const auto last = DecodeOne<arrow::StringArray>(Column("time", 5, 16, 7),
                                                  Cells(12).Add(Time(23, 59, 59, 999999900)));
  EXPECT_EQ(last->GetView(0), "23:59:59.9999999");
}

}  // namespace
}  // namespace cdc::columns
