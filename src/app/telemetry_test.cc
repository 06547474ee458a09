#include "app/telemetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/events.h"

namespace cdc::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

config::Config Listening(const std::string& listen) {
  config::Config config;
  config.source.host = "db1";
  config.source.database = "shop";
  config.source.password = "open-sesame";
  config.target.url = "s3://lake/raw";
  config.run.listen = listen;
  return config;
}

progress::TableFacts Orders() {
  progress::TableFacts table;
  table.name = "dbo.Orders";
  table.condition = progress::Condition::kStopped;
  table.why = "gap: retention passed";
  table.objects = 2;
  table.rows = 30;
  table.bytes = 4'000;
  table.altered_values = {{"Name", 5}};
  table.gaps = 6;
  return table;
}

TEST(Telemetry, shows_what_capture_reports) {
  auto telemetry = Telemetry::Start(Listening("")).ValueOrDie();
  telemetry->OnDatabase("Shop");
  telemetry->observer().OnRole(progress::Role::kOwner, "process 1 on here");
  progress::RoundFacts round;
  round.swaps = 3;
  round.ended = true;
  telemetry->observer().OnRound(round);
  telemetry->observer().OnTable(Orders());
  const std::string metrics = telemetry->Page("/metrics").body;
  for (const std::string sample :
       {"role{role=\"owner\"} 1", "rounds_total 1", "state_swaps_total 3",
        "rows_total{table=\"dbo.Orders\"} 30", "objects_total{table=\"dbo.Orders\"} 2",
        "bytes_total{table=\"dbo.Orders\"} 4000",
        "altered_values_total{table=\"dbo.Orders\",column=\"Name\"} 5",
        "table_gaps{table=\"dbo.Orders\"} 6", "table_stopped{table=\"dbo.Orders\"} 1",
        "database=\"Shop\""}) {
    EXPECT_THAT(metrics, HasSubstr(sample));
  }
  EXPECT_EQ(telemetry->Page("/healthz").code, 200);
  telemetry->observer().OnTableGone("dbo.Orders");
  EXPECT_EQ(telemetry->Page("/metrics").body.find("dbo.Orders"), std::string::npos);
}

TEST(Telemetry, gives_away_no_secret) {
  auto telemetry = Telemetry::Start(Listening("")).ValueOrDie();
  for (const char* path : {"/", "/metrics", "/healthz", "/status.json"}) {
    EXPECT_EQ(telemetry->Page(path).body.find("open-sesame"), std::string::npos) << path;
  }
}

TEST(Telemetry, counts_warnings_and_errors_of_the_log_while_it_lives) {
  auto telemetry = Telemetry::Start(Listening("")).ValueOrDie();
  LogEvent(Level::kWarn, "server_lags", {{"why", "a test"}});
  LogEvent(Level::kError, "failed", {{"why", "a test"}});
  const std::string metrics = telemetry->Page("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("log_events_total{level=\"warn\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("log_events_total{level=\"error\"} 1\n"));
  telemetry.reset();
  LogEvent(Level::kWarn, "after", {});  // nobody is there to be told
}

TEST(Telemetry, listens_where_it_was_told_or_says_why_not) {
  auto first = Telemetry::Start(Listening("127.0.0.1:0")).ValueOrDie();
  ASSERT_GT(first->port(), 0);
  const auto second = Telemetry::Start(Listening("127.0.0.1:" + std::to_string(first->port())));
  ASSERT_TRUE(second.status().IsInvalid());
  EXPECT_THAT(second.status().message(), HasSubstr("Address already in use"));
}

// The events that a start tells.
std::string Told(const config::Config& config) {
  std::string lines;
  SetEventSink([&](const Event& event) { lines += TextLine(event) + "\n"; });
  EXPECT_TRUE(Telemetry::Start(config).ok());
  SetEventSink(nullptr);
  return lines;
}

TEST(Telemetry, warns_where_others_reach_it_and_need_no_token) {
  EXPECT_THAT(Told(Listening("127.0.0.1:0")), Not(HasSubstr("listening_to_all")));
  config::Config open = Listening("0.0.0.0:0");
  EXPECT_THAT(Told(open), HasSubstr("warn  listening_to_all host=0.0.0.0"));
  open.run.listen_token = "0123456789abcdef";
  const std::string told = Told(open);
  EXPECT_THAT(told, HasSubstr("listening host=0.0.0.0"));
  EXPECT_THAT(told, Not(HasSubstr("listening_to_all")));
  EXPECT_THAT(told, Not(HasSubstr("0123456789abcdef")));
}

}  // namespace
}  // namespace cdc::app
