#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "columns/column.h"
#include "columns/testing/cells.h"
#include "columns/variant_text.h"

namespace cdc::columns {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests
using ::testing::HasSubstr;

struct VariantCase {
  const char* text;
  const char* type;
  const char* value;
};

constexpr VariantCase kCases[] = {
    {"bit(1,0,1)1", "bit", "1"},
    {"tinyint(3,0,1)255", "tinyint", "255"},
    {"smallint(5,0,2)-32768", "smallint", "-32768"},
    {"int(10,0,4)2147483647", "int", "2147483647"},
    {"int(10,0,4)0", "int", "0"},
    {"bigint(19,0,8)-9223372036854775808", "bigint", "-9223372036854775808"},
    {"decimal(9,2,5)-0.50", "decimal(9,2)", "-0.50"},
    {"decimal(2,2,5)0.00", "decimal(2,2)", "0.00"},
    {"numeric(38,0,17)99999999999999999999999999999999999999", "numeric(38,0)",
     "99999999999999999999999999999999999999"},
    {"numeric(38,38,17)0.99999999999999999999999999999999999999", "numeric(38,38)",
     "0.99999999999999999999999999999999999999"},
    {"money(19,4,8)-922337203685477.5808", "money", "-922337203685477.5808"},
    {"smallmoney(10,4,4)214748.3647", "smallmoney", "214748.3647"},
    {"float(53,0,8)0x3FB999999999999A", "float", "0.1"},
    {"float(53,0,8)0x8000000000000000", "float", "-0"},
    {"float(53,0,8)0x0000000000000001", "float", "5e-324"},
    {"float(53,0,8)0xFFEFFFFFFFFFFFFF", "float", "-1.7976931348623157e+308"},
    {"real(24,0,4)0x3FB99999A0000000", "real", "0.1"},
    {"real(24,0,4)0x36A0000000000000", "real", "1e-45"},
    {"real(24,0,4)0x47EFFFFFE0000000", "real", "3.4028235e+38"},
    {"date(10,0,3)0001-01-01", "date", "0001-01-01"},
    {"date(10,0,3)2024-02-29", "date", "2024-02-29"},
    {"time(16,7,5)23:59:59.9999999", "time(7)", "23:59:59.9999999"},
    {"time(8,0,3)18:44:15.0000000", "time(0)", "18:44:15"},
    {"datetime(23,3,8)1753-01-01 23:59:59.997", "datetime", "1753-01-01 23:59:59.997"},
    {"smalldatetime(16,0,4)2079-06-06 23:59:00.000", "smalldatetime", "2079-06-06 23:59:00"},
    {"datetime2(23,3,7)2024-02-29 18:44:15.1230000", "datetime2(3)", "2024-02-29 18:44:15.123"},
    {"datetime2(27,7,8)9999-12-31 23:59:59.9999999", "datetime2(7)", "9999-12-31 23:59:59.9999999"},
    {"datetimeoffset(34,7,10)2024-02-29 18:44:15.1234567 -05:30", "datetimeoffset(7)",
     "2024-02-29 18:44:15.1234567 -05:30"},
    {"datetimeoffset(26,0,8)0001-01-01 00:00:00.0000000 +14:00", "datetimeoffset(0)",
     "0001-01-01 00:00:00 +14:00"},
    {"char(0,0,6)a    ", "char(6)", "a    "},
    {"varchar(0,0,8000)", "varchar(8000)", ""},
    {"nchar(0,0,4)é ", "nchar(2)", "é "},
    {"nvarchar(0,0,100)int(10,0,4)5) 🚲", "nvarchar(50)", "int(10,0,4)5) 🚲"},
    {"binary(0,0,3)0x00FF00", "binary(3)", "0x00FF00"},
    {"varbinary(0,0,20)0x", "varbinary(20)", "0x"},
    {"uniqueidentifier(0,0,16)33221100-5544-7766-8899-AABBCCDDEEFF", "uniqueidentifier",
     "33221100-5544-7766-8899-AABBCCDDEEFF"},
};

TEST(VariantText, every_base_type_is_told_with_its_exact_value) {
  VariantParts parts;
  for (const VariantCase& one : kCases) {
    SCOPED_TRACE(one.text);
    const char* wrong = ReadVariant(one.text, &parts);
    ASSERT_EQ(wrong, nullptr) << wrong;
    EXPECT_EQ(parts.type, one.type);
    EXPECT_EQ(parts.value, one.value);
    EXPECT_EQ(parts.base, std::string(one.type).substr(0, parts.base.size()));
  }
}

TEST(VariantText, what_is_none_of_its_forms_is_an_error_and_no_guess) {
  const char* wrong[] = {
      "",
      "5",
      "int",
      "int(",
      "int(10,0)5",
      "int(10,0,4",
      "int(10,0,-4)5",
      "int(10,-0,4)5",
      "int(10, 0,4)5",
      "int(99999999999,0,4)5",
      "xml(0,0,-1)<a/>",
      "INT(10,0,4)5",
      "(10,0,4)5",
      "int(10,0,4)",
      "int(10,0,4) 5",
      "int(10,0,4)+5",
      "int(10,0,4)05",
      "int(10,0,4)-0",
      "int(10,0,4)5.",
      "int(10,0,4)5 ",
      "int(10,0,4)2147483648",
      "tinyint(3,0,1)-1",
      "tinyint(3,0,1)256",
      "smallint(5,0,2)32768",
      "bigint(19,0,8)9223372036854775808",
      "bit(1,0,1)2",
      "bit(1,0,1)",
      "decimal(39,0,17)1",
      "decimal(0,0,5)1",
      "decimal(5,6,5)1",
      "decimal(9,2,5).50",
      "decimal(9,2,5)0.5",
      "decimal(9,2,5)0.500",
      "decimal(3,2,5)10.00",
      "decimal(9,0,5)1.",
      "decimal(9,2,5)1,50",
      "decimal(9,2,5)1.5-",
      "decimal(9,2,5)-0.00",
      "money(19,4,8)1.50",
      "money(19,4,8)1,000.0000",
      "money(19,4,8)922337203685477.5808",
      "smallmoney(10,4,4)214748.3648",
      "float(53,0,8)0.1",
      "float(53,0,8)0x3FB999999999999",
      "float(53,0,8)0x3FB999999999999g",
      "float(53,0,8)0x7FF0000000000000",
      "float(53,0,8)0x7FF8000000000000",
      "real(24,0,4)0x3FB999999999999A",
      "date(10,0,3)2023-02-29",
      "date(10,0,3)0000-01-01",
      "date(10,0,3)2024-2-29",
      "date(10,0,3)2024-02-29 00:00:00",
      "time(8,0,3)24:00:00",
      "time(8,0,3)18:44",
      "time(8,0,3)18:44:15.",
      "time(8,0,3)18:44:15.0000001",
      "time(16,7,5)18:44:15.123456",
      "time(16,7,5)18:44:15.12345678",
      "time(16,8,5)18:44:15.12345678",
      "datetime(23,3,8)2024-02-29T18:44:15.123",
      "datetime(23,3,8)2024-02-29 18:44:15",
      "datetime2(23,3,7)2024-02-29 18:44:15.1234",
      "datetimeoffset(34,7,10)2024-02-29 18:44:15.1234567",
      "datetimeoffset(34,7,10)2024-02-29 18:44:15.1234567 +14:01",
      "datetimeoffset(34,7,10)2024-02-29 18:44:15.1234567 05:30",
      "datetimeoffset(34,7,10)2024-02-29 18:44:15.1234567 +05:60",
      "datetimeoffset(34,7,10)2024-02-29 18:44:15.1234567 +05:30x",
      "nvarchar(0,0,8002)a",
      "nvarchar(0,0,99)a",
      "varchar(0,0,8001)a",
      "varbinary(0,0,1)0x00FF",
      "varbinary(0,0,20)0x0",
      "varbinary(0,0,20)00",
      "varbinary(0,0,20)0xfg",
      "uniqueidentifier(0,0,16)33221100-5544-7766-8899-aabbccddeeff",
      "uniqueidentifier(0,0,16)33221100554477668899AABBCCDDEEFF",
      "uniqueidentifier(0,0,16)33221100-5544-7766-8899-AABBCCDDEEFF0",
  };
  VariantParts parts;
  for (const char* text : wrong) EXPECT_NE(ReadVariant(text, &parts), nullptr) << text;
}

std::string Wide(std::string_view ascii) {
  std::string bytes;
  for (const char c : ascii) bytes.append({c, '\0'});
  return bytes;
}

TEST(VariantColumnTest, a_variant_becomes_its_text_and_its_type) {
  auto decoder = Decoder(Column("sql_variant", 8016));
  EXPECT_EQ(decoder->binding().slot_bytes, 4096);
  EXPECT_EQ(decoder->binding().c_type, odbc::CType::kBinary);
  EXPECT_TRUE(decoder->grows());
  Cells cells(4096);
  cells.Add(Wide("decimal(9,2,5)-0.50")).Null().Add(Utf16(u"nvarchar(0,0,100)Zoë 🚲"));
  cells.Add(Wide("float(53,0,8)0x000FFFFFFFFFFFFF"));
  const std::u16string lone = {u'x', 0xD83D};
  cells.Add(Wide("nvarchar(0,0,100)") + Utf16(lone));
  const auto arrays = Decode(decoder.get(), cells).ValueOrDie();
  const auto& values = static_cast<const arrow::StringArray&>(*arrays[0]);
  const auto& types = static_cast<const arrow::StringArray&>(*arrays[1]);
  EXPECT_EQ(values.GetView(0), "-0.50");
  EXPECT_EQ(types.GetView(0), "decimal(9,2)");
  EXPECT_TRUE(values.IsNull(1));
  EXPECT_TRUE(types.IsNull(1));
  EXPECT_EQ(values.GetView(2), "Zoë 🚲");
  EXPECT_EQ(types.GetView(2), "nvarchar(50)");
  EXPECT_EQ(values.GetView(3), "2.225073858507201e-308");
  EXPECT_EQ(values.GetView(4), "x\uFFFD");
  EXPECT_EQ(decoder->altered_values(), 1);
  EXPECT_EQ(decoder->fields()[1]->name(), "Price__type");
  EXPECT_TRUE(decoder->fields()[1]->nullable());
}

TEST(VariantColumnTest, a_variant_of_no_known_form_is_refused) {
  ExpectRefused(Column("sql_variant", 8016), Wide("int(10,0,4)x"), "none of its base type");
  ExpectRefused(Column("sql_variant", 8016), "abc", "half a UTF-16 unit");
}

}  // namespace
}  // namespace cdc::columns
