#include "source/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc::source {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const UtcTime kNow = std::chrono::sys_days(std::chrono::year{2026} / 11 / 23) + hours{3};

// A database that has been captured for a week, with the default jobs, seen in full.
CaptureHealth Healthy() {
  CaptureHealth health;
  health.server_utc = kNow;
  health.database = "Shop";
  health.log_reuse_wait = "NOTHING";
  health.newest_commit = kNow - seconds{3};
  health.oldest_commit = kNow - hours{75};
  health.first_instance = kNow - hours{24 * 7};
  health.jobs = {CaptureHealth::CaptureJob{}, minutes{4320}};
  health.activity = {true, true, kNow - hours{24}};
  health.agent_running = true;
  health.last_scan = {kNow - seconds{4}, kNow - seconds{2}, 7, seconds{3}};
  return health;
}

// The same for a login that may read changes and nothing else.
CaptureHealth SeenFromOutside() {
  CaptureHealth health = Healthy();
  health.jobs.reset();
  health.activity.reset();
  health.agent_running.reset();
  health.last_scan.reset();
  health.unseen = {{"whether the capture job runs", "denied", "GRANT SELECT ON dbo.cdc_jobs"}};
  return health;
}

TEST(Health, a_capture_job_that_keeps_up_runs_and_its_own_latency_is_the_lag) {
  const auto verdict = JudgeCapture(Healthy());
  EXPECT_EQ(verdict.condition, CaptureCondition::kRuns);
  EXPECT_EQ(verdict.lag, seconds{3});
  EXPECT_TRUE(verdict.lag_is_exact);
  EXPECT_EQ(verdict.why + verdict.help, "");
}

TEST(Health, an_idle_database_does_not_lag_however_old_its_newest_change_is) {
  CaptureHealth idle = Healthy();
  idle.newest_commit = kNow - hours{30};
  idle.last_scan = {kNow - seconds{8}, kNow - seconds{2}, 0, seconds{0}};
  EXPECT_EQ(JudgeCapture(idle).condition, CaptureCondition::kRuns);
  EXPECT_EQ(JudgeCapture(idle).lag, seconds{0});
}

TEST(Health, without_a_sight_of_the_scans_the_newest_rows_age_bounds_the_lag) {
  CaptureHealth health = SeenFromOutside();
  health.newest_commit = kNow - minutes{6};
  const auto verdict = JudgeCapture(health);
  EXPECT_EQ(verdict.condition, CaptureCondition::kRuns);
  EXPECT_EQ(verdict.lag, minutes{6});
  EXPECT_FALSE(verdict.lag_is_exact);
}

TEST(Health, an_idle_database_without_dummy_rows_neither_lags_nor_stops_by_age_alone) {
  CaptureHealth health = SeenFromOutside();
  for (const minutes age : {minutes{12}, minutes{16}, minutes{60 * 30}}) {
    health.newest_commit = kNow - age;
    const auto verdict = JudgeCapture(health);
    EXPECT_EQ(verdict.condition, CaptureCondition::kUnknown);
    EXPECT_EQ(verdict.lag, std::nullopt);
    EXPECT_THAT(verdict.why, HasSubstr("nothing was changed since, or capture stopped"));
  }
  health.newest_commit = health.oldest_commit = std::nullopt;
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kUnknown);
}

TEST(Health, a_log_that_waits_for_capture_makes_silence_a_stop) {
  CaptureHealth health = SeenFromOutside();
  health.log_reuse_wait = "REPLICATION";
  health.newest_commit = kNow - minutes{12};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kLags);
  health.newest_commit = kNow - minutes{16};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kStopped);
  EXPECT_THAT(JudgeCapture(health).why, HasSubstr("the transaction log waits for capture"));
}

TEST(Health, a_missing_dummy_row_is_a_lag_and_three_of_them_are_a_stop) {
  CaptureHealth health = SeenFromOutside();
  health.has_idle_rows = true;
  health.newest_commit = kNow - minutes{12};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kLags);
  EXPECT_THAT(JudgeCapture(health).why, HasSubstr("12 min old"));
  health.newest_commit = kNow - minutes{16};
  const auto stopped = JudgeCapture(health);
  EXPECT_EQ(stopped.condition, CaptureCondition::kStopped);
  EXPECT_EQ(stopped.lag, minutes{16});
  EXPECT_THAT(stopped.help, HasSubstr("SQL Server Agent"));
  EXPECT_THAT(stopped.help, HasSubstr("cdc.Shop_capture"));
  EXPECT_THAT(stopped.help, HasSubstr("sp_cdc_start_job"));
  EXPECT_THAT(stopped.help, HasSubstr("To see more here: GRANT SELECT ON dbo.cdc_jobs"));
}

TEST(Health, a_job_that_looks_at_the_log_every_hour_is_given_its_time) {
  CaptureHealth health = SeenFromOutside();
  health.has_idle_rows = true;
  health.jobs = {CaptureHealth::CaptureJob{true, hours{1}}, minutes{4320}};
  health.newest_commit = kNow - minutes{90};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kRuns);
  health.newest_commit = kNow - hours{3};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kStopped);
}

TEST(Health, a_job_that_is_not_running_is_said_at_once_with_what_starts_it) {
  CaptureHealth health = Healthy();
  health.activity = {true, false, kNow - minutes{1}};
  health.log_reuse_wait = "REPLICATION";
  const auto verdict = JudgeCapture(health);
  EXPECT_EQ(verdict.condition, CaptureCondition::kStopped);
  EXPECT_THAT(verdict.why, HasSubstr("cdc.Shop_capture is not running since 2026-11-23T02:59:00Z"));
  EXPECT_THAT(verdict.why, HasSubstr("REPLICATION"));
  EXPECT_THAT(verdict.help, HasSubstr("EXEC sys.sp_cdc_start_job @job_type = N'capture'"));
  EXPECT_THAT(verdict.help, Not(HasSubstr("sp_update_job")));
  health.activity->enabled = false;
  EXPECT_THAT(JudgeCapture(health).help,
              HasSubstr("sp_update_job @job_name = N'cdc.Shop_capture'"));
}

TEST(Health, a_job_that_runs_by_a_schedule_may_rest) {
  CaptureHealth health = Healthy();
  health.activity = {true, false, kNow - minutes{1}};
  health.jobs->capture->continuous = false;
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kRuns);
  health.last_scan.reset();
  health.has_idle_rows = true;
  health.newest_commit = kNow - minutes{50};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kRuns);
  health.newest_commit = kNow - hours{3};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kStopped);
}

TEST(Health, an_agent_that_is_stopped_comes_before_its_job) {
  CaptureHealth health = Healthy();
  health.activity = {true, false, kNow - minutes{1}};
  health.agent_running = false;
  EXPECT_THAT(JudgeCapture(health).why, HasSubstr("SQL Server Agent is not running"));
  EXPECT_THAT(JudgeCapture(health).help, HasSubstr("SQLSERVERAGENT"));
}

TEST(Health, a_missing_job_is_no_trouble_where_somebody_else_captures) {
  CaptureHealth health = Healthy();
  health.jobs->capture.reset();
  health.activity.reset();
  health.last_scan.reset();
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kRuns);
  health.newest_commit = kNow - minutes{11};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kStopped);
  EXPECT_THAT(JudgeCapture(health).help, HasSubstr("sp_cdc_add_job @job_type = N'capture'"));
}

TEST(Health, a_replica_is_not_judged_by_the_jobs_of_its_own_server) {
  CaptureHealth health = Healthy();
  health.read_only = true;
  health.activity = {true, false, std::nullopt};
  health.agent_running = false;
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kRuns);
  health.has_idle_rows = true;
  health.newest_commit = kNow - minutes{30};
  EXPECT_THAT(JudgeCapture(health).help, HasSubstr("primary"));
}

TEST(Health, azure_sql_database_has_no_agent_to_start) {
  CaptureHealth health = SeenFromOutside();
  health.azure_sql_database = true;
  health.has_idle_rows = true;
  health.newest_commit = kNow - minutes{30};
  const auto verdict = JudgeCapture(health);
  EXPECT_EQ(verdict.condition, CaptureCondition::kStopped);
  EXPECT_THAT(verdict.help, HasSubstr("sp_cdc_scan"));
  EXPECT_THAT(verdict.help, Not(HasSubstr("Agent")));
}

TEST(Health, the_last_error_is_told_while_it_may_be_the_reason) {
  CaptureHealth health = Healthy();
  health.activity = {true, false, kNow - minutes{1}};
  health.last_error = {kNow - minutes{2}, 9002, "The transaction log for database 'Shop' is full."};
  EXPECT_THAT(JudgeCapture(health).help,
              HasSubstr("9002 at 2026-11-23T02:58:00Z: The transaction"));
  EXPECT_THAT(JudgeCapture(health).help, HasSubstr("ADD LOG FILE"));
  health.last_error->at = kNow - hours{2};
  EXPECT_THAT(JudgeCapture(health).help, Not(HasSubstr("9002")));
}

TEST(Health, a_job_that_falls_behind_lags_though_it_runs) {
  CaptureHealth health = Healthy();
  health.last_scan->latency = minutes{9};
  const auto verdict = JudgeCapture(health);
  EXPECT_EQ(verdict.condition, CaptureCondition::kLags);
  EXPECT_EQ(verdict.lag, minutes{9});
  EXPECT_THAT(verdict.help, HasSubstr("@maxtrans"));
  // A scan that is still at it has no latency yet.
  health.last_scan = {kNow - minutes{20}, std::nullopt, 0, seconds{0}};
  health.newest_commit = kNow - minutes{20};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kLags);
  EXPECT_FALSE(JudgeCapture(health).lag_is_exact);
}

TEST(Health, an_old_scan_proves_nothing) {
  CaptureHealth health = Healthy();
  health.activity.reset();
  health.last_scan->ended = kNow - minutes{20};
  health.newest_commit = kNow - minutes{20};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kStopped);
}

TEST(Health, a_database_in_which_nothing_was_ever_captured_is_given_a_moment) {
  CaptureHealth health = SeenFromOutside();
  health.newest_commit = health.oldest_commit = std::nullopt;
  health.first_instance = kNow - minutes{1};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kUnknown);
  health.log_reuse_wait = "REPLICATION";
  health.first_instance = kNow - minutes{20};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kStopped);
  EXPECT_THAT(JudgeCapture(health).why, HasSubstr("enabled since 2026-11-23T02:40:00Z"));
  health.last_scan = {kNow - seconds{4}, kNow - seconds{2}, 0, seconds{0}};
  EXPECT_EQ(JudgeCapture(health).condition, CaptureCondition::kRuns);
}

TEST(Health, a_servers_clock_that_is_behind_its_commits_makes_no_negative_age) {
  CaptureHealth health = SeenFromOutside();
  health.newest_commit = kNow + minutes{59};
  EXPECT_EQ(JudgeCapture(health).lag, seconds{0});
}

TEST(Retention, what_is_left_counts_from_the_newest_captured_commit_not_from_now) {
  CaptureHealth health = Healthy();
  health.newest_commit = kNow - hours{10};  // capture stands still, and so does cleanup
  health.unread = {{{"dbo.a"}, kNow - hours{12}}};
  const auto verdict = JudgeRetention(health);
  EXPECT_EQ(verdict.condition, RetentionCondition::kAmple);
  EXPECT_EQ(verdict.retention, hours{72});
  EXPECT_FALSE(verdict.is_estimate);
  ASSERT_EQ(verdict.headroom.size(), 1U);
  EXPECT_EQ(verdict.headroom[0].left, hours{70});
}

RetentionCondition ConditionWith(minutes retention, seconds left) {
  CaptureHealth health = Healthy();
  health.jobs->retention = retention;
  health.unread = {{{"dbo.a"}, *health.newest_commit - retention + left}};
  return JudgeRetention(health).condition;
}

TEST(Retention, a_quarter_of_it_or_an_hour_is_near_and_nothing_left_is_overdue) {
  EXPECT_EQ(ConditionWith(hours{72}, hours{18}), RetentionCondition::kAmple);
  EXPECT_EQ(ConditionWith(hours{72}, hours{18} - seconds{1}), RetentionCondition::kNear);
  EXPECT_EQ(ConditionWith(hours{72}, seconds{1}), RetentionCondition::kNear);
  EXPECT_EQ(ConditionWith(hours{72}, seconds{0}), RetentionCondition::kOverdue);
  EXPECT_EQ(ConditionWith(hours{3}, minutes{59}), RetentionCondition::kNear);
  EXPECT_EQ(ConditionWith(hours{3}, minutes{60}), RetentionCondition::kAmple);
  EXPECT_EQ(ConditionWith(minutes{30}, minutes{15}), RetentionCondition::kAmple);
  EXPECT_EQ(ConditionWith(minutes{30}, minutes{14}), RetentionCondition::kNear);
}

TEST(Retention, the_table_that_cleanup_reaches_first_comes_first) {
  CaptureHealth health = Healthy();
  health.unread = {{{"dbo.late"}, kNow - hours{2}}, {{"dbo.early"}, kNow - hours{60}}};
  const auto verdict = JudgeRetention(health);
  EXPECT_EQ(verdict.condition, RetentionCondition::kNear);
  ASSERT_EQ(verdict.headroom.size(), 2U);
  EXPECT_THAT(verdict.headroom[0].tables, ElementsAre("dbo.early"));
}

TEST(Retention, where_the_setting_is_hidden_what_cleanup_has_left_tells_it) {
  CaptureHealth health = SeenFromOutside();
  health.oldest_commit = *health.newest_commit - hours{48};
  health.unread = {{{"dbo.a"}, *health.newest_commit - hours{40}}};
  const auto verdict = JudgeRetention(health);
  EXPECT_TRUE(verdict.is_estimate);
  EXPECT_EQ(verdict.retention, hours{48});
  EXPECT_EQ(verdict.condition, RetentionCondition::kNear);
}

TEST(Retention, before_anything_was_cleaned_away_a_hidden_setting_stays_unknown) {
  CaptureHealth health = SeenFromOutside();
  health.first_instance = *health.oldest_commit - seconds{5};
  health.unread = {{{"dbo.a"}, *health.oldest_commit}};
  const auto verdict = JudgeRetention(health);
  EXPECT_EQ(verdict.condition, RetentionCondition::kUnknown);
  EXPECT_THAT(verdict.headroom, IsEmpty());
}

TEST(Retention, a_database_without_a_cleanup_job_keeps_everything) {
  CaptureHealth health = Healthy();
  health.jobs->retention.reset();
  health.first_instance = *health.oldest_commit;
  EXPECT_EQ(JudgeRetention(health).condition, RetentionCondition::kUnknown);
}

}  // namespace
}  // namespace cdc::source
