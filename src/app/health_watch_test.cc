#include "app/health_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/testing/fake_source.h"

namespace cdc::app {
namespace {

using capture::testing::FakeDatabase;
using capture::testing::FakeSource;
using capture::testing::MakeLsn;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const UtcTime kNow = std::chrono::sys_days(std::chrono::year{2026} / 11 / 23);

class HealthWatchTest : public ::testing::Test {
 protected:
  HealthWatchTest() {
    database_.AddTable("dbo", "a");
    source_.health.server_utc = kNow;
    source_.health.database = "Shop";
    source_.health.newest_commit = kNow - seconds{3};
    source_.health.jobs = {source::CaptureHealth::CaptureJob{}, minutes{4320}};
    source_.health.activity = source::CaptureHealth::Activity{};
    state::Table table;
    table.schema = "dbo";
    table.name = "a";
    document_.tables["dbo.a"] = table;
    source_.hook = [this](const std::string& call) {
      if (call == "health") ++measured_;
      return next_;
    };
  }

  // What is logged by a look at the source after `pause`.
  std::string After(seconds pause) {
    clock_.Advance(pause);
    ::testing::internal::CaptureStderr();
    watch_.AfterRound(source_, document_);
    return ::testing::internal::GetCapturedStderr();
  }

  void StopJob() { source_.health.activity->running = false; }
  void StartJob() { source_.health.activity->running = true; }
  // The first commit that table a may not have read is that old.
  void SetUnread(minutes age) {
    const auto second =
        std::chrono::floor<seconds>(*source_.health.newest_commit - age).time_since_epoch();
    database_.mapping = {second.count()};
  }

  FakeDatabase database_;
  FakeSource source_{database_};
  FakeClock clock_{kNow};
  state::Document document_;
  std::vector<HealthReport> told_;
  HealthWatch watch_{clock_, rules::TableSelection::Make({}, {}),
                     [this](const HealthReport& report) { told_.push_back(report); }};
  arrow::Status next_;
  int measured_ = 0;
};

TEST_F(HealthWatchTest, it_measures_at_once_and_then_once_a_minute) {
  EXPECT_THAT(After(seconds{0}), IsEmpty());
  EXPECT_EQ(measured_, 1);
  After(seconds{59});
  EXPECT_EQ(measured_, 1);
  After(seconds{1});
  EXPECT_EQ(measured_, 2);
  EXPECT_EQ(told_.size(), 2U);
}

TEST_F(HealthWatchTest, a_stop_and_its_end_are_said_once_each) {
  StopJob();
  EXPECT_THAT(After(seconds{0}),
              AllOf(HasSubstr("capture_stopped database=Shop"), HasSubstr("sp_cdc_start_job")));
  EXPECT_THAT(After(seconds{10}), IsEmpty());
  EXPECT_THAT(After(seconds{10}), IsEmpty());
  EXPECT_EQ(measured_, 3) << "in trouble it looks more often";
  StartJob();
  EXPECT_THAT(After(seconds{10}), HasSubstr("capture_resumed database=Shop"));
  EXPECT_THAT(After(seconds{60}), IsEmpty());
  StopJob();
  EXPECT_THAT(After(seconds{60}), HasSubstr("capture_stopped"));
}

TEST_F(HealthWatchTest, a_lag_that_becomes_a_stop_is_said_again) {
  source_.health.activity.reset();
  source_.health.has_idle_rows = true;
  source_.health.newest_commit = kNow - minutes{12};
  EXPECT_THAT(After(seconds{0}), HasSubstr("capture_lags"));
  source_.health.newest_commit = kNow - minutes{20};
  EXPECT_THAT(After(seconds{10}), HasSubstr("capture_stopped"));
}

TEST_F(HealthWatchTest, a_measurement_that_fails_is_no_trouble_and_changes_nothing) {
  StopJob();
  After(seconds{0});
  next_ = arrow::Status::IOError("connection lost");
  EXPECT_THAT(After(seconds{10}), IsEmpty());
  next_ = arrow::Status::OK();
  EXPECT_THAT(After(seconds{60}), IsEmpty());
  EXPECT_EQ(told_.size(), 2U);
}

TEST_F(HealthWatchTest, retention_is_told_when_its_class_changes_only) {
  SetUnread(hours{50});
  EXPECT_THAT(After(seconds{0}), IsEmpty());
  SetUnread(hours{60});
  EXPECT_THAT(After(seconds{60}),
              AllOf(HasSubstr("retention_near tables=dbo.a"),
                    HasSubstr("cleanup reaches them in 12 h at the earliest (retention 3 d)"),
                    HasSubstr("sp_cdc_change_job @job_type = N'cleanup', @retention")));
  SetUnread(hours{70});
  EXPECT_THAT(After(seconds{10}), IsEmpty());
  SetUnread(hours{80});
  EXPECT_THAT(After(seconds{10}),
              AllOf(HasSubstr("retention_near"), HasSubstr("the next cleanup may take them")));
  SetUnread(hours{1});
  EXPECT_THAT(After(seconds{10}), HasSubstr("retention_ok"));
}

TEST_F(HealthWatchTest, a_table_that_is_stopped_is_to_be_mended) {
  document_.tables["dbo.a"].stopped = "a foreign object";
  SetUnread(hours{60});
  EXPECT_THAT(After(seconds{0}), HasSubstr("mend what stops the table (a foreign object)"));
}

TEST_F(HealthWatchTest, the_board_gets_the_verdict_with_what_helps_and_each_tables_headroom) {
  StopJob();
  SetUnread(hours{60});
  After(seconds{0});
  ASSERT_EQ(told_.size(), 1U);
  const progress::Health shown = ForBoard(told_[0], kNow);
  EXPECT_EQ(shown.at, kNow);
  EXPECT_EQ(shown.capture_stopped, true);
  EXPECT_THAT(shown.capture_why, HasSubstr("What helps: EXEC sys.sp_cdc_start_job"));
  EXPECT_EQ(shown.capture_lag_seconds, 3);
  EXPECT_EQ(shown.retention_seconds, 72 * 3600);
  EXPECT_EQ(shown.headroom_seconds, (std::map<std::string, double>{{"dbo.a", 12 * 3600}}));
  StartJob();
  After(seconds{10});
  EXPECT_EQ(ForBoard(told_[1], kNow).capture_stopped, false);
  EXPECT_THAT(ForBoard(told_[1], kNow).capture_why, IsEmpty());
}

TEST(ResumePositions,
     are_those_of_the_selected_tables_and_inside_a_transaction_it_counts_as_unread) {
  state::Document document;
  const auto add = [&](const std::string& name, const Position& position) {
    state::Table table;
    table.schema = "dbo";
    table.name = name;
    table.position = position;
    document.tables["dbo." + name] = table;
  };
  add("whole", Position::After(MakeLsn(7)));
  add("inside", Position::AfterRow({MakeLsn(7), 1, MakeLsn(9), 2}));
  add("left_out", Position::After(MakeLsn(1)));
  const auto positions = ResumePositions(document, rules::TableSelection::Make({}, {"left*"}));
  ASSERT_EQ(positions.size(), 2U);
  EXPECT_EQ(positions[0].table, "dbo.inside");
  EXPECT_EQ(positions[0].after, MakeLsn(6));
  EXPECT_EQ(positions[1].after, MakeLsn(7));
}

}  // namespace
}  // namespace cdc::app
