#include "odbc/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "odbc/testing/server_process.h"

// Connections to a server whose answers each test scripts, with every driver that is there.

namespace cdc::odbc {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ConnectionTest : public ::testing::TestWithParam<std::pair<std::string, std::string>> {
 protected:
  static void SetUpTestSuite() { server_ = new testing::ScriptedServer; }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  ConnectOptions Options() const { return server_->Options(GetParam().second); }
  std::unique_ptr<Connection> Connect() const {
    auto connection = Connection::Open(Options());
    EXPECT_TRUE(connection.ok()) << connection.status();
    return connection.MoveValueUnsafe();
  }

  static testing::ScriptedServer* server_;
};
testing::ScriptedServer* ConnectionTest::server_ = nullptr;

INSTANTIATE_TEST_SUITE_P(Drivers, ConnectionTest, ::testing::ValuesIn(testing::Drivers()),
                         [](const auto& driver) { return driver.param.first; });

TEST_P(ConnectionTest, connects_and_says_which_driver_it_is) {
  const auto connection = Connect();
  EXPECT_THAT(connection->driver_description(),
              HasSubstr(GetParam().first == "FreeTDS" ? "FreeTDS 01."
                                                      : "ODBC Driver 18 for SQL Server 18."));
  EXPECT_FALSE(connection->broken());
}

TEST_P(ConnectionTest, a_query_returns_every_result_set_as_text) {
  const std::string script = R"([
      {"affected": 3},
      {"info": 0, "message": "a PRINT"},
      {"columns": [["id", "int"], ["näme", "nvarchar", 20], ["code", "varchar", 5]],
       "rows": [[1, "Zoë 🚲", "é"], [-2, null, ""]]},
      {"columns": [["lsn", "binary", 3], ["b", "bit"], ["big", "bigint"], ["at", "datetime2", 7]],
       "rows": [["000AFF", 1, 9223372036854775807, 634000000000000001]]},
      {"columns": [["none", "int"]], "rows": []}])";
  const auto results = Connect()->Query(script, {}, 10);
  ASSERT_TRUE(results.ok()) << results.status();
  ASSERT_EQ(results->size(), 3);
  EXPECT_THAT((*results)[0].columns, ElementsAre("id", "näme", "code"));
  EXPECT_THAT((*results)[0].rows[0], ElementsAre("1", "Zoë 🚲", "é"));
  EXPECT_THAT((*results)[0].rows[1], ElementsAre("-2", std::nullopt, ""));
  EXPECT_THAT((*results)[1].rows[0],
              ElementsAre(std::string("\0\x0A\xFF", 3), "1", "9223372036854775807",
                          "2010-01-25 07:06:40.0000001"));
  EXPECT_TRUE((*results)[2].rows.empty());
}

}  // namespace
}  // namespace cdc::odbc
