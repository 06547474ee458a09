#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/testing/capture_fixture.h"
#include "parquet/stored_object.h"
#include "rules/claimed_object.h"

// Whose an object is where user metadata says it, and where only the footer does.

namespace cdc::capture::testing {
namespace {

using pq::IdentifyObject;
using pq::ObjectThere;
using store::MemoryStore;
using ::testing::HasSubstr;
using Fault = MemoryStore::Fault;

class ObjectIdentity : public CaptureTest {
 protected:
  // An object of ours, delivered.
  std::string Delivered() {
    Insert("A");
    EXPECT_TRUE(RunOnce().ok());
    return world_.Objects("A").back().key;
  }
};

TEST_F(ObjectIdentity, is_the_same_from_metadata_and_from_the_footer) {
  const std::string key = Delivered();
  const ObjectThere by_metadata = IdentifyObject(world_.store, key).ValueOrDie();
  ASSERT_TRUE(by_metadata.identity.has_value());
  world_.store.objects.at(key).metadata.clear();
  const ObjectThere by_footer = IdentifyObject(world_.store, key).ValueOrDie();
  EXPECT_TRUE(by_footer.there);
  EXPECT_EQ(by_footer.identity, by_metadata.identity);
  EXPECT_TRUE(rules::IsClaimed(by_footer.identity, Document().history_id,
                               *Document().tables.at("dbo.A").claim));
}

TEST_F(ObjectIdentity, is_nobodys_where_nothing_is_and_foreign_where_anything_else_is) {
  EXPECT_FALSE(IdentifyObject(world_.store, "none").ValueOrDie().there);
  const std::string good = world_.store.objects.at(Delivered()).bytes;
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string("not ours"), std::string("PAR1PAR1PAR1"),
        std::string("PAR1\xff\xff\xff\x7fPAR1", 12), good.substr(0, good.size() - 1),
        good.substr(good.size() / 2)}) {
    world_.store.objects["k"] = {bytes, "v", {}, world_.clock.UtcNow()};
    const ObjectThere found = IdentifyObject(world_.store, "k").ValueOrDie();
    EXPECT_TRUE(found.there);
    EXPECT_FALSE(found.identity.has_value()) << bytes.size();
  }
}

TEST_F(ObjectIdentity, is_not_judged_by_a_store_that_does_not_answer) {
  const std::string key = Delivered();
  world_.store.objects.at(key).metadata.clear();
  for (const char* silent : {"head", "tail"}) {
    world_.store.hook = [&](const std::string& call, const std::string&) {
      return call == silent ? Fault::kNotApplied : Fault::kNone;
    };
    EXPECT_EQ(store::KindOf(IdentifyObject(world_.store, key).status()),
              store::ErrorKind::kTransient);
  }
}

TEST_F(ObjectIdentity, comes_from_a_footer_of_any_length_in_short_reads) {
  const std::string key = Delivered();
  auto& object = world_.store.objects.at(key);
  object.metadata.clear();
  // An object of megabytes with the same footer.
  object.bytes.insert(4, std::string(3 << 20, 'x'));
  int tails = 0;
  world_.store.hook = [&](const std::string& call, const std::string&) {
    EXPECT_NE(call, "get");
    tails += call == "tail" ? 1 : 0;
    return Fault::kNone;
  };
  EXPECT_TRUE(IdentifyObject(world_.store, key).ValueOrDie().identity.has_value());
  EXPECT_EQ(tails, 1);
}

TEST_F(ObjectIdentity, objects_that_lost_their_metadata_are_known_by_their_footers) {
  world_.store.drops_metadata = true;
  Insert("A");
  ASSERT_TRUE(RunOnce().ok());
  Insert("A");
  // The reply to a put is lost: the next owner finds the object and takes it for what it is.
  {
    Writer writer(world_);
    ASSERT_TRUE(writer.Start().ok());
    world_.clock.Advance(std::chrono::seconds(1));
    world_.store.hook = [](const std::string& call, const std::string&) {
      return call == "put" ? Fault::kReplyLost : Fault::kNone;
    };
    ASSERT_TRUE(writer.Round().ok());
    world_.store.hook = nullptr;
  }
  const auto report = RunOnce();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->stopped.empty());
  EXPECT_EQ(world_.Judge("A"), "");
  // A lost document shows itself all the same, and is no foreign Parquet file.
  world_.store.objects.erase("_cdc_to_s3/Shop.json");
  const auto forgotten = RunOnce();
  EXPECT_TRUE(IsStopsEverything(forgotten.status())) << forgotten.status();
  EXPECT_THAT(forgotten.status().message(), HasSubstr("does not know the object"));
}

}  // namespace
}  // namespace cdc::capture::testing
