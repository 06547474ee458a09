#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/testing/capture_fixture.h"

// A store that does not take one table's object and serves everything else.

namespace cdc::capture::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

TEST_F(CaptureTest, an_object_that_the_store_hangs_on_comes_last_and_after_growing_pauses) {
  std::vector<std::string> puts;
  bool hangs = true;
  world_.store.hook = [&](const std::string& call, const std::string& key) {
    if (call != "put") return store::MemoryStore::Fault::kNone;
    puts.push_back(key.substr(5, 1));
    const bool fails = hangs && key.starts_with("Shop/A/");
    return fails ? store::MemoryStore::Fault::kNotApplied : store::MemoryStore::Fault::kNone;
  };
  Writer writer(world_);
  ASSERT_TRUE(writer.Start().ok());
  const auto round = [&] {
    Insert("B");
    puts.clear();
    const auto report = writer.Round();
    EXPECT_TRUE(report.ok() && report->try_again);
    EXPECT_EQ(world_.Judge("B"), "");
  };
  Insert("A");
  round();
  EXPECT_THAT(puts, UnorderedElementsAre("A", "B"));
  round();  // tried again at once, but B does not wait for it
  EXPECT_THAT(puts, ElementsAre("B", "A"));
  for (const int rests : {2, 4, 8}) {
    world_.clock.Advance(std::chrono::milliseconds(rests * 1'000 - 1));
    round();
    EXPECT_THAT(puts, ElementsAre("B"));
    world_.clock.Advance(std::chrono::milliseconds(1));
    round();
    EXPECT_THAT(puts, ElementsAre("B", "A"));
  }
  hangs = false;
  Insert("A");
  world_.clock.Advance(std::chrono::seconds(16));
  const auto recovered = writer.Round();
  ASSERT_TRUE(recovered.ok());
  EXPECT_TRUE(recovered->more) << "A has further rows, and need not wait for the interval";
  const auto last = writer.Round();
  ASSERT_TRUE(last.ok());
  EXPECT_FALSE(last->try_again);
  EXPECT_EQ(world_.Judge("A"), "");
  EXPECT_EQ(world_.Judge("B"), "");
}

// Puts of one claim wait for each other; the lease is kept meanwhile.
TEST_F(CaptureTest, a_put_that_waited_longer_than_a_signature_lives_is_signed_with_the_last_swap) {
  for (const char* table : {"C", "D"}) world_.database.AddTable("dbo", table);
  world_.store.hook = [&](const std::string& call, const std::string&) {
    if (call == "put") world_.clock.Advance(std::chrono::minutes(7));
    return store::MemoryStore::Fault::kNone;
  };
  for (const char* table : {"A", "B", "C", "D"}) Insert(table);
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->stopped, ::testing::IsEmpty());
  for (const char* table : {"A", "B", "C", "D"}) EXPECT_EQ(world_.Judge(table), "") << table;
}

}  // namespace
}  // namespace cdc::capture::testing
