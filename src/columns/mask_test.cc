#include "columns/mask.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>

#include "columns/testing/cells.h"

namespace cdc::columns {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

constexpr char kKey[] = "a secret of these tests";

SourceColumn Masked(SourceColumn column, const std::string& key = kKey) {
  column.options.Set("mask", "hash");
  column.options.mask_key = std::make_shared<const std::string>(key);
  return column;
}

// By OpenSSL's older interface.
std::string TokenOf(std::string_view canonical, const std::string& key = kKey) {
  unsigned char hash[32];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(canonical.data()), canonical.size(), hash, &size);
  std::string text;
  for (const unsigned char byte : hash) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xF];
  }
  return text;
}

std::string Token(const SourceColumn& column, const std::string& cell) {
  auto decoder = Decoder(Masked(column));
  const auto arrays =
      Decode(decoder.get(), Cells(std::max<int64_t>(64, decoder->binding().slot_bytes)).Add(cell));
  EXPECT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_EQ(arrays->size(), 1u);
  return static_cast<const arrow::StringArray&>(*(*arrays)[0]).GetString(0);
}

std::string Numeric(int precision, int scale, int64_t digits) {
  arrow::Decimal128 value(std::abs(digits));
  return Bytes(static_cast<uint8_t>(precision), static_cast<int8_t>(scale),
               static_cast<uint8_t>(digits >= 0), value.low_bits(), value.high_bits());
}

std::string Money(int64_t value) {
  return Bytes(static_cast<int32_t>(value >> 32), static_cast<uint32_t>(value & 0xFFFFFFFF));
}

std::string Variant(std::string_view ascii) {
  std::string bytes;
  for (const char c : ascii) bytes.append({c, '\0'});
  return bytes;
}

TEST(MaskTest, a_token_is_the_hmac_that_is_published_for_its_key_and_value) {
  // RFC 4231, test case 2.
  const auto decoder = Decoder(Masked(Column("varchar", 60), "Jefe"));
  const auto arrays =
      Decode(decoder.get(), Cells(122).Add(Utf16(u"what do ya want for nothing?")).Null())
          .ValueOrDie();
  const auto& tokens = static_cast<const arrow::StringArray&>(*arrays[0]);
  EXPECT_EQ(tokens.GetView(0), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_TRUE(tokens.IsNull(1));
}

TEST(MaskTest, the_same_value_gives_the_same_token_in_columns_of_any_type) {
  const struct {
    std::string canonical;
    std::vector<std::pair<SourceColumn, std::string>> columns;
  } cases[] = {
      {"Zoë ", {{Column("varchar", 9), Utf16(u"Zoë ")}, {Column("nvarchar", 30), Utf16(u"Zoë ")}}},
      {"", {{Column("nvarchar", 30), ""}, {Column("varbinary", 30), ""}}},
      {"10",
       {{Column("int"), Bytes(int32_t{10})},
        {Column("tinyint"), Bytes(uint8_t{10})},
        {Column("bigint"), Bytes(int64_t{10})},
        {Column("decimal", 9, 9, 2), Numeric(9, 2, 1000)},
        {Column("decimal", 5, 5, 0), Numeric(5, 0, 10)},
        {Column("numeric", 17, 38, 0), Numeric(38, 0, 10)},
        {Column("money"), Money(100000)},
        {Column("float"), Bytes(10.0)},
        {Column("real"), Bytes(10.0F)},
        {Column("sql_variant", 8016), Variant("decimal(9,2,5)10.00")},
        {Column("sql_variant", 8016), Variant("nvarchar(0,0,4)10")}}},
      {"100000",
       {{Column("int"), Bytes(int32_t{100000})},
        {Column("float"), Bytes(1e5)},
        {Column("real"), Bytes(1e5F)},
        {Column("sql_variant", 8016), Variant("float(53,0,8)0x40F86A0000000000")},
        {Column("sql_variant", 8016), Variant("real(24,0,4)0x40F86A0000000000")}}},
      {"0.00001",
       {{Column("decimal", 9, 9, 7), Numeric(9, 7, 100)},
        {Column("float"), Bytes(1e-5)},
        {Column("real"), Bytes(1e-5F)}}},
      {"99999999999999991611392",
       {{Column("float"), Bytes(1e23)},
        {Column("sql_variant", 8016), Variant("float(53,0,8)0x44B52D02C7E14AF6")}}},
      {"0." + std::string(323, '0') + "5", {{Column("float"), Bytes(5e-324)}}},
      {"-1234567890123456789",  // longer than a short string's own room
       {{Column("numeric", 17, 38, 0), Numeric(38, 0, -1234567890123456789)},
        {Column("bigint"), Bytes(int64_t{-1234567890123456789})}}},
      {"-0.5",
       {{Column("decimal", 9, 38, 38), Numeric(38, 38, 0) /* replaced below */},
        {Column("numeric", 9, 9, 3), Numeric(9, 3, -500)},
        {Column("smallmoney"), Bytes(int32_t{-5000})},
        {Column("float"), Bytes(-0.5)},
        {Column("sql_variant", 8016), Variant("money(19,4,8)-0.5000")}}},
      {"0",
       {{Column("bit"), Bytes(uint8_t{0})},
        {Column("decimal", 9, 9, 9), Numeric(9, 9, 0)},
        {Column("float"), Bytes(-0.0)},
        {Column("sql_variant", 8016), Variant("float(53,0,8)0x8000000000000000")}}},
      {"2024-02-29",
       {{Column("date"), Timestamp(2024, 2, 29, 0, 0, 0, 0).substr(0, 6)},
        {Column("sql_variant", 8016), Variant("date(10,0,3)2024-02-29")}}},
      {"2024-02-29 18:44:15.5",
       {{Column("datetime"), Timestamp(2024, 2, 29, 18, 44, 15, 500'000'000)},
        {Column("datetime2", 8, 27, 7), Timestamp(2024, 2, 29, 18, 44, 15, 500'000'000)},
        {Column("datetime2", 6, 21, 1), Timestamp(2024, 2, 29, 18, 44, 15, 500'000'000)},
        {Column("sql_variant", 8016), Variant("datetime(23,3,8)2024-02-29 18:44:15.500")}}},
      {"2024-02-29 18:44:00",
       {{Column("smalldatetime"), Timestamp(2024, 2, 29, 18, 44, 0, 0)},
        {Column("datetime2", 8, 27, 7), Timestamp(2024, 2, 29, 18, 44, 0, 0)}}},
      {"2024-02-29 18:44:15.1234567",
       {{Column("datetime2", 8, 27, 7), Timestamp(2024, 2, 29, 18, 44, 15, 123'456'700)}}},
      {"18:44:15.5",
       {{Column("time", 5, 16, 7), Time(18, 44, 15, 500'000'000)},
        {Column("time", 4, 10, 1), Time(18, 44, 15, 500'000'000)},
        {Column("sql_variant", 8016), Variant("time(16,7,5)18:44:15.5000000")}}},
      {"2024-02-29 18:44:15 -05:30",
       {{Column("datetimeoffset", 10, 34, 7),
         TimestampOffset(Timestamp(2024, 2, 29, 18, 44, 15, 0), -5, -30)},
        {Column("sql_variant", 8016),
         Variant("datetimeoffset(34,7,10)2024-02-29 18:44:15.0000000 -05:30")}}},
      {"33221100-5544-7766-8899-AABBCCDDEEFF",
       {{Column("uniqueidentifier", 16), std::string("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xAA"
                                                     "\xBB\xCC\xDD\xEE\xFF",
                                                     16)},
        {Column("nvarchar", 72), Utf16(u"33221100-5544-7766-8899-AABBCCDDEEFF")}}},
      {std::string("\0\xFF", 2),
       {{Column("varbinary", 30), std::string("\0\xFF", 2)},
        {Column("image", 16), std::string("\0\xFF", 2)},
        {Column("sql_variant", 8016), Variant("varbinary(0,0,30)0x00FF")}}},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.canonical);
    for (auto [column, cell] : one.columns) {
      if (column.scale == 38) {  // half of 10^38
        const auto half =
            arrow::Decimal128::FromString("50000000000000000000000000000000000000").ValueOrDie();
        cell = Bytes(uint8_t{38}, int8_t{38}, uint8_t{0}, half.low_bits(), half.high_bits());
      }
      EXPECT_EQ(Token(column, cell), TokenOf(one.canonical)) << column.TypeText();
    }
  }
}

TEST(MaskTest, another_key_or_value_gives_another_token) {
  EXPECT_NE(TokenOf("a"), TokenOf("a", "another secret of these"));
  EXPECT_NE(Token(Column("nvarchar", 8), Utf16(u"a")), Token(Column("nvarchar", 8), Utf16(u"a ")));
}

TEST(MaskTest, a_masked_columns_field_is_text_under_its_name) {
  SourceColumn column = Column("datetimeoffset", 10, 34, 7);
  column.options.Set("datetimeoffset", "utc+offset");
  const auto decoder = Decoder(Masked(column));
  ASSERT_EQ(decoder->fields().size(), 1u);
  EXPECT_TRUE(decoder->fields()[0]->type()->Equals(arrow::utf8()));
  EXPECT_EQ(decoder->fields()[0]->name(), "Price");
}

TEST(MaskTest, a_masked_columns_values_are_checked_and_counted_all_the_same) {
  const std::u16string lone = {u'x', 0xD83D};
  auto text = Decoder(Masked(Column("nvarchar", 40)));
  ASSERT_TRUE(Decode(text.get(), Cells(40).Add(Utf16(lone)).Add(Utf16(u"ok"))).ok());
  EXPECT_EQ(text->altered_values(), 1);
  const Cells cells =
      Cells(16).Add(Timestamp(2024, 2, 29, 0, 0, 0, 0)).Add(Timestamp(2023, 2, 29, 0, 0, 0, 0));
  auto time = Decoder(Masked(Column("datetime2", 8, 27, 7)));
  EXPECT_THAT(time->Append(cells.slice(), 0, 2).message(),
              ::testing::HasSubstr("column Price datetime2(7) holds an impossible date"));
  EXPECT_EQ(time->failed_row(), 1);
}

TEST(MaskTest, no_token_is_made_without_a_key) {
  SourceColumn column = Column("int");
  column.options.Set("mask", "hash");
  EXPECT_THAT(ColumnDecoder::Make(column).status().message(),
              ::testing::HasSubstr("Price is to be masked without a key"));
}

TEST(MaskTest, mask_null_keeps_the_fields_and_no_value) {
  for (SourceColumn column : {Column("datetimeoffset", 10, 34, 7), Column("nvarchar", -1)}) {
    const auto usual = Decoder(column)->fields();
    column.options.Set("mask", "null");
    EXPECT_EQ(ReadAsOf(column), ReadAs::kNothing);
    auto decoder = Decoder(column);
    EXPECT_FALSE(decoder->grows());
    ASSERT_EQ(decoder->fields().size(), usual.size());
    const auto arrays = Decode(decoder.get(), Cells(1).Null().Null()).ValueOrDie();
    for (size_t i = 0; i < usual.size(); ++i) {
      EXPECT_TRUE(decoder->fields()[i]->Equals(usual[i], /*check_metadata=*/true));
      EXPECT_EQ(arrays[i]->null_count(), 2);
    }
  }
}

}  // namespace
}  // namespace cdc::columns
