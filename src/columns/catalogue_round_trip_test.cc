#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "columns/column.h"
#include "columns/type_table.h"
#include "odbc/testing/server_process.h"

// A table with a column of every supported type, made, filled and described in T-SQL.

namespace cdc::columns {
namespace {

struct TableColumn {
  const char* name;
  const char* type;      // as declared, and as TypeText says it again
  const char* literal;   // what is inserted
  const char* expected;  // as Arrow prints it
};

constexpr TableColumn kColumns[] = {
    {"b", "bit", "1", "true"},
    {"ti", "tinyint", "255", "255"},
    {"si", "smallint", "-32768", "-32768"},
    {"i", "int", "-2147483648", "-2147483648"},
    {"bi", "bigint", "9223372036854775807", "9223372036854775807"},
    {"r", "real", "1.5", "1.5"},
    {"f", "float", "0.1", "0.1"},
    {"d", "decimal(38,10)", "1234567890123456789012345678.0123456789",
     "1234567890123456789012345678.0123456789"},
    {"n", "numeric(5,2)", "-999.99", "-999.99"},
    {"m", "money", "-922337203685477.5808", "-922337203685477.5808"},
    {"sm", "smallmoney", "214748.3647", "214748.3647"},
    {"dt", "date", "'2024-02-29'", "2024-02-29"},
    {"t7", "time(7)", "'18:44:15.1234567'", "18:44:15.1234567"},
    {"t0", "time(0)", "'18:44:15'", "18:44:15"},
    {"dtm", "datetime", "'2024-02-29T18:44:15.997'", "2024-02-29 18:44:15.997000"},
    {"sdt", "smalldatetime", "'2079-06-06T23:59:00'", "2079-06-06 23:59:00.000000"},
    {"d27", "datetime2(7)", "'9999-12-31T23:59:59.9999999'", "9999-12-31 23:59:59.999999"},
    {"d23", "datetime2(3)", "'2024-02-29T18:44:15.123'", "2024-02-29 18:44:15.123000"},
    {"dto", "datetimeoffset(7)", "'2024-02-29T18:44:15.1234567+05:30'",
     "2024-02-29 13:14:15.123456Z"},
    {"c", "char(6)", "'é'", "é     "},
    {"vc", "varchar(20)", "'Zoë €  '", "Zoë €  "},
    {"vcm", "varchar(max)", "'long'", "long"},
    {"nc", "nchar(4)", "N'a🚲'", "a🚲 "},
    {"nv", "nvarchar(20)", "N'日本語 🚲'", "日本語 🚲"},
    {"nvm", "nvarchar(max)", "N''", ""},
    {"bn", "binary(3)", "0x00FF00", "00FF00"},
    {"vb", "varbinary(20)", "0x00", "00"},
    {"vbm", "varbinary(max)", "0x", ""},
    {"u", "uniqueidentifier", "'33221100-5544-7766-8899-aabbccddeeff'",
     "33221100-5544-7766-8899-AABBCCDDEEFF"},
};

std::string Joined(const char* before, const char* (*part)(const TableColumn&), const char* after) {
  std::string text = before;
  for (const TableColumn& column : kColumns) {
    text += (&column == kColumns ? "" : ", ") + std::string(part(column));
  }
  return text + after;
}

std::string Text(const arrow::Array& array, int64_t row) {
  const auto scalar = array.GetScalar(row).ValueOrDie();
  if (!scalar->is_valid) return "null";
  if (array.type_id() != arrow::Type::BINARY) return scalar->ToString();
  return static_cast<const arrow::BinaryScalar&>(*scalar).value->ToHexString();
}

class CatalogueRoundTripTest : public ::testing::TestWithParam<odbc::testing::Driver> {
 protected:
  static void SetUpTestSuite() {
    server_ = new odbc::testing::ServerProcess({"-m", "standin", "--password", kPassword});
    const auto connection = Connect("FreeTDS", "master");
    Run(connection.get(), "CREATE DATABASE Shop");
    const auto shop = Connect("FreeTDS", "Shop");
    std::string create = "CREATE TABLE dbo.AllTypes (";
    for (const TableColumn& column : kColumns)
      create += std::string(column.name) + " " + column.type + " NULL, ";
    Run(shop.get(), create + "rv rowversion)");
    const auto name = [](const TableColumn& column) { return column.name; };
    const auto literal = [](const TableColumn& column) { return column.literal; };
    Run(shop.get(),
        Joined("INSERT INTO dbo.AllTypes (", name, ")") + Joined(" VALUES (", literal, ")"));
    Run(shop.get(), "INSERT INTO dbo.AllTypes (b) VALUES (NULL)");
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  static std::unique_ptr<odbc::Connection> Connect(const std::string& driver,
                                                   const std::string& database) {
    odbc::ConnectOptions options;
    options.driver = driver;
    options.host = "127.0.0.1:" + std::to_string(server_->port());
    options.encrypt = odbc::Encrypt::kNo;  // the server here has no certificate
    options.database = database;
    options.user = "sa";
    options.password = kPassword;
    return odbc::Connection::Open(options).ValueOrDie();
  }
  static void Run(odbc::Connection* connection, const std::string& sql) {
    const auto results = connection->Query(sql, {}, 0);
    EXPECT_TRUE(results.ok()) << results.status() << "\n" << sql;
  }
  static std::vector<SourceColumn> Catalogue(odbc::Connection* connection) {
    const auto results = connection->Query(
        "SELECT c.name, t.name, c.max_length, c.precision, c.scale, c.column_id FROM sys.columns c "
        "JOIN sys.types t ON t.user_type_id = c.user_type_id "
        "WHERE c.object_id = OBJECT_ID(?) ORDER BY c.column_id",
        {std::string("dbo.AllTypes")}, 100);
    EXPECT_TRUE(results.ok()) << results.status();
    std::vector<SourceColumn> columns;
    for (const auto& row : results->at(0).rows) {
      SourceColumn column;
      column.name = *row[0];
      column.type_name = *row[1];
      column.max_length_bytes = std::stoi(*row[2]);
      column.precision = std::stoi(*row[3]);
      column.scale = std::stoi(*row[4]);
      column.column_id = std::stoi(*row[5]);
      columns.push_back(column);
    }
    return columns;
  }

  static constexpr char kPassword[] = "Stand-in-1";
  static odbc::testing::ServerProcess* server_;
};
odbc::testing::ServerProcess* CatalogueRoundTripTest::server_ = nullptr;

INSTANTIATE_TEST_SUITE_P(Drivers, CatalogueRoundTripTest,
                         ::testing::ValuesIn(odbc::testing::Drivers()),
                         [](const auto& driver) { return driver.param.name; });

TEST_P(CatalogueRoundTripTest, a_table_of_all_types_arrives_as_inserted) {
  const auto connection = Connect(GetParam().driver, "Shop");
  const std::vector<SourceColumn> catalogue = Catalogue(connection.get());
  ASSERT_EQ(catalogue.size(), std::size(kColumns) + 1);  // and the rowversion
  EXPECT_EQ(catalogue.back().TypeText(), "timestamp");
  std::vector<std::unique_ptr<ColumnDecoder>> decoders;
  std::vector<odbc::ColumnBinding> bindings;
  std::string names;
  for (const SourceColumn& column : catalogue) {
    const bool is_decoded = ReadAsOf(column) == ReadAs::kUtf16;
    names += names.empty() ? "" : ", ";
    names += is_decoded ? "CONVERT(nvarchar(4000), " + column.name + ")" : column.name;
    auto decoder = ColumnDecoder::Make(column);
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    bindings.push_back((*decoder)->binding());
    decoders.push_back(decoder.MoveValueUnsafe());
  }
  auto cursor =
      connection->Open("SELECT " + names + " FROM dbo.AllTypes ORDER BY rv", {}, bindings, 10)
          .ValueOrDie();
  ASSERT_EQ(cursor->Fetch().ValueOrDie(), 2);
  for (size_t i = 0; i < std::size(kColumns); ++i) {
    SCOPED_TRACE(kColumns[i].name);
    EXPECT_EQ(catalogue[i].TypeText(), kColumns[i].type);
    const arrow::Status appended = decoders[i]->Append(cursor->column(static_cast<int>(i)), 0, 2);
    ASSERT_TRUE(appended.ok()) << appended;
    arrow::ArrayVector arrays;
    ASSERT_TRUE(decoders[i]->Finish(&arrays).ok());
    EXPECT_EQ(Text(*arrays[0], 0), kColumns[i].expected);
    EXPECT_EQ(Text(*arrays[0], 1), "null");
  }
  EXPECT_EQ(cursor->Fetch().ValueOrDie(), 0);
}

}  // namespace
}  // namespace cdc::columns
