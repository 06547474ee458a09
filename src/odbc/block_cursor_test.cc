#include "odbc/block_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "odbc/connection.h"
#include "odbc/testing/server_process.h"

namespace cdc::odbc {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kOneRow[] = R"([{"columns": [["id", "int"]], "rows": [[1]]}])";
// About 100 MB if it were read to its end.
constexpr char kHuge[] =
    R"([{"columns": [["id", "int"], ["name", "nvarchar", 50]], "rows": [[7, "twenty characters..."]], "repeat": 2000000}])";

class BlockCursorTest : public ::testing::TestWithParam<testing::Driver> {
 protected:
  static void SetUpTestSuite() { server_ = new testing::ScriptedServer; }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override {
    ConnectOptions options = server_->Options(GetParam().driver);
    options.query_timeout = seconds(5);
    auto connection = Connection::Open(options);
    ASSERT_TRUE(connection.ok()) << connection.status();
    connection_ = connection.MoveValueUnsafe();
  }
  std::unique_ptr<Cursor> Open(const std::string& sql, const std::vector<ColumnBinding>& columns,
                               int64_t rows_per_block) {
    auto cursor = connection_->Open(sql, {}, columns, rows_per_block);
    EXPECT_TRUE(cursor.ok()) << cursor.status();
    return cursor.MoveValueUnsafe();
  }
  void ExpectUsable() {
    const auto results = connection_->Query(kOneRow, {}, 1);
    EXPECT_TRUE(results.ok()) << results.status();
    EXPECT_FALSE(connection_->broken());
  }

  static testing::ScriptedServer* server_;
  std::unique_ptr<Connection> connection_;
};
testing::ScriptedServer* BlockCursorTest::server_ = nullptr;

INSTANTIATE_TEST_SUITE_P(Drivers, BlockCursorTest, ::testing::ValuesIn(testing::Drivers()),
                         [](const auto& driver) { return driver.param.name; });

TEST_P(BlockCursorTest, a_result_is_fetched_in_blocks_and_said_to_be_complete) {
  auto cursor = Open(R"([{"columns": [["id", "bigint"], ["name", "varchar", 5]],
                          "rows": [[-1, "é"], [null, null], [3, ""]]}])",
                     {{CType::kBigInt, 8}, {CType::kWideChar, 12}}, 2);
  ASSERT_EQ(cursor->Fetch().ValueOrDie(), 2);
  int64_t id = 0;
  std::memcpy(&id, cursor->column(0).data, sizeof(id));
  EXPECT_EQ(id, -1);
  EXPECT_EQ(cursor->column(0).slot_bytes, 8);
  EXPECT_EQ(cursor->column(0).lengths[1], kNull);
  EXPECT_EQ(cursor->column(1).lengths[0], 2);
  EXPECT_EQ(std::memcmp(cursor->column(1).data, "\xE9\0\0\0", 4), 0);
  EXPECT_EQ(cursor->column(1).lengths[1], kNull);
  ASSERT_EQ(cursor->Fetch().ValueOrDie(), 1);
  EXPECT_EQ(cursor->column(1).lengths[0], 0);
  EXPECT_EQ(cursor->Fetch().ValueOrDie(), 0);
  EXPECT_EQ(cursor->Fetch().ValueOrDie(), 0);
  ASSERT_TRUE(cursor->Close().ok());
  ExpectUsable();
}

TEST_P(BlockCursorTest, an_empty_result_is_complete_at_once) {
  auto cursor = Open(R"([{"columns": [["id", "int"]], "rows": []}])", {{CType::kLong, 4}}, 10);
  EXPECT_EQ(cursor->Fetch().ValueOrDie(), 0);
}

TEST_P(BlockCursorTest, closing_early_is_quick_and_leaves_the_connection_usable) {
  for (const int blocks : {0, 1, 5}) {
    auto cursor = Open(kHuge, {{CType::kLong, 4}, {CType::kBinary, 100}}, 1024);
    for (int i = 0; i < blocks; ++i) ASSERT_EQ(cursor->Fetch().ValueOrDie(), 1024);
    const auto start = steady_clock::now();
    const arrow::Status closed = cursor->Close();
    EXPECT_TRUE(closed.ok()) << closed;
    EXPECT_LT(steady_clock::now() - start, seconds(2));
    ExpectUsable();
  }
}

TEST_P(BlockCursorTest, destroying_a_cursor_closes_it) {
  Open(kHuge, {{CType::kLong, 4}, {CType::kBinary, 100}}, 1024).reset();
  ExpectUsable();
}

TEST_P(BlockCursorTest, a_cursor_may_outlive_its_connection) {
  auto cursor = Open(kHuge, {{CType::kLong, 4}, {CType::kBinary, 100}}, 16);
  connection_.reset();
  EXPECT_EQ(cursor->Fetch().ValueOrDie(), 16);
}

TEST_P(BlockCursorTest, a_second_statement_beside_an_open_cursor_is_refused) {
  auto cursor = Open(kHuge, {{CType::kLong, 4}, {CType::kBinary, 100}}, 16);
  EXPECT_THAT(connection_->Query(kOneRow, {}, 1).status().message(),
              HasSubstr("another statement is open"));
  EXPECT_EQ(cursor->Fetch().ValueOrDie(), 16);
}

// A value of 30 UTF-16 units in row 2 of a block; the slots hold 20.
struct OverflowCase {
  std::string type;
  CType c_type;
  int64_t slot_bytes;
  int64_t needed_bytes;
};

TEST_P(BlockCursorTest, a_value_that_does_not_fit_is_found_whatever_the_driver_says) {
  const OverflowCase cases[] = {{R"("nvarchar", 50)", CType::kBinary, 40, 60},
                                {R"("nvarchar", -1)", CType::kBinary, 40, 60},
                                {R"("varchar", 50)", CType::kWideChar, 42, 62},
                                {R"("varchar", -1)", CType::kWideChar, 42, 62},
                                {R"("nvarchar", 50)", CType::kWideChar, 42, 62}};
  for (const OverflowCase& one : cases) {
    SCOPED_TRACE(one.type + (one.c_type == CType::kBinary ? " as binary" : " as wide characters"));
    const std::string sql = R"([{"columns": [["id", "int"], ["t", )" + one.type + R"(]],
        "rows": [[0, "short"], [1, "exactly twenty chars"], [2, "this one has thirty characters"],
                 [3, "short"]]}])";
    auto cursor = Open(sql, {{CType::kLong, 4}, {one.c_type, one.slot_bytes}}, 4);
    ASSERT_EQ(cursor->Fetch().ValueOrDie(), 4);
    const auto overflow = cursor->FirstOverflow();
    ASSERT_TRUE(overflow.has_value());
    EXPECT_EQ(overflow->row, 2);
    EXPECT_EQ(overflow->column, 1);
    EXPECT_THAT(overflow->needed_bytes, AnyOf(0, one.needed_bytes));
    // Rows before it are whole.
    EXPECT_EQ(cursor->column(1).lengths[1], 40);
    EXPECT_EQ(std::memcmp(cursor->column(1).data + one.slot_bytes, "e\0x\0a\0", 6), 0);
    // What comes later is not trusted.
    EXPECT_FALSE(cursor->Fetch().ok());
    ASSERT_TRUE(cursor->Close().ok());
    ExpectUsable();
  }
}

TEST_P(BlockCursorTest, a_binary_value_that_does_not_fit_is_found) {
  for (const std::string type : {R"("varbinary", 50)", R"("varbinary", -1)"}) {
    SCOPED_TRACE(type);
    auto cursor =
        Open(R"([{"columns": [["b", )" + type + R"(]], "rows": [["0102"], ["010203040506"]]}])",
             {{CType::kBinary, 5}}, 2);
    ASSERT_EQ(cursor->Fetch().ValueOrDie(), 2);
    ASSERT_TRUE(cursor->FirstOverflow().has_value());
    EXPECT_EQ(cursor->FirstOverflow()->row, 1);
    EXPECT_EQ(cursor->column(0).lengths[0], 2);
  }
}

TEST_P(BlockCursorTest, large_values_fit_large_slots) {
  const std::string text(100000, 'y');
  auto cursor = Open(
      R"([{"columns": [["t", "nvarchar", -1]], "rows": [[")" + text + R"("], ["a"], [null]]}])",
      {{CType::kBinary, 200000}}, 3);
  ASSERT_EQ(cursor->Fetch().ValueOrDie(), 3);
  EXPECT_FALSE(cursor->FirstOverflow().has_value());
  EXPECT_EQ(cursor->column(0).lengths[0], 200000);
  EXPECT_EQ(cursor->column(0).data[199998], 'y');
  EXPECT_EQ(cursor->column(0).lengths[1], 2);
  EXPECT_EQ(cursor->Fetch().ValueOrDie(), 0);
}

TEST_P(BlockCursorTest, another_number_of_columns_than_bound_is_an_error) {
  const auto cursor = connection_->Open(kOneRow, {}, {{CType::kLong, 4}, {CType::kLong, 4}}, 10);
  EXPECT_THAT(cursor.status().message(), HasSubstr("has 1 columns, and 2 were bound"));
  ExpectUsable();
}

TEST_P(BlockCursorTest, a_further_result_is_an_error) {
  auto cursor = Open(
      R"([{"columns": [["a", "int"]], "rows": [[1]]}, {"columns": [["b", "int"]], "rows": [[1]]}])",
      {{CType::kLong, 4}}, 10);
  ASSERT_EQ(cursor->Fetch().ValueOrDie(), 1);
  EXPECT_THAT(cursor->Fetch().status().message(), HasSubstr("further result"));
  ExpectUsable();
}

TEST_P(BlockCursorTest, a_statement_without_rows_cannot_be_opened) {
  EXPECT_THAT(
      connection_->Open(R"([{"affected": 3}])", {}, {{CType::kLong, 4}}, 10).status().message(),
      HasSubstr("no result with rows"));
  ExpectUsable();
}

TEST_P(BlockCursorTest, results_without_rows_before_the_rows_are_skipped) {
  auto cursor = Open(
      R"([{"affected": 3}, {"info": 0, "message": "hello"}, {"columns": [["a", "int"]], "rows": [[1]]}])",
      {{CType::kLong, 4}}, 10);
  EXPECT_EQ(cursor->Fetch().ValueOrDie(), 1);
  EXPECT_EQ(cursor->Fetch().ValueOrDie(), 0);
}

TEST_P(BlockCursorTest, a_server_that_stalls_between_rows_runs_into_the_timeout) {
  ConnectOptions options = server_->Options(GetParam().driver);
  options.query_timeout = seconds(1);
  connection_ = Connection::Open(options).ValueOrDie();
  testing::ControlChannel control = server_->Control();
  // Both drivers then ask the server to stop and wait for its answer; Microsoft's does for 120 s.
  control.Arm(
      {{"match", "columns"}, {"at", "rows"}, {"count", 3000}, {"action", "stall"}, {"seconds", 4}});
  auto cursor = Open(kHuge, {{CType::kLong, 4}, {CType::kBinary, 100}}, 1024);
  arrow::Result<int64_t> rows = 1;
  while (rows.ok() && *rows > 0) rows = cursor->Fetch();
  EXPECT_THAT(FaultOf(rows.status()).records, StartsWith("HYT00")) << rows.status();
  EXPECT_NE(FaultOf(rows.status()).retry, Retry::kWhenSomebodyActs) << rows.status();
  control.Clear();
}

TEST_P(BlockCursorTest, cancel_ends_a_cursor_that_is_being_read) {
  auto cursor = Open(kHuge, {{CType::kLong, 4}, {CType::kBinary, 100}}, 64);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    connection_->Cancel();
  });
  arrow::Result<int64_t> rows = 1;
  while (rows.ok() && *rows > 0) rows = cursor->Fetch();
  other.join();
  EXPECT_EQ(FaultOf(rows.status()).retry, Retry::kNextRound) << rows.status();
  cursor.reset();
  EXPECT_TRUE(connection_->cancelled());
  ExpectUsable();
  EXPECT_FALSE(connection_->cancelled()) << "a statement was begun since";
}

TEST_P(BlockCursorTest, cancel_ends_a_cursor_that_waits_for_the_server) {
  testing::ControlChannel control = server_->Control();
  control.Arm(
      {{"match", "columns"}, {"at", "rows"}, {"count", 3000}, {"action", "stall"}, {"seconds", 4}});
  auto cursor = Open(kHuge, {{CType::kLong, 4}, {CType::kBinary, 100}}, 64);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    connection_->Cancel();
  });
  arrow::Result<int64_t> rows = 1;
  while (rows.ok() && *rows > 0) rows = cursor->Fetch();
  other.join();
  EXPECT_FALSE(rows.ok());
  EXPECT_NE(FaultOf(rows.status()).retry, Retry::kWhenSomebodyActs) << rows.status();
  control.Clear();
}

TEST_P(BlockCursorTest, a_block_has_limits) {
  EXPECT_FALSE(connection_->Open(kOneRow, {}, {{CType::kLong, 4}}, 0).ok());
  EXPECT_FALSE(connection_->Open(kOneRow, {}, {{CType::kBinary, 0}}, 1).ok());
  EXPECT_FALSE(connection_->Open(kOneRow, {}, {{CType::kWideChar, 7}}, 1).ok());
  ExpectUsable();
}

}  // namespace
}  // namespace cdc::odbc
