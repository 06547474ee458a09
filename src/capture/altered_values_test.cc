#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/events.h"
#include "capture/testing/capture_fixture.h"

// Values that lose something are counted by column: in the object's footer, in the state document
// with the claim, and for the observer; the log says it once for each column.

namespace cdc::capture::testing {
namespace {

using Counts = std::map<std::string, int64_t>;

class Listener : public progress::Observer {
 public:
  void OnTable(const progress::TableFacts& table) override { tables[table.name] = table; }
  std::map<std::string, progress::TableFacts> tables;
};

class AlteredValuesTest : public CaptureTest {
 protected:
  AlteredValuesTest() {
    SetEventSink([this](const Event& event) {
      if (event.name == "values_altered") told_.push_back(FormatEvent(event.name, event.fields));
    });
  }
  ~AlteredValuesTest() override { SetEventSink(nullptr); }

  void InsertAltered(int rows) {
    world_.database.Commit({{"dbo.A", std::vector<int32_t>(static_cast<size_t>(rows), kInsert)}});
    const auto& all = world_.database.tables.at("dbo.A").rows;
    world_.database.altered.insert(all.end() - rows, all.end());
  }
  Counts InDocument() { return Document().tables.at("dbo.A").altered_values; }

  std::vector<std::string> told_;
};

TEST_F(AlteredValuesTest, are_counted_in_footer_document_and_for_the_observer_and_told_once) {
  Listener listener;
  Writer writer(world_, listener);
  ASSERT_TRUE(writer.Start().ok());
  Insert("A");
  Insert("B");
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(InDocument(), Counts{});
  EXPECT_EQ(listener.tables.at("dbo.A").altered_values, Counts{});
  InsertAltered(3);
  ASSERT_TRUE(writer.Round().ok());
  InsertAltered(2);
  Insert("A");
  ASSERT_TRUE(writer.Round().ok());
  EXPECT_EQ(InDocument(), (Counts{{"v", 5}}));
  EXPECT_EQ(listener.tables.at("dbo.A").altered_values, (Counts{{"v", 5}}));
  EXPECT_EQ(listener.tables.at("dbo.A").altered_how.size(), 1U);
  EXPECT_THAT(listener.tables.at("dbo.A").altered_how.at("v"),
              ::testing::HasSubstr("; what keeps it: "));
  EXPECT_EQ(listener.tables.at("dbo.B").altered_values, Counts{});
  const auto objects = world_.Objects("A");
  ASSERT_EQ(objects.size(), 3u);
  EXPECT_EQ(objects[0].record.altered_values, Counts{});
  EXPECT_EQ(objects[1].record.altered_values, (Counts{{"v", 3}}));
  EXPECT_EQ(objects[2].record.altered_values, (Counts{{"v", 2}}));
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_THAT(told_[0], ::testing::StartsWith("values_altered table=dbo.A column=v values=3 key=" +
                                              objects[1].key + " lost="));
}

TEST_F(AlteredValuesTest, of_a_claim_that_is_recovered_are_not_counted_again) {
  InsertAltered(3);
  // The put fails for good: a claim without its object.
  world_.store.hook = [](const std::string& call, const std::string&) {
    return call == "put" ? store::MemoryStore::Fault::kNotApplied
                         : store::MemoryStore::Fault::kNone;
  };
  (void)RunOnce();
  world_.store.hook = nullptr;
  ASSERT_TRUE(world_.Objects("A").empty());
  EXPECT_EQ(InDocument(), (Counts{{"v", 3}}));
  EXPECT_TRUE(told_.empty());

  Listener listener;
  Writer next(world_, listener);
  ASSERT_TRUE(next.Start().ok());
  ASSERT_TRUE(next.Round().ok());
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(InDocument(), (Counts{{"v", 3}}));
  EXPECT_EQ(world_.Objects("A").at(0).record.altered_values, (Counts{{"v", 3}}));
  EXPECT_EQ(listener.tables.at("dbo.A").altered_values, (Counts{{"v", 3}}));
  EXPECT_EQ(listener.tables.at("dbo.A").rows, 3);
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(AlteredValuesTest, of_an_object_whose_reply_was_lost_are_told_once_it_is_found) {
  InsertAltered(3);
  Listener listener;
  Writer writer(world_, listener);
  ASSERT_TRUE(writer.Start().ok());
  world_.store.hook = [](const std::string& call, const std::string&) {
    return call == "put" ? store::MemoryStore::Fault::kReplyLost : store::MemoryStore::Fault::kNone;
  };
  EXPECT_TRUE(writer.Round().ValueOrDie().try_again);
  EXPECT_TRUE(told_.empty());
  world_.store.hook = nullptr;
  EXPECT_EQ(writer.Round().ValueOrDie().rows, 3);
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(listener.tables.at("dbo.A").altered_values, (Counts{{"v", 3}}));
  EXPECT_EQ(listener.tables.at("dbo.A").rows, 3);
  EXPECT_EQ(listener.tables.at("dbo.A").objects, 1);
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(AlteredValuesTest, of_many_columns_are_counted_together_from_a_bound_on) {
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  ASSERT_TRUE(writer.Round().ok());
  Insert("A");
  ASSERT_TRUE(writer.Round().ok());
  ASSERT_TRUE(writer.capture().Finish().ok());
  auto stored = *state::ReadDocument(world_.store, {"Shop", ""});
  Counts& counts = stored->document.tables.at("dbo.A").altered_values;
  for (size_t i = 0; i < state::kAlteredColumnsKept; ++i) counts["c" + std::to_string(i)] = 1;
  Counts expected = counts;
  ASSERT_TRUE(
      world_.store.Swap("_cdc_to_s3/Shop.json", stored->document.ToJson(), stored->version).ok());
  InsertAltered(2);
  ASSERT_TRUE(RunOnce().ok());
  InsertAltered(1);
  ASSERT_TRUE(RunOnce().ok());
  expected[state::kOtherColumns] = 3;
  EXPECT_EQ(InDocument(), expected);
}

}  // namespace
}  // namespace cdc::capture::testing
