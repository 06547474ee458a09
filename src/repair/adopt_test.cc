#include "repair/adopt.h"

#include <gmock/gmock.h>

#include "capture/testing/capture_fixture.h"

namespace cdc::repair::testing {
namespace {

using namespace capture::testing;
using ::testing::HasSubstr;
using Fault = store::MemoryStore::Fault;

class AdoptTest : public CaptureTest {
 protected:
  std::string Key() const { return state::DocumentName{"Shop", ""}.Key(); }

  arrow::Result<AdoptionPlan> Plan(const AdoptOptions& adopt = {}) {
    FakeSource source(world_.database);
    return PlanAdoption(world_.options, adopt, source, world_.store, world_.store);
  }
  // Plans and does it; the message of the error, or "".
  std::string AdoptNow(const AdoptOptions& adopt = {}) {
    const auto plan = Plan(adopt);
    if (!plan.ok()) return plan.status().message();
    const auto adopted = Adopt(world_.options, *plan, world_.store, world_.clock);
    if (!adopted.ok()) return adopted.status().message();
    aside_ = *adopted;
    return "";
  }
  void Lose() { world_.store.objects.erase(Key()); }
  // Rows in both tables, in several objects each.
  void Deliver() {
    for (int i = 0; i < 3; ++i) {
      Insert("A");
      Insert("B");
      ASSERT_TRUE(RunOnce().ok());
    }
  }
  void ExpectExactlyOnce() {
    EXPECT_EQ(world_.Judge("A"), "");
    EXPECT_EQ(world_.Judge("B"), "");
  }

  std::string aside_;
};

TEST_F(AdoptTest, a_lost_document_is_rebuilt_and_everything_arrives_once) {
  Deliver();
  const state::Document before = Document();
  Lose();
  Insert("A");
  EXPECT_TRUE(IsStopsEverything(RunOnce().status()));
  EXPECT_EQ(AdoptNow(), "");
  const state::Document after = Document();
  EXPECT_EQ(after.history_id, before.history_id);
  EXPECT_EQ(after.owner.lease_ms, 0);
  for (const char* name : {"dbo.A", "dbo.B"}) {
    state::Claim claim = *before.tables.at(name).claim;
    claim.confirmed = true;
    EXPECT_EQ(after.tables.at(name).claim, claim);
    EXPECT_EQ(after.tables.at(name).position, before.tables.at(name).position);
    EXPECT_EQ(after.tables.at(name).capture_instance, before.tables.at(name).capture_instance);
  }
  EXPECT_LE(after.complete_through, before.complete_through);
  Insert("B");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  ExpectExactlyOnce();
  EXPECT_EQ(aside_, "");
}

TEST_F(AdoptTest, planning_changes_nothing) {
  Deliver();
  Lose();
  const auto before = world_.store.objects.size();
  const auto plan = Plan();
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->needed);
  ASSERT_EQ(plan->tables.size(), 2u);
  EXPECT_EQ(plan->tables[0].name, "dbo.A");
  EXPECT_EQ(plan->tables[0].objects, 3);
  EXPECT_EQ(plan->tables[0].last_object, world_.Objects("A").back().key);
  EXPECT_EQ(world_.store.objects.size(), before);
}

TEST_F(AdoptTest, an_end_inside_a_transaction_is_gone_on_from) {
  world_.options.limits.max_rows = 2;
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  world_.database.Commit({{"dbo.A", {kInsert, kInsert, kBefore, kAfter, kInsert, kInsert}}});
  int puts = 0;
  world_.store.hook = [&](const std::string& call, const std::string&) {
    return call == "put" && ++puts > 1 ? Fault::kNotApplied : Fault::kNone;
  };
  (void)RunOnce();
  world_.store.hook = nullptr;
  Lose();
  EXPECT_EQ(AdoptNow(), "");
  EXPECT_TRUE(Document().tables.at("dbo.A").position.inside_transaction());
  EXPECT_TRUE(RunOnce()->stopped.empty());
  ExpectExactlyOnce();
}

TEST_F(AdoptTest, a_document_that_was_set_back_is_brought_forward_and_the_old_one_kept) {
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  const auto old = world_.store.objects.at(Key());
  Deliver();
  world_.store.objects[Key()] = old;
  EXPECT_TRUE(IsStopsEverything(RunOnce().status()));
  const std::string set_back = world_.store.objects.at(Key()).bytes;
  EXPECT_EQ(AdoptNow(), "");
  EXPECT_EQ(world_.store.objects.at(aside_).bytes, set_back);
  EXPECT_TRUE(aside_.starts_with(Key() + "."));
  Insert("B");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  ExpectExactlyOnce();
}

TEST_F(AdoptTest, a_damaged_document_is_copied_aside_before_it_is_replaced) {
  Deliver();
  world_.store.objects.at(Key()).bytes = "{ half a docum";
  ASSERT_FALSE(RunOnce().ok());
  EXPECT_EQ(AdoptNow(), "");
  EXPECT_EQ(world_.store.objects.at(aside_).bytes, "{ half a docum");
  Insert("A");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  ExpectExactlyOnce();
}

TEST_F(AdoptTest, two_copies_of_one_second_are_both_kept) {
  Deliver();
  world_.store.objects.at(Key()).bytes = "one";
  ASSERT_EQ(AdoptNow(), "");
  const std::string first = aside_;
  world_.store.objects.at(Key()).bytes = "two";
  ASSERT_EQ(AdoptNow(), "");
  EXPECT_EQ(world_.store.objects.at(first).bytes, "one");
  EXPECT_EQ(world_.store.objects.at(aside_).bytes, "two");
}

TEST_F(AdoptTest, a_copy_beside_the_longest_name_has_a_short_one) {
  Deliver();
  world_.store.objects.at(Key()).bytes = "one";
  world_.store.limits.name_bytes_max =
      std::ssize(std::string("A_cdc_20250109_143015_0001.parquet"));
  ASSERT_EQ(AdoptNow(), "");
  EXPECT_TRUE(aside_.starts_with(Key() + ".")) << aside_;
  world_.store.objects.at(Key()).bytes = "two";
  world_.store.limits.name_bytes_max = 26;  // "Shop.json.20241004T000000Z"
  ASSERT_EQ(AdoptNow(), "");
  EXPECT_TRUE(aside_.starts_with("_cdc_to_s3/document.")) << aside_;
  EXPECT_EQ(world_.store.objects.at(aside_).bytes, "two");
}

TEST_F(AdoptTest, a_document_that_knows_everything_needs_nothing) {
  Deliver();
  const auto plan = Plan();
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_FALSE(plan->needed);
}

TEST_F(AdoptTest, a_document_that_changed_since_the_plan_is_left_alone) {
  Deliver();
  const auto plan = Plan({true, "now"});
  ASSERT_TRUE(plan.ok()) << plan.status();
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  const state::Document meanwhile = Document();
  const auto adopted = Adopt(world_.options, *plan, world_.store, world_.clock);
  EXPECT_TRUE(state::IsOwnershipLost(adopted.status()));
  EXPECT_EQ(Document(), meanwhile);
}

TEST_F(AdoptTest, objects_of_two_histories_are_refused) {
  Deliver();
  Lose();
  const auto key = world_.Objects("B").back().key;
  // The folder of B as another program with another document would have left it.
  World other;
  other.database = world_.database;
  other.store.objects.clear();
  Writer writer(other);
  ASSERT_TRUE(writer.Start().ok());
  ASSERT_TRUE(writer.Round().ok());
  world_.store.objects[key] = other.store.objects.at(other.Objects("B").back().key);
  EXPECT_THAT(AdoptNow(), HasSubstr("several histories"));
  EXPECT_FALSE(world_.store.objects.contains(Key()));
}

TEST_F(AdoptTest, foreign_files_are_refused) {
  Deliver();
  Lose();
  const std::string folder = "Shop/A/cdc/";
  world_.store.objects[folder + "theirs.parquet"] = {"PAR1", "x", {}, world_.clock.UtcNow()};
  EXPECT_THAT(AdoptNow(), HasSubstr("theirs.parquet"));
  world_.store.objects.erase(folder + "theirs.parquet");
  world_.store.objects[folder + "A_cdc_29991231_235959.parquet"] = {
      "PAR1", "x", {}, world_.clock.UtcNow()};
  EXPECT_THAT(AdoptNow(), HasSubstr("not ours"));
  EXPECT_FALSE(world_.store.objects.contains(Key()));
}

TEST_F(AdoptTest, a_database_that_does_not_know_the_newest_change_is_refused) {
  Deliver();
  Lose();
  std::erase(world_.database.mapping, world_.database.mapping.back());
  EXPECT_THAT(AdoptNow(), HasSubstr("was set back"));
  Insert("A");
  EXPECT_THAT(AdoptNow(), HasSubstr("adopt --new-history"));
  EXPECT_FALSE(world_.store.objects.contains(Key()));
}

TEST_F(AdoptTest, what_retention_took_before_the_document_was_rebuilt_shows_as_a_gap) {
  Deliver();
  Lose();
  Insert("A");
  Insert("A");
  world_.database.Cleanup(Insert("A"));
  const auto plan = Plan();
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->notes.size(), 1u);
  EXPECT_THAT(plan->tables[0].note, HasSubstr("accept-gap"));
  EXPECT_EQ(AdoptNow(), "");
  EXPECT_THAT(WhyStopped(*RunOnce(), "dbo.A"), HasSubstr("gap: changes from"));
}

TEST_F(AdoptTest, a_table_without_an_object_loses_nothing_with_start_now) {
  world_.options.start = "now";
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Lose();
  Insert("B");  // of a table that had no object when the document was lost
  EXPECT_EQ(AdoptNow(), "");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  EXPECT_EQ(world_.Judge("B"), "");
}

TEST_F(AdoptTest, a_dropped_instance_leaves_it_to_the_run_which_one_follows) {
  Deliver();
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Lose();
  world_.database.MakeAnew("dbo.A", "dbo_A2");
  EXPECT_EQ(AdoptNow(), "");
  Insert("A");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  ExpectExactlyOnce();
  EXPECT_EQ(Document().tables.at("dbo.A").capture_instance, "dbo_A2");
}

class NewHistoryTest : public AdoptTest {
 protected:
  // Another database under the same name: other LSNs, another past.
  void Restore() {
    world_.database.fork = "'";
    EXPECT_TRUE(IsStopsEverything(RunOnce().status()));
  }
};

TEST_F(NewHistoryTest, goes_on_under_names_in_order_with_the_sequence_that_continues) {
  Deliver();
  const state::Document before = Document();
  Restore();
  Insert("B");
  EXPECT_EQ(AdoptNow({true, "now"}), "");
  const state::Document after = Document();
  EXPECT_NE(after.history_id, before.history_id);
  EXPECT_EQ(state::Document::FromJson(world_.store.objects.at(aside_).bytes)->history_id,
            before.history_id);
  EXPECT_TRUE(after.complete_through.is_zero());
  const Lsn start = MakeLsn(world_.database.mapping.back());
  EXPECT_EQ(after.tables.at("dbo.A").position, Position::After(start));
  Insert("A");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 4u);
  EXPECT_EQ(objects[3].record.history_id, after.history_id);
  EXPECT_EQ(objects[3].record.sequence, 4);
  EXPECT_EQ(objects[3].record.previous_key, objects[2].key);
  EXPECT_EQ(objects[3].record.from, Position::After(start));
  EXPECT_EQ(objects[3].rows.size(), 1u);
  EXPECT_EQ(world_.Objects("B").size(), 3u);  // what came before the start is not delivered
}

TEST_F(NewHistoryTest, from_the_oldest_delivers_what_change_tables_hold) {
  Deliver();
  Restore();
  EXPECT_EQ(AdoptNow({true, "oldest"}), "");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  std::vector<RowKey> rows;
  for (const auto& object : world_.Objects("A")) {
    if (object.record.sequence > 3) rows.insert(rows.end(), object.rows.begin(), object.rows.end());
  }
  EXPECT_EQ(rows, world_.database.tables.at("dbo.A").rows);
}

TEST_F(NewHistoryTest, starts_at_a_time_or_at_an_lsn) {
  Deliver();
  Restore();
  const int64_t second = world_.database.mapping[2];
  const auto at_lsn = Plan({true, MakeLsn(second).ToString()});
  ASSERT_TRUE(at_lsn.ok()) << at_lsn.status();
  EXPECT_EQ(at_lsn->document.tables.at("dbo.A").position, Position::After(MakeLsn(second)));
  const auto at_time = Plan({true, "1970-01-01T00:01:47Z"});  // commits are at second 100, 103, …
  ASSERT_TRUE(at_time.ok()) << at_time.status();
  EXPECT_EQ(at_time->document.tables.at("dbo.A").position, Position::After(MakeLsn(106)));
  EXPECT_THAT(Plan({true, Lsn::Max().ToString()}).status().message(), HasSubstr("lies beyond"));
}

TEST_F(NewHistoryTest, may_lie_below_the_old_one) {
  Deliver();
  // A database that begins again: its LSNs are lower than all that was delivered.
  const Lsn old = Document().anchor->lsn;
  FakeDatabase fresh;
  fresh.AddTable("dbo", "B");
  fresh.AddTable("dbo", "A");
  fresh.fork = "'";
  world_.database = fresh;
  const int64_t first = Insert("A");
  ASSERT_LT(MakeLsn(first), old);
  EXPECT_EQ(AdoptNow({true, "oldest"}), "");
  Insert("B");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  EXPECT_EQ(world_.Objects("A").size(), 4u);
  EXPECT_EQ(world_.Objects("B").size(), 4u);
}

TEST_F(NewHistoryTest, uses_the_number_of_a_claim_again_whose_object_was_never_put) {
  Deliver();
  Insert("A");
  world_.store.hook = [](const std::string& call, const std::string&) {
    return call == "put" ? Fault::kNotApplied : Fault::kNone;
  };
  ASSERT_TRUE(RunOnce().ok());
  world_.store.hook = nullptr;
  ASSERT_EQ(Document().tables.at("dbo.A").claim->sequence, 4);
  Restore();
  EXPECT_EQ(AdoptNow({true, "now"}), "");
  Insert("A");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 4u);
  EXPECT_EQ(objects[3].record.sequence, 4);
  EXPECT_EQ(objects[3].record.previous_key, objects[2].key);
}

TEST_F(NewHistoryTest, can_follow_objects_whose_document_is_lost) {
  Deliver();
  Lose();
  world_.database.fork = "'";
  EXPECT_EQ(AdoptNow({true, "now"}), "");
  Insert("A");
  EXPECT_TRUE(RunOnce()->stopped.empty());
  EXPECT_EQ(world_.Objects("A").back().record.sequence, 4);
}

TEST_F(NewHistoryTest, needs_something_that_it_can_follow) {
  Insert("A");
  EXPECT_THAT(AdoptNow({true, "now"}), HasSubstr("cdc-to-s3 run begins one"));
}

TEST_F(NewHistoryTest, lets_a_table_that_is_not_captured_any_more_wait_for_its_return) {
  Deliver();
  Restore();
  auto gone = world_.database.tables.extract("dbo.A");
  // Of the database whose object ids the document knows it is known by its id, of another by its name.
  const int64_t known = Document().tables.at("dbo.A").source_object_id;
  EXPECT_EQ(AdoptNow({true, "now"}), "");
  EXPECT_EQ(Document().tables.at("dbo.A").source_object_id, known);
  Insert("B");
  EXPECT_THAT(WhyStopped(*RunOnce(), "dbo.A"), HasSubstr("is gone"));
  EXPECT_EQ(world_.Objects("B").size(), 4u);
}

TEST_F(AdoptTest, a_document_from_before_a_further_folder_stops_everything_and_is_rebuilt_from_it) {
  world_.options.on_type_change = rules::OnTypeChange::kNewFolder;
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  const auto old = world_.store.objects.at(Key());
  world_.database.tables.at("dbo.A").value_type = arrow::utf8();
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  for (const bool lost : {false, true}) {
    if (lost) {
      Lose();
    } else {
      world_.store.objects[Key()] = old;
    }
    world_.clock.Advance(std::chrono::hours(1));
    EXPECT_TRUE(IsStopsEverything(RunOnce().status())) << lost;
    EXPECT_EQ(AdoptNow(), "");
    EXPECT_EQ(Document().tables.at("dbo.A").folder, "Shop/A/cdc_2/");
    EXPECT_THAT(Document().tables.at("dbo.A").earlier_folders,
                ::testing::ElementsAre("Shop/A/cdc/"));
    Insert("A");
    ASSERT_TRUE(RunOnce().ok());
    EXPECT_EQ(world_.Judge("A"), "");
  }
}

}  // namespace
}  // namespace cdc::repair::testing
