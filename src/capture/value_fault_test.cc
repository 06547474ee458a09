#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "capture/testing/capture_fixture.h"

// A row with a value that cannot be delivered stops its table right before that row: what comes
// before it is delivered, nothing is passed over, and with the cause gone the table goes on.

namespace cdc::capture::testing {
namespace {

using ::testing::HasSubstr;

// A store that answers only when nothing is left to be read.
class SlowPuts : public OneThread {
 public:
  void Post(Lane lane, Task task) override {
    if (lane == Lane::kRead) return OneThread::Post(lane, std::move(task));
    puts_.push_back(std::move(task));
    waited_ = false;
  }
  std::optional<Then> Wait(std::chrono::nanoseconds patience) override {
    if (OneThread::under_way() > 0) return OneThread::Wait(patience);
    if (puts_.empty() || !std::exchange(waited_, true)) return std::nullopt;
    const Task task = std::move(puts_.front());
    puts_.erase(puts_.begin());
    return task();
  }
  size_t under_way() const override { return OneThread::under_way() + puts_.size(); }
  void Abandon() override {
    OneThread::Abandon();
    puts_.clear();
  }

 private:
  std::vector<Task> puts_;
  bool waited_ = false;
};

class ValueFaultTest : public CaptureTest {
 protected:
  // Both tables count for complete_through.
  void SetUp() override {
    Insert("B");
    ASSERT_TRUE(RunOnce().ok());
  }
  FakeDatabase::Table& table() { return world_.database.tables.at("dbo.A"); }
  void Spoil(size_t row) { world_.database.faulty.insert(table().rows.at(row)); }
  int64_t Delivered() {
    int64_t rows = 0;
    for (const SeenObject& object : world_.Objects("A")) rows += object.record.rows;
    return rows;
  }
  // Everything before the faulty row has come, in whole objects, and the table says why it stops.
  void ExpectStopped(int64_t rows) {
    const auto report = RunOnce().ValueOrDie();
    EXPECT_THAT(WhyStopped(report, "dbo.A"), HasSubstr("column v: too much"));
    EXPECT_EQ(WhyStopped(report, "dbo.B"), "not stopped");
    EXPECT_EQ(Delivered(), rows);
    EXPECT_EQ(world_.Judge("B"), "");
    const auto document = Document();
    EXPECT_THAT(document.tables.at("dbo.A").stopped, HasSubstr("column v: too much"));
    EXPECT_LT(document.complete_through, MakeLsn(world_.database.mapping.back()));
  }
  void ExpectMended() {
    world_.database.faulty.clear();
    const auto report = RunOnce().ValueOrDie();
    EXPECT_TRUE(report.stopped.empty());
    EXPECT_EQ(world_.Judge("A"), "");
    EXPECT_EQ(Document().complete_through, MakeLsn(world_.database.mapping.back()));
  }
};

TEST_F(ValueFaultTest, rows_before_it_are_delivered_and_the_rest_follows_when_it_is_mended) {
  world_.options.limits.max_rows = 100;
  for (int i = 0; i < 10; ++i) Insert("A");
  Insert("B");
  Spoil(7);
  ExpectStopped(7);
  EXPECT_EQ(Document().tables.at("dbo.A").position, Position::After(table().rows[6].start_lsn));
  ExpectStopped(7);  // again, and nothing doubled
  ExpectMended();
}

TEST_F(ValueFaultTest, the_object_before_it_may_end_inside_its_transaction) {
  world_.options.limits.max_rows = 100;
  world_.database.Commit({{"dbo.A", {kInsert, kInsert, kInsert, kInsert, kInsert}}});
  Insert("B");
  Spoil(3);
  ExpectStopped(3);
  EXPECT_EQ(Document().tables.at("dbo.A").position, Position::AfterRow(table().rows[2]));
  ExpectMended();
}

TEST_F(ValueFaultTest, the_row_before_an_update_waits_for_the_one_after_it) {
  world_.options.limits.max_rows = 100;
  world_.database.Commit({{"dbo.A", {kInsert, kBefore, kAfter, kInsert}}});
  Insert("B");
  Spoil(2);
  ExpectStopped(1);
  ExpectMended();
}

TEST_F(ValueFaultTest, an_update_alone_before_it_gives_no_object) {
  world_.database.Commit({{"dbo.A", {kBefore, kAfter}}});
  Insert("B");
  Spoil(1);
  ExpectStopped(0);
  ExpectMended();
}

TEST_F(ValueFaultTest, a_full_object_right_before_it_ends_as_any_other) {
  world_.database.Commit({{"dbo.A", {kInsert, kInsert, kInsert, kInsert, kInsert}}});
  Insert("B");
  Spoil(4);
  ExpectStopped(4);
  EXPECT_EQ(Document().tables.at("dbo.A").position, Position::AfterRow(table().rows[3]));
  ExpectMended();
}

TEST_F(ValueFaultTest, a_table_stays_stopped_when_its_last_object_is_put_after_that) {
  for (int i = 0; i < 3; ++i) Insert("A");
  Spoil(2);
  SlowPuts executor;
  Writer writer(world_, executor);
  ASSERT_TRUE(writer.Start().ok());
  const auto report = writer.Round().ValueOrDie();
  EXPECT_THAT(WhyStopped(report, "dbo.A"), HasSubstr("column v: too much"));
  EXPECT_EQ(Delivered(), 2);
}

// Rows that somebody deletes between the two reads must not make the faulty one look like no row.
TEST_F(ValueFaultTest, it_still_stops_its_table_when_the_rows_before_it_vanish) {
  world_.options.limits.max_rows = 100;
  world_.database.Commit({{"dbo.A", {kInsert, kInsert, kInsert, kInsert, kInsert}}});
  Insert("B");
  Spoil(2);
  ExpectStopped(2);
  world_.database.faulty.clear();
  Spoil(4);
  const RowKey faulty = table().rows[4];
  Writer writer(world_);
  int reads = 0;
  writer.source.hook = [&](const std::string& call) {
    std::vector<RowKey>& rows = table().rows;
    if (call == "read" && ++reads == 2) rows.erase(rows.begin() + 2, rows.begin() + 4);
    return arrow::Status::OK();
  };
  ASSERT_TRUE(writer.Start().ok());
  const auto report = writer.Round().ValueOrDie();
  EXPECT_EQ(reads, 2);
  EXPECT_THAT(WhyStopped(report, "dbo.A"), HasSubstr("column v: too much"));
  const auto document = Document();
  EXPECT_FALSE(document.ResumePosition(document.tables.at("dbo.A")).Covers(faulty));
}

// A claim promises its rows: none of them may be left out of its object.
TEST_F(ValueFaultTest, a_claimed_object_is_never_cut) {
  world_.options.limits.max_rows = 100;
  for (int i = 0; i < 5; ++i) Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  const std::string key = world_.Objects("A").front().key;
  const auto bytes = world_.store.objects.at(key).bytes;
  world_.store.objects.erase(key);  // claimed, and never put
  {
    auto stored = *state::ReadDocument(world_.store, {"Shop", ""});
    stored->document.tables.at("dbo.A").claim->confirmed = false;
    ASSERT_TRUE(
        world_.store.Swap("_cdc_to_s3/Shop.json", stored->document.ToJson(), stored->version).ok());
  }
  Spoil(3);
  EXPECT_THAT(WhyStopped(RunOnce().ValueOrDie(), "dbo.A"), HasSubstr("column v: too much"));
  EXPECT_EQ(Delivered(), 0);
  ExpectMended();
  EXPECT_EQ(world_.store.objects.at(key).bytes, bytes);
}

// A table that begins at the oldest row there is, and whose first row cannot be delivered; cleanup
// comes before anybody has mended it.
TEST_F(ValueFaultTest, a_table_that_was_told_as_stopped_never_begins_later_without_a_gap) {
  world_.options.start = "oldest";
  world_.database.AddTable("dbo", "C");
  Insert("C");
  Insert("C");
  world_.database.faulty.insert(world_.database.tables.at("dbo.C").rows.front());
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  EXPECT_THAT(WhyStopped(writer.Round().ValueOrDie(), "dbo.C"), HasSubstr("too much"));
  world_.database.Cleanup(Insert("C"), "dbo.C");
  world_.clock.Advance(std::chrono::minutes(3));
  EXPECT_THAT(WhyStopped(writer.Round().ValueOrDie(), "dbo.C"), HasSubstr("gap"));
  EXPECT_EQ(Document().tables.at("dbo.C").position, Document().tables.at("dbo.C").start);
}

}  // namespace
}  // namespace cdc::capture::testing
