#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "odbc/connection.h"
#include "odbc/testing/server_process.h"

// The promise of this room: a result that was cut, wherever and however, is never called complete,
// and the rows that were handed out before are a prefix of it with right values. Every fault that
// the stand-in knows, at every kind of place, with every driver, as a batch and as a parameterised
// call.

namespace cdc::odbc {
namespace {

using nlohmann::json;

constexpr int kRows = 300;
constexpr int64_t kBlockRows =
    64;  // so that faults fall inside a block, at its end, and in later ones

std::string TextOf(int row) {
  return "row " + std::to_string(row) + std::string(static_cast<size_t>(row % 40), 'x');
}

std::string Script(bool as_call) {
  json rows = json::array();
  for (int row = 0; row < kRows; ++row) rows.push_back({row, TextOf(row)});
  const std::string result =
      R"({"columns": [["id", "int"], ["name", "nvarchar", 60]], "rows": )" + rows.dump() + "}";
  return (as_call ? "? [" : "[") + result + "]";
}

enum class End {
  kLost,      // an error, and the connection is gone
  kDoubtful,  // the same, but everything was sent before the fault came: complete would be true,
              // too
  kTransient,
  kPermanent,
  kAnyError,
  kComplete,  // nothing bad happened: a message between rows
};

struct Case {
  json fault;
  End end;
};

void AddCuts(const char* action, std::vector<Case>* cases) {
  const auto add = [&](json where, End end) {
    where["action"] = action;
    cases->push_back({std::move(where), end});
  };
  for (const int count : {0, 1, 63, 64, 65, 128, 200, kRows - 1, kRows}) {
    add({{"at", "rows"}, {"count", count}}, End::kLost);
    if (count < kRows) add({{"at", "rows"}, {"count", count}, {"inside_row", true}}, End::kLost);
  }
  for (int bytes = 1; bytes < 8000; bytes = bytes * 3 / 2 + 1) {
    add({{"at", "bytes"}, {"count", bytes}}, End::kLost);
  }
  for (const char* place : {"start", "before_done"}) add({{"at", place}}, End::kLost);
  for (const char* place : {"before_end", "after_done"}) add({{"at", place}}, End::kDoubtful);
}

void AddTokens(const json& where, std::vector<Case>* cases) {
  const auto add = [&](json what, End end) {
    what.update(where);
    cases->push_back({std::move(what), end});
  };
  add({{"action", "error"}, {"number", 8134}, {"severity", 16}}, End::kPermanent);
  add({{"action", "error"}, {"number", 1205}, {"severity", 13}}, End::kTransient);
  add({{"action", "error"}, {"number", 50123}, {"severity", 20}}, End::kLost);
  add({{"action", "done_error"}}, End::kLost);
  add({{"action", "info"}, {"number", 5701}, {"severity", 0}}, End::kComplete);
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const char* action : {"fin", "rst"}) AddCuts(action, &cases);
  for (const int count : {1, 63, 64, 100, kRows})
    AddTokens({{"at", "rows"}, {"count", count}}, &cases);
  for (const char* place : {"start", "before_done"}) AddTokens({{"at", place}}, &cases);
  cases.push_back({{{"at", "rows"}, {"count", 70}, {"action", "no_done"}}, End::kAnyError});
  return cases;
}

class CutResultTest : public ::testing::TestWithParam<testing::Driver> {
 protected:
  // Reads to the end; an error as its status, otherwise the rows counted.
  static arrow::Result<int64_t> ReadAll(Connection* connection, const std::string& sql,
                                        const std::vector<Parameter>& parameters) {
    ARROW_ASSIGN_OR_RAISE(
        auto cursor,
        connection->Open(sql, parameters, {{CType::kLong, 4}, {CType::kBinary, 120}}, kBlockRows));
    int64_t total = 0;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const int64_t rows, cursor->Fetch());
      if (rows == 0) return total;
      EXPECT_FALSE(cursor->FirstOverflow().has_value());
      for (int64_t i = 0; i < rows; ++i) ExpectRow(*cursor, i, static_cast<int>(total + i));
      total += rows;
    }
  }
  static void ExpectRow(const Cursor& cursor, int64_t at, int row) {
    int32_t id = -1;
    std::memcpy(&id, cursor.column(0).data + 4 * at, sizeof(id));
    EXPECT_EQ(id, row);
    const ColumnSlice name = cursor.column(1);
    const std::string expected = TextOf(row);
    ASSERT_EQ(name.lengths[at], static_cast<int64_t>(expected.size()) * 2);
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(name.data[at * name.slot_bytes + static_cast<int64_t>(2 * i)], expected[i]);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Drivers, CutResultTest, ::testing::ValuesIn(testing::Drivers()),
                         [](const auto& driver) { return driver.param.name; });

void ExpectEnd(End expected, const arrow::Result<int64_t>& rows, bool broken) {
  if (rows.ok()) {
    EXPECT_TRUE(expected == End::kComplete || expected == End::kDoubtful);
    EXPECT_EQ(*rows, kRows);
    return;
  }
  EXPECT_NE(expected, End::kComplete) << rows.status();
  EXPECT_EQ(broken, FaultOf(rows.status()).retry == Retry::kAfterReconnect) << rows.status();
  if (expected == End::kAnyError) return;
  const Retry retry = expected == End::kTransient   ? Retry::kNextRound
                      : expected == End::kPermanent ? Retry::kWhenSomebodyActs
                                                    : Retry::kAfterReconnect;
  EXPECT_EQ(FaultOf(rows.status()).retry, retry) << rows.status();
}

// Runs every case on a connection of its own with `read`, which returns the rows of a complete
// result.
template <typename Read>
void ExpectEnds(const std::string& driver, Read&& read) {
  const testing::ScriptedServer server;
  testing::ControlChannel control = server.Control();
  ConnectOptions options = server.Options(driver);
  options.query_timeout = std::chrono::seconds(1);
  for (const bool as_call : {false, true}) {
    std::vector<Parameter> parameters;
    if (as_call) parameters.emplace_back(int32_t{1});
    for (const Case& one : Cases()) {
      SCOPED_TRACE(one.fault.dump() + (as_call ? " in a call" : " in a batch"));
      control.Clear();
      auto connection = Connection::Open(options);
      ASSERT_TRUE(connection.ok()) << connection.status();
      json fault = one.fault;
      fault["match"] = "columns";
      control.Arm(fault);
      const arrow::Result<int64_t> rows = read(connection->get(), Script(as_call), parameters);
      EXPECT_EQ(control.WaitUntilFired(), 1);
      ExpectEnd(one.end, rows, (*connection)->broken());
      // A connection can be used, or says that it is broken.
      const bool usable = (*connection)->Query(Script(false), {}, kRows).ok();
      EXPECT_NE(usable, (*connection)->broken());
    }
  }
}

TEST_P(CutResultTest, no_cut_result_of_a_cursor_is_called_complete) {
  ExpectEnds(GetParam().driver, ReadAll);
}

TEST_P(CutResultTest, no_cut_result_of_a_query_is_called_complete) {
  ExpectEnds(GetParam().driver,
             [](Connection* connection, const std::string& sql,
                const std::vector<Parameter>& parameters) -> arrow::Result<int64_t> {
               ARROW_ASSIGN_OR_RAISE(const auto results, connection->Query(sql, parameters, kRows));
               EXPECT_EQ(results.size(), 1);
               EXPECT_EQ(results[0].rows.back()[1], TextOf(kRows - 1));
               return static_cast<int64_t>(results[0].rows.size());
             });
}

}  // namespace
}  // namespace cdc::odbc
