#include "odbc/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "odbc/testing/server_process.h"

// Connections to a server whose answers each test scripts, with every driver that is there.

namespace cdc::odbc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ConnectionTest : public ::testing::TestWithParam<testing::Driver> {
 protected:
  static void SetUpTestSuite() { server_ = new testing::ScriptedServer; }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  ConnectOptions Options() const { return server_->Options(GetParam().driver); }
  std::unique_ptr<Connection> Connect() const {
    auto connection = Connection::Open(Options());
    EXPECT_TRUE(connection.ok()) << connection.status();
    return connection.MoveValueUnsafe();
  }

  static testing::ScriptedServer* server_;
};
testing::ScriptedServer* ConnectionTest::server_ = nullptr;

INSTANTIATE_TEST_SUITE_P(Drivers, ConnectionTest, ::testing::ValuesIn(testing::Drivers()),
                         [](const auto& driver) { return driver.param.name; });

TEST_P(ConnectionTest, connects_and_says_which_driver_it_is) {
  const auto connection = Connect();
  EXPECT_THAT(connection->driver_description(),
              HasSubstr(GetParam().name == "FreeTDS" ? "FreeTDS 01."
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

TEST_P(ConnectionTest, a_batch_with_several_errors_leaves_the_connection_as_it_was) {
  const auto connection = Connect();
  const std::string denied = R"({"error": 229, "message": "denied", "go_on": true})";
  const std::string row = R"({"columns": [["n", "int"]], "rows": [[1]]})";
  const std::string script = "[" + denied + ", " + row + ", " + denied + ", " + denied + "]";
  for (int round = 0; round < 3; ++round) {
    const auto failed = connection->Query(script, {}, 1);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(FaultOf(failed.status()).native, 229);
    EXPECT_EQ(FaultOf(failed.status()).retry, Retry::kWhenSomebodyActs) << failed.status();
    EXPECT_FALSE(connection->broken());
  }
  EXPECT_TRUE(connection->Query("[" + row + "]", {}, 1).ok());
}

TEST_P(ConnectionTest, long_values_of_a_query_come_whole) {
  for (const int length : {0, 1, 16382, 16383, 16384, 16385, 40000, 200000}) {
    SCOPED_TRACE(length);
    const std::string text = std::string(static_cast<size_t>(length), 'x') + "é";
    const std::string script =
        R"([{"columns": [["n", "nvarchar", -1], ["v", "varchar", -1], ["b", "varbinary", -1]],
      "rows": [[")" +
        text + R"(", ")" + text + R"(", "FF)" + std::string(static_cast<size_t>(2 * length), '1') +
        R"("]]}])";
    const auto results = Connect()->Query(script, {}, 1);
    ASSERT_TRUE(results.ok()) << results.status();
    EXPECT_TRUE((*results)[0].rows[0][0] == text);
    EXPECT_TRUE((*results)[0].rows[0][1] == text);
    EXPECT_TRUE((*results)[0].rows[0][2] ==
                "\xFF" + std::string(static_cast<size_t>(length), '\x11'));
  }
}

TEST_P(ConnectionTest, more_rows_than_a_query_allows_are_an_error_and_the_connection_goes_on) {
  const auto connection = Connect();
  const std::string script = R"([{"columns": [["id", "int"]], "rows": [[1]], "repeat": 100}])";
  EXPECT_TRUE(connection->Query(script, {}, 100).ok());
  EXPECT_THAT(connection->Query(script, {}, 99).status().message(), HasSubstr("more than 99 rows"));
  EXPECT_TRUE(connection->Query(script, {}, 100).ok());
}

TEST_P(ConnectionTest, a_result_without_row_counts_is_not_taken_for_complete) {
  const auto connection = Connect();
  const std::string script = R"([{"columns": [["id", "int"]], "rows": [[1]], "count": false}])";
  EXPECT_THAT(connection->Query(script, {}, 100).status().message(), HasSubstr("NOCOUNT"));
}

TEST_P(ConnectionTest, parameters_have_fixed_types_whatever_their_values) {
  Lsn lsn;
  for (size_t i = 0; i < lsn.bytes.size(); ++i) lsn.bytes[i] = static_cast<uint8_t>(0xF0 + i);
  const std::vector<Parameter> parameters = {int32_t{-7},           int64_t{1} << 40, lsn,
                                             std::string("Zoë 🚲"),  std::string(),    std::nullopt,
                                             std::string(5000, 'z')};
  const auto results =
      Connect()->Query(R"(?, ?, ?, ?, ?, ?, ? [{"parameters": true}])", parameters, 10);
  ASSERT_TRUE(results.ok()) << results.status();
  const auto& rows = (*results)[0].rows;
  ASSERT_EQ(rows.size(), 7);
  EXPECT_THAT(rows[0], ElementsAre("@P1", "int", "0", "-7"));
  EXPECT_THAT(rows[1], ElementsAre("@P2", "bigint", "0", "1099511627776"));
  EXPECT_THAT(rows[2], ElementsAre("@P3", "binary", "10", "f0f1f2f3f4f5f6f7f8f9"));
  EXPECT_THAT(rows[3], ElementsAre("@P4", "nvarchar", "4000", "Zoë 🚲"));
  EXPECT_THAT(rows[4], ElementsAre("@P5", "nvarchar", "4000", ""));
  EXPECT_THAT(rows[5], ElementsAre("@P6", "int", "0", std::nullopt));
  EXPECT_EQ(rows[6][3], std::string(5000, 'z'));
}

TEST_P(ConnectionTest, statements_begin_with_row_counts_switched_on) {
  testing::ControlChannel control = server_->Control();
  const auto connection = Connect();
  const auto log = control.Ask({{"op", "log"}, {"match", "SET NOCOUNT OFF"}});
  EXPECT_FALSE(log["statements"].empty());
}

TEST_P(ConnectionTest, a_wrong_password_is_a_permanent_error_that_names_user_and_host_only) {
  ConnectOptions options = Options();
  options.password = "wr0ng-word";
  const arrow::Status status = Connection::Open(options).status();
  EXPECT_EQ(FaultOf(status).native, 18456);
  EXPECT_EQ(FaultOf(status).retry, Retry::kWhenSomebodyActs);
  EXPECT_THAT(status.message(), HasSubstr("login of 'reader' on 127.0.0.1:"));
  EXPECT_THAT(status.ToString(), Not(HasSubstr("wr0ng-word")));
}

TEST_P(ConnectionTest, a_database_that_cannot_be_opened_is_named) {
  ConnectOptions options = Options();
  options.database = "Shop2";
  const arrow::Status status = Connection::Open(options).status();
  EXPECT_EQ(FaultOf(status).native, 4060);
  EXPECT_THAT(status.message(), HasSubstr("database 'Shop2' cannot be opened"));
}

// A firewall of Azure's, a logon trigger: what the server says itself, and no guess at the network.
TEST_P(ConnectionTest, a_login_that_the_server_refuses_is_told_in_its_own_words) {
  testing::ControlChannel control = server_->Control();
  const struct {
    int native;
    int severity;
    Retry retry;
  } cases[] = {{40615, 14, Retry::kWhenSomebodyActs},
               {17892, 14, Retry::kWhenSomebodyActs},
               {17809, 16, Retry::kNextRound}};
  for (const auto& one : cases) {
    control.Arm({{"at", "login"},
                 {"action", "error"},
                 {"number", one.native},
                 {"severity", one.severity},
                 {"message", "Not from where you are."}});
    const arrow::Status status = Connection::Open(Options()).status();
    EXPECT_EQ(FaultOf(status).native, one.native) << status;
    EXPECT_EQ(FaultOf(status).retry, one.retry) << status;
    EXPECT_THAT(status.message(), HasSubstr("Not from where you are."));
    EXPECT_THAT(status.message(), Not(HasSubstr("listens on TCP")));
    EXPECT_THAT(status.message(), Not(HasSubstr("TLS")));
    control.Clear();
  }
}

TEST_P(ConnectionTest, a_server_that_cannot_be_reached_may_be_tried_again) {
  ConnectOptions options = Options();
  options.login_timeout = std::chrono::seconds(1);  // Microsoft's driver dials until then
  options.host = "127.0.0.1:1";
  arrow::Status status = Connection::Open(options).status();
  EXPECT_EQ(FaultOf(status).retry, Retry::kAfterReconnect) << status;
  EXPECT_THAT(status.message(), HasSubstr("127.0.0.1:1"));
  options.host = "no-such-host.invalid";
  status = Connection::Open(options).status();
  EXPECT_EQ(FaultOf(status).retry, Retry::kAfterReconnect) << status;
  EXPECT_THAT(status.message(), HasSubstr("no-such-host.invalid"));
}

TEST_P(ConnectionTest, a_server_that_does_not_answer_a_login_is_given_up_in_time) {
  testing::ControlChannel control = server_->Control();
  control.Arm({{"at", "login"}, {"action", "stall"}, {"seconds", 20}});
  ConnectOptions options = Options();
  options.login_timeout = std::chrono::seconds(1);
  const auto start = std::chrono::steady_clock::now();
  const arrow::Status status = Connection::Open(options).status();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(6));
  EXPECT_EQ(FaultOf(status).retry, Retry::kAfterReconnect) << status;
  EXPECT_THAT(status.message(), HasSubstr("did not answer within 1 s"));
  control.Clear();
}

TEST_P(ConnectionTest, an_error_of_a_statement_leaves_the_connection_usable) {
  const auto connection = Connect();
  const auto failed = connection->Query("SELEC 1", {}, 1);
  EXPECT_EQ(FaultOf(failed.status()).native, 102);
  EXPECT_EQ(FaultOf(failed.status()).retry, Retry::kWhenSomebodyActs);
  EXPECT_THAT(failed.status().message(), HasSubstr("Incorrect syntax near 'SELEC 1'. (error 102,"));
  EXPECT_FALSE(connection->broken());
  EXPECT_TRUE(connection->Query(R"([{"columns": [["id", "int"]], "rows": [[1]]}])", {}, 1).ok());
}

TEST_P(ConnectionTest, a_statement_that_takes_too_long_is_broken_off_and_the_connection_goes_on) {
  ConnectOptions options = Options();
  options.query_timeout = std::chrono::seconds(1);
  const auto connection = Connection::Open(options).ValueOrDie();
  const auto start = std::chrono::steady_clock::now();
  const auto slow = connection->Query(R"([{"sleep": 20}])", {}, 1);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(FaultOf(slow.status()).retry, Retry::kNextRound) << slow.status();
  EXPECT_TRUE(connection->Query(R"([{"columns": [["id", "int"]], "rows": [[1]]}])", {}, 1).ok());
}

TEST_P(ConnectionTest, cancel_from_another_thread_breaks_off_a_statement) {
  const auto connection = Connect();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    connection->Cancel();
  });
  const auto start = std::chrono::steady_clock::now();
  const auto cancelled = connection->Query(R"([{"sleep": 20}])", {}, 1);
  other.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(FaultOf(cancelled.status()).retry, Retry::kNextRound) << cancelled.status();
  EXPECT_TRUE(connection->Query(R"([{"columns": [["id", "int"]], "rows": [[1]]}])", {}, 1).ok());
}

TEST_P(ConnectionTest, cancel_does_not_wait_for_a_server_that_answers_nothing) {
  testing::ControlChannel control = server_->Control();
  const auto connection = Connect();
  control.Arm({{"at", "start"}, {"action", "stall"}, {"seconds", 20}, {"match", "repeat"}});
  arrow::Status ended;
  std::thread other([&] {
    ended =
        connection->Query(R"([{"columns": [["id", "int"]], "rows": [[1]], "repeat": 1}])", {}, 1)
            .status();
  });
  EXPECT_EQ(control.WaitUntilFired(), 1);
  const auto start = std::chrono::steady_clock::now();
  connection->Cancel();
  connection->Cancel();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // it is broken into by now
  control.Ask({{"op", "cut"}});
  other.join();
  EXPECT_FALSE(ended.ok());
  control.Clear();
}

TEST_P(ConnectionTest, a_connection_that_the_server_cut_while_idle_is_found_broken) {
  const auto connection = Connect();
  server_->Control().Ask({{"op", "cut"}});
  const auto failed = connection->Query(R"([{"columns": [["id", "int"]], "rows": [[1]]}])", {}, 1);
  EXPECT_EQ(FaultOf(failed.status()).retry, Retry::kAfterReconnect) << failed.status();
  EXPECT_TRUE(connection->broken());
}

}  // namespace
}  // namespace cdc::odbc
