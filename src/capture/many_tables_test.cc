#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/testing/capture_fixture.h"
#include "state/edits.h"
#include "state/lease.h"

// What concerns several tables or several capture instances of one table.

namespace cdc::capture::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ManyTables : public CaptureTest {
 protected:
  // A second instance of the table, from the next commit on. Returns its key among the tables.
  std::string AddInstance(const std::string& table, const std::string& name) {
    const auto& first = world_.database.tables.at(table);
    FakeDatabase::Table second;
    second.instance = first.instance;
    second.instance.name = name;
    second.instance.change_table = name + "_CT";
    second.instance.change_table_object_id = first.instance.change_table_object_id + 1'000;
    second.instance.create_date = "later";
    second.instance.start_lsn = MakeLsn(world_.database.mapping.back()).Next();
    world_.database.tables[name] = second;
    return name;
  }
  // A commit that both instances of A capture.
  void InsertInBoth(const std::string& second) {
    const int64_t commit = Insert("A");
    const RowKey row = world_.database.tables.at("dbo.A").rows.back();
    ASSERT_EQ(row.start_lsn, MakeLsn(commit));
    world_.database.tables.at(second).rows.push_back(row);
  }
};

TEST_F(ManyTables, tables_take_turns_so_that_a_backlog_does_not_keep_others_waiting) {
  for (int i = 0; i < 40; ++i) Insert("A");
  Insert("B");
  std::vector<std::string> puts;
  world_.store.hook = [&](const std::string& call, const std::string& key) {
    if (call == "put") puts.push_back(key.substr(5, 1));
    return store::MemoryStore::Fault::kNone;
  };
  ASSERT_TRUE(RunOnce().ok());
  const auto b = std::find(puts.begin(), puts.end(), "B") - puts.begin();
  EXPECT_LE(b, 3) << "of " << puts.size();
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(world_.Judge("B"), "");
}

TEST_F(ManyTables, a_round_ends_after_its_turns_and_the_next_one_goes_on) {
  for (int i = 0; i < 20; ++i) Insert("A");
  Insert("B");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  RoundLimits limits;
  limits.turns = std::chrono::nanoseconds(0);
  const auto report = writer.Round(limits);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->more);
  EXPECT_EQ(world_.Objects("A").size(), 1u);
  EXPECT_EQ(world_.Judge("B"), "");
  EXPECT_FALSE(Document().tables.at("dbo.A").in_cut);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(writer.Round(limits).ok());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_TRUE(Document().tables.at("dbo.A").in_cut);
}

TEST_F(ManyTables, the_cut_goes_as_far_as_the_table_that_is_farthest_behind) {
  Insert("A");
  Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  std::vector<int64_t> commits;
  for (int i = 0; i < 12; ++i) commits.push_back(Insert("A"));
  Insert("B");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  RoundLimits limits;
  limits.turns = std::chrono::nanoseconds(0);
  ASSERT_TRUE(writer.Round(limits).ok());
  EXPECT_EQ(Document().complete_through, MakeLsn(commits[3]));  // an object has four rows
  EXPECT_THAT(Document().held_back_by, ElementsAre("dbo.A"));
}

TEST(Cut, ends_before_a_transaction_that_is_delivered_in_part) {
  state::Document document;
  state::Table half;
  half.in_cut = true;
  half.position = Position::AfterRow(RowKey{MakeLsn(8), 1, MakeLsn(1), 2});
  state::Table whole;
  document.tables = {{"dbo.A", half}, {"dbo.B", whole}};
  state::Apply(state::CloseRound{{"dbo.B"}, MakeLsn(20)}, &document);
  EXPECT_EQ(document.complete_through, MakeLsn(8).Previous());
  EXPECT_EQ(document.tables.at("dbo.B").empty_through, MakeLsn(20));
  EXPECT_THAT(document.held_back_by, ElementsAre("dbo.A"));
}

TEST_F(ManyTables, an_object_that_cannot_be_put_holds_the_cut_back_before_its_rows) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  const Lsn before = Document().complete_through;
  Insert("A");
  Insert("B");
  world_.store.hook = [](const std::string& call, const std::string& key) {
    const bool fails = call == "put" && key.starts_with("Shop/A/");
    return fails ? store::MemoryStore::Fault::kNotApplied : store::MemoryStore::Fault::kNone;
  };
  for (int i = 0; i < 2; ++i) {  // in the round that claims it, and in one that cannot recover it
    ASSERT_TRUE(RunOnce().ok());
    EXPECT_EQ(world_.Judge("B"), "");
    EXPECT_EQ(Document().complete_through, before);
    EXPECT_THAT(Document().held_back_by, ElementsAre("dbo.A"));
  }
  world_.store.hook = nullptr;
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(Document().complete_through, MakeLsn(world_.database.mapping.back()));
}

TEST_F(ManyTables, a_run_up_to_a_horizon_leaves_what_is_beyond_it) {
  Insert("A");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  const auto first = writer.Round();
  ASSERT_TRUE(first.ok() && first->horizon);
  Insert("A");
  RoundLimits limits;
  limits.up_to = first->horizon;
  ASSERT_TRUE(writer.Round(limits).ok());
  EXPECT_EQ(world_.Objects("A").size(), 1u);
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(world_.Judge("A"), "");
}

TEST_F(ManyTables, only_selected_tables_are_delivered_and_others_do_not_hold_the_cut_back) {
  Insert("A");
  Insert("B");
  ASSERT_TRUE(RunOnce().ok());
  world_.options.exclude = {"dbo.b"};
  Insert("B");
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Objects("B").size(), 1u);
  EXPECT_FALSE(Document().tables.at("dbo.B").in_cut);
  EXPECT_TRUE(Document().held_back_by.empty());
  EXPECT_EQ(Document().complete_through, MakeLsn(world_.database.mapping.back()));
  // Selected again, it goes on where it was; what was idle meanwhile is no gap.
  world_.options.exclude.clear();
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Judge("B"), "");
  EXPECT_TRUE(Document().tables.at("dbo.B").in_cut);
}

TEST_F(ManyTables, young_changes_wait_until_they_are_old_or_fill_an_object) {
  world_.options.object_age = std::chrono::minutes(10);
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  Insert("A");
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_TRUE(world_.Objects("A").empty());
  world_.clock.Advance(std::chrono::minutes(9));
  Insert("A");
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_TRUE(world_.Objects("A").empty());
  world_.clock.Advance(std::chrono::minutes(1));
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(world_.Objects("A").size(), 1u);
  EXPECT_EQ(world_.Judge("A"), "");
  // Four rows fill an object here.
  for (int i = 0; i < 4; ++i) Insert("B");
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(world_.Judge("B"), "");
  // Whoever runs once does not wait.
  Insert("A");
  RoundLimits limits;
  limits.wait_for_age = false;
  ASSERT_TRUE(writer.Round(limits).ok());
  EXPECT_EQ(world_.Judge("A"), "");
}

TEST_F(ManyTables, a_start_at_a_time_delivers_what_was_committed_from_then_on) {
  Insert("A");
  const int64_t from = Insert("A");
  Insert("A");
  // Commits of the fake database happen at their number in seconds.
  world_.options.start = "1970-01-01T00:01:" + std::to_string(from - 60) + "Z";
  ASSERT_LT(from, 120);
  ASSERT_TRUE(RunOnce().ok());
  ASSERT_EQ(world_.Objects("A").size(), 1u);
  EXPECT_EQ(world_.Objects("A")[0].rows.size(), 2u);
  EXPECT_EQ(world_.Objects("A")[0].rows[0].start_lsn, MakeLsn(from));
}

TEST_F(ManyTables, a_table_that_is_captured_after_the_lsn_of_start_has_no_gap_unless_cleanup_ran) {
  const Lsn start = MakeLsn(Insert("A"));
  Insert("A");
  world_.database.AddTable("dbo", "New");
  Insert("New");
  world_.options.start = start.ToString();
  auto report = RunOnce();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->stopped.empty());
  EXPECT_EQ(world_.Judge("New"), "");
  // Of this one rows are gone.
  world_.database.AddTable("dbo", "Cleaned");
  Insert("Cleaned");
  world_.database.Cleanup(Insert("Cleaned"), "dbo.Cleaned");
  report = RunOnce();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(WhyStopped(*report, "dbo.Cleaned"), HasSubstr("gap"));
}

TEST_F(ManyTables, a_start_in_the_future_is_refused) {
  Insert("A");
  world_.options.start = "2199-01-01";
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("lies in the future"));
  EXPECT_TRUE(world_.Objects("A").empty());
}

TEST_F(ManyTables, cleanup_while_a_new_table_comes_in_moves_its_start_and_is_no_gap) {
  Insert("A");
  Insert("A");
  Insert("A");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  bool cleaned = false;
  writer.source.hook = [&](const std::string& call) {
    if (call == "next" && !cleaned) {
      cleaned = true;
      world_.database.Cleanup(world_.database.mapping.back());
    }
    return arrow::Status::OK();
  };
  ASSERT_TRUE(writer.Round().ok());
  const auto report = writer.Round();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->stopped.empty());
  ASSERT_EQ(world_.Objects("A").size(), 1u);
  EXPECT_EQ(world_.Objects("A")[0].rows.size(), 1u);
  EXPECT_TRUE(Document().tables.at("dbo.A").gaps.empty());
}

TEST_F(ManyTables, cleanup_of_what_an_empty_new_table_got_later_is_a_gap) {
  Insert("B");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  ASSERT_TRUE(writer.Round().ok());
  ASSERT_TRUE(Document().tables.at("dbo.A").in_cut);
  Insert("A");
  world_.database.Cleanup(Insert("B"));
  const auto report = writer.Round();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("gap"));
}

TEST_F(ManyTables, cleanup_behind_a_first_object_that_was_recovered_is_a_gap) {
  Insert("A");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  world_.store.hook = [](const std::string& call, const std::string&) {
    return call == "put" ? store::MemoryStore::Fault::kNotApplied
                         : store::MemoryStore::Fault::kNone;
  };
  ASSERT_TRUE(writer.Round().ok());
  world_.store.hook = nullptr;
  Insert("A");
  const int64_t kept = Insert("B");
  writer.source.hook = [&](const std::string& call) {
    if (call == "probe") world_.database.Cleanup(kept, "dbo.A");
    return arrow::Status::OK();
  };
  ASSERT_TRUE(writer.Round().ok());
  writer.source.hook = nullptr;
  const auto report = writer.Round();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(WhyStopped(*report, "dbo.A"), HasSubstr("gap"));
}

TEST_F(ManyTables, a_newer_instance_takes_over_at_its_start_and_the_object_is_cut_there) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  const std::string second = AddInstance("dbo.A", "A_v2");
  InsertInBoth(second);
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->more);
  ASSERT_TRUE(RunOnce().ok());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 3u);
  EXPECT_EQ(objects[1].record.capture_instance, "dbo_A");
  EXPECT_EQ(objects[2].record.capture_instance, "A_v2");
  EXPECT_EQ(world_.Judge("A"), "");
  // From here on the older one may go.
  world_.database.tables.erase("dbo.A");
  EXPECT_EQ(Document().tables.at("dbo.A").capture_instance, "A_v2");
}

TEST_F(ManyTables, an_instance_that_begins_beyond_the_horizon_of_a_run_is_not_followed_in_it) {
  Insert("A");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  const auto first = writer.Round();
  ASSERT_TRUE(first.ok());
  Insert("A");
  const std::string second = AddInstance("dbo.A", "A_v2");
  InsertInBoth(second);
  RoundLimits limits;
  limits.up_to = first->horizon;
  const auto report = writer.Round(limits);
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->more);
  EXPECT_EQ(world_.Objects("A").size(), 1u);
  EXPECT_TRUE(Document().tables.at("dbo.A").empty_through <= first->horizon->lsn);
}

TEST_F(ManyTables, the_older_instance_ends_at_the_switch_also_after_a_claim_was_recovered) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  world_.store.hook = [](const std::string& call, const std::string&) {
    return call == "put" ? store::MemoryStore::Fault::kNotApplied
                         : store::MemoryStore::Fault::kNone;
  };
  ASSERT_TRUE(RunOnce().ok());
  world_.store.hook = nullptr;
  Insert("A");
  const std::string second = AddInstance("dbo.A", "A_v2");
  InsertInBoth(second);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(RunOnce().ok());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 4u);
  EXPECT_EQ(objects[2].record.capture_instance, "dbo_A");
  EXPECT_EQ(objects[3].record.capture_instance, "A_v2");
  EXPECT_EQ(world_.Judge("A"), "");
}

TEST_F(ManyTables, a_pinned_instance_is_not_left_for_a_newer_one) {
  world_.options.instances = {"dbo_A"};
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  const std::string second = AddInstance("dbo.A", "A_v2");
  InsertInBoth(second);
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(world_.Objects("A")[1].record.capture_instance, "dbo_A");
  // Pinning the other one goes to it.
  world_.options.instances = {"A_v2"};
  InsertInBoth(second);
  ASSERT_TRUE(RunOnce().ok());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(world_.Objects("A")[2].record.capture_instance, "A_v2");
}

TEST_F(ManyTables, the_lease_is_kept_while_the_server_lets_a_poll_wait) {
  // Every call takes longer than others wait for an owner; the executor's waiting is interrupted.
  struct Slow : OneThread {
    explicit Slow(World& world) : world_(world) {}
    std::optional<Then> Wait(std::chrono::nanoseconds at_most) override {
      if (under_way() > 0 && ++waits_ % 2 == 1) {
        world_.clock.Advance(std::chrono::seconds(20));
        return std::nullopt;  // not in time
      }
      running = true;
      auto then = OneThread::Wait(at_most);
      running = false;
      return then;
    }
    World& world_;
    int waits_ = 0;
    bool running = false;
  };
  Insert("A");
  Slow slow(world_);
  Writer writer(world_, slow);
  ASSERT_TRUE(writer.Start().ok());
  state::LeaseWatch standby(world_.store, world_.clock, {"Shop", ""});
  bool ever_free = false;
  std::vector<std::string> unwatched;  // calls for which nobody keeps the lease
  writer.source.hook = [&](const std::string& call) {
    ever_free = ever_free || standby.Look()->free;
    if (!slow.running) unwatched.push_back(call);
    return arrow::Status::OK();
  };
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_FALSE(ever_free);
  EXPECT_THAT(unwatched, ::testing::IsEmpty());
  EXPECT_EQ(world_.Judge("A"), "");
}

TEST_F(ManyTables, a_workers_connection_that_lags_behind_is_waited_for) {
  Insert("A");
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  ASSERT_TRUE(writer.Round().ok());
  Insert("A");
  writer.source.hook = [&](const std::string& call) {
    return call == "join" ? TransientFault("a replica that lags") : arrow::Status::OK();
  };
  const auto report = writer.Round();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->try_again);
  EXPECT_TRUE(report->stopped.empty());
  EXPECT_EQ(world_.Objects("A").size(), 1u);
  writer.source.hook = nullptr;
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(world_.Judge("A"), "");
}

TEST_F(ManyTables, the_observer_hears_of_every_table_and_of_every_change) {
  struct Ear : progress::Observer {
    void OnTable(const progress::TableFacts& table) override { tables[table.name] = table; }
    void OnRound(const progress::RoundFacts& round) override { rounds += round.ended ? 1 : 0; }
    std::map<std::string, progress::TableFacts> tables;
    int rounds = 0;
  };
  const auto ear = std::make_shared<Ear>();
  Insert("A");
  Writer writer(world_, *ear);
  ASSERT_TRUE(writer.Start().ok());
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(ear->rounds, 1);
  ASSERT_EQ(ear->tables.size(), 2u);
  EXPECT_EQ(ear->tables.at("dbo.A").rows, 1);
  EXPECT_EQ(ear->tables.at("dbo.A").condition, progress::Condition::kComplete);
  EXPECT_EQ(ear->tables.at("dbo.B").condition, progress::Condition::kComplete);
  Insert("A");
  writer.source.table_errors["dbo.A"] = arrow::Status::Invalid("SELECT denied");
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(ear->tables.at("dbo.A").condition, progress::Condition::kStopped);
  EXPECT_EQ(ear->tables.at("dbo.A").why, "SELECT denied");
}

}  // namespace
}  // namespace cdc::capture::testing
