#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "columns/column.h"
#include "odbc/testing/server_process.h"

// Every SQL type from the wire through each driver into Arrow: what a server sends is what arrives.

namespace cdc::columns {
namespace {

using nlohmann::json;

struct TypeCase {
  SourceColumn column;
  json wire_type;                                  // as scripted_server.py takes it
  std::vector<json> wire_values;                   // as standin.model has them
  std::vector<std::string> expected;               // as Arrow prints the scalars of the first array
  std::vector<std::string> expected_offsets = {};  // of the second one
};

SourceColumn Column(std::string type, int32_t length = 0, int32_t precision = 0,
                    int32_t scale = 0) {
  SourceColumn column;
  column.name = "c";
  column.type_name = std::move(type);
  column.max_length_bytes = length;
  column.precision = precision;
  column.scale = scale;
  return column;
}

constexpr int64_t kTicksADay = 864'000'000'000;
// 2024-02-29 18:44:15.1234567 in 100 ns since 0001-01-01.
constexpr int64_t kLeapDay = 738'944 * kTicksADay + 674'551'234'567;
// 9999-12-31 23:59:59.9999999
constexpr int64_t kLastTick = 3'652'059 * kTicksADay - 1;

std::vector<TypeCase> NumberCases() {
  return {
      {Column("bit"), {"bit"}, {0, 1, nullptr}, {"false", "true", "null"}},
      {Column("tinyint"), {"tinyint"}, {0, 255, nullptr}, {"0", "255", "null"}},
      {Column("smallint"), {"smallint"}, {-32768, 32767, nullptr}, {"-32768", "32767", "null"}},
      {Column("int"),
       {"int"},
       {INT32_MIN, INT32_MAX, nullptr},
       {"-2147483648", "2147483647", "null"}},
      {Column("bigint"),
       {"bigint"},
       {INT64_MIN, INT64_MAX, nullptr},
       {"-9223372036854775808", "9223372036854775807", "null"}},
      {Column("real"), {"real"}, {1.5, -0.0, nullptr}, {"1.5", "-0", "null"}},
      {Column("float"), {"float"}, {0.1, -1e300, nullptr}, {"0.1", "-1e+300", "null"}},
      {Column("decimal", 17, 38, 10),
       {"decimal", 38, 10},
       {"1234567890123456789012345678.0123456789", "-0.0000000001", "0", nullptr},
       {"1234567890123456789012345678.0123456789", "-1E-10", "0E-10", "null"}},
      {Column("numeric", 5, 5, 2),
       {"numeric", 5, 2},
       {"-999.99", "0.50", nullptr},
       {"-999.99", "0.50", "null"}},
      {Column("money"),
       {"money"},
       {"922337203685477.5807", "-922337203685477.5808", "-0.0001", nullptr},
       {"922337203685477.5807", "-922337203685477.5808", "-0.0001", "null"}},
      {Column("smallmoney"),
       {"smallmoney"},
       {"214748.3647", "-214748.3648", nullptr},
       {"214748.3647", "-214748.3648", "null"}},
  };
}

std::vector<TypeCase> TimeCases() {
  return {
      {Column("date"),
       {"date"},
       {0, 738944, 3652058, nullptr},
       {"0001-01-01", "2024-02-29", "9999-12-31", "null"}},
      {Column("time", 5, 16, 7),
       {"time", 7},
       {0, 674'551'234'567, kTicksADay - 1, nullptr},
       {"00:00:00.0000000", "18:44:15.1234567", "23:59:59.9999999", "null"}},
      {Column("time", 3, 8, 0), {"time", 0}, {674'550'000'000, nullptr}, {"18:44:15", "null"}},
      {Column("datetime"),
       {"datetime"},
       {-53690 * 25920000LL, 1, 299, 45349 * 25920000LL, nullptr},
       {"1753-01-01 00:00:00.000000", "1900-01-01 00:00:00.003000", "1900-01-01 00:00:00.997000",
        "2024-02-29 00:00:00.000000", "null"}},
      {Column("smalldatetime"),
       {"smalldatetime"},
       {0, 65535 * 1440 + 1439, nullptr},
       {"1900-01-01 00:00:00.000000", "2079-06-06 23:59:00.000000", "null"}},
      {Column("datetime2", 8, 27, 7),
       {"datetime2", 7},
       {0, kLeapDay, kLastTick, nullptr},
       {"0001-01-01 00:00:00.000000", "2024-02-29 18:44:15.123456", "9999-12-31 23:59:59.999999",
        "null"}},
      {Column("datetime2", 6, 19, 0),
       {"datetime2", 0},
       {kLeapDay - 1'234'567, nullptr},
       {"2024-02-29 18:44:15.000000", "null"}},
      {Column("datetimeoffset", 10, 34, 7),
       {"datetimeoffset", 7},
       {{kLeapDay, 0}, {kLeapDay, 330}, {kLeapDay, -30}, {kLeapDay, -840}, nullptr},
       {"2024-02-29 18:44:15.123456Z", "2024-02-29 18:44:15.123456Z", "2024-02-29 18:44:15.123456Z",
        "2024-02-29 18:44:15.123456Z", "null"},
       {"0", "330", "-30", "-840", "null"}},
  };
}

std::vector<TypeCase> TextCases() {
  // Text of a code page comes as CONVERT(nvarchar(n), …) gives it.
  return {
      {Column("char", 6), {"nvarchar", 6}, {"é     ", nullptr}, {"é     ", "null"}},
      {Column("varchar", 20),
       {"nvarchar", 20},
       {"", "a  ", "Zoë €", "日本語 🚲", nullptr},
       {"", "a  ", "Zoë €", "日本語 🚲", "null"}},
      {Column("varchar", 8000),
       {"nvarchar", -1},
       {"", std::string(2000, 'x'), nullptr},
       {"", std::string(2000, 'x'), "null"}},
      {Column("text", 16),
       {"nvarchar", -1},
       {"", std::string(2000, 'x'), nullptr},
       {"", std::string(2000, 'x'), "null"}},
      {Column("nchar", 8), {"nchar", 4}, {"a🚲 ", nullptr}, {"a🚲 ", "null"}},
      {Column("nvarchar", 40),
       {"nvarchar", 20},
       {"", "  Zoë 🚲 日本語  ", nullptr},
       {"", "  Zoë 🚲 日本語  ", "null"}},
      {Column("nvarchar", -1),
       {"nvarchar", -1},
       {"", std::string(2048, 'y'), nullptr},
       {"", std::string(2048, 'y'), "null"}},
      {Column("uniqueidentifier"),
       {"uniqueidentifier"},
       {"00112233445566778899AABBCCDDEEFF", nullptr},
       {"33221100-5544-7766-8899-AABBCCDDEEFF", "null"}},
  };
}

std::vector<TypeCase> BinaryCases() {
  const std::string long_hex(8192, 'F');
  return {
      {Column("binary", 3), {"binary", 3}, {"00FF00", nullptr}, {"00FF00", "null"}},
      {Column("varbinary", 20), {"varbinary", 20}, {"", "00", nullptr}, {"", "00", "null"}},
      {Column("varbinary", -1), {"varbinary", -1}, {"", long_hex, nullptr}, {"", long_hex, "null"}},
      {Column("timestamp", 8), {"rowversion"}, {"00000000000007D1"}, {"00000000000007D1"}},
      {Column("hierarchyid", 892), {"hierarchyid"}, {"5AC0", nullptr}, {"5AC0", "null"}},
      {Column("geometry", -1),
       {"geometry"},
       {"00000000010C00", nullptr},
       {"00000000010C00", "null"}},
      {Column("geography", -1),
       {"geography"},
       {"E6100000010C00", nullptr},
       {"E6100000010C00", "null"}},
  };
}

class RoundTripTest : public ::testing::TestWithParam<odbc::testing::Driver> {
 protected:
  static std::vector<std::string> Texts(const arrow::Array& array) {
    std::vector<std::string> texts;
    for (int64_t i = 0; i < array.length(); ++i) {
      const auto scalar = array.GetScalar(i).ValueOrDie();
      if (array.type_id() == arrow::Type::BINARY && scalar->is_valid) {
        texts.push_back(static_cast<const arrow::BinaryScalar&>(*scalar).value->ToHexString());
      } else {
        texts.push_back(scalar->is_valid ? scalar->ToString() : "null");
      }
    }
    return texts;
  }

  // Several blocks, and every value in several places of a block.
  static void ExpectArrives(odbc::Connection* connection, const TypeCase& one) {
    SCOPED_TRACE(one.column.TypeText());
    json rows = json::array();
    for (const json& value : one.wire_values) rows.push_back(json::array({value}));
    json wire_column = one.wire_type;
    wire_column.insert(wire_column.begin(), "c");
    json event = {{"columns", json::array({wire_column})}, {"rows", rows}, {"repeat", kRepeats}};
    auto decoder = ColumnDecoder::Make(one.column);
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    auto cursor =
        connection->Open(json::array({event}).dump(), {}, {(*decoder)->binding()}, kBlockRows);
    ASSERT_TRUE(cursor.ok()) << cursor.status();
    while (true) {
      const auto rows_fetched = (*cursor)->Fetch();
      ASSERT_TRUE(rows_fetched.ok()) << rows_fetched.status();
      if (*rows_fetched == 0) break;
      ASSERT_FALSE((*cursor)->FirstOverflow().has_value());
      const arrow::Status appended = (*decoder)->Append((*cursor)->column(0), 0, *rows_fetched);
      ASSERT_TRUE(appended.ok()) << appended;
    }
    arrow::ArrayVector arrays;
    ASSERT_TRUE((*decoder)->Finish(&arrays).ok());
    EXPECT_EQ(Texts(*arrays[0]), Repeated(one.expected));
    if (arrays.size() > 1) {
      EXPECT_EQ(Texts(*arrays[1]), Repeated(one.expected_offsets));
    }
  }
  static std::vector<std::string> Repeated(const std::vector<std::string>& texts) {
    std::vector<std::string> repeated;
    for (int i = 0; i < kRepeats; ++i) repeated.insert(repeated.end(), texts.begin(), texts.end());
    return repeated;
  }

  static constexpr int kRepeats = 10;
  static constexpr int64_t kBlockRows = 7;
};

INSTANTIATE_TEST_SUITE_P(Drivers, RoundTripTest, ::testing::ValuesIn(odbc::testing::Drivers()),
                         [](const auto& driver) { return driver.param.name; });

TEST_P(RoundTripTest, every_type_arrives_as_the_server_sent_it) {
  const odbc::testing::ScriptedServer server;
  auto connection = odbc::Connection::Open(server.Options(GetParam().driver));
  ASSERT_TRUE(connection.ok()) << connection.status();
  for (const auto& cases : {NumberCases(), TimeCases(), TextCases(), BinaryCases()}) {
    for (const TypeCase& one : cases) ExpectArrives(connection->get(), one);
  }
}

}  // namespace
}  // namespace cdc::columns
