#include "capture/context.h"

#include <gtest/gtest.h>

#include "capture/testing/capture_fixture.h"
#include "progress/observer.h"
#include "source/value_fault.h"

namespace cdc::capture::testing {
namespace {

using arrow::Status;

// The rounds' own memory over a document that was just begun.
class ContextTest : public CaptureTest {
 protected:
  Context Make() {
    world_.store.objects.clear();
    state::Document fresh;
    fresh.database = "Shop";
    auto owned = state::OwnedDocument::TakeOver(world_.store, world_.clock, std::nullopt, fresh,
                                                std::chrono::seconds(30));
    return Context(
        world_.options,
        {source_, pool_, executor_, world_.store, world_.store, world_.clock, stop_, observer_},
        std::move(*owned));
  }

  FakeSource source_{world_.database};
  SourcePool pool_{[]() -> arrow::Result<std::unique_ptr<source::Source>> {
    return Status::NotImplemented("not asked for");
  }};
  OneThread executor_;
  std::atomic<bool> stop_{false};
  progress::Observer observer_;
};

enum class Becomes { kRetried, kStopped, kEndOfRound };

Becomes After(const Status& given_back, const TableRuntime& table) {
  if (!given_back.ok()) return Becomes::kEndOfRound;
  return table.trouble == Trouble::kRetrying ? Becomes::kRetried : Becomes::kStopped;
}

TEST_F(ContextTest, an_errors_fault_alone_says_what_becomes_of_table_and_round) {
  using enum Becomes;
  const Status lost =
      MakeFault({.retry = Retry::kAfterReconnect, .reach = Reach::kConnection}, "lost");
  const Status unsettled =
      MakeFault({.retry = Retry::kNextRound, .reach = Reach::kOwnership}, "unsettled");
  const struct {
    Status why;
    Becomes of_polling;
    Becomes of_worker;
  } cases[] = {
      {TransientFault("a lock timeout"), kRetried, kRetried},
      {store::MakeError(store::ErrorKind::kTransient, "busy"), kRetried, kRetried},
      {lost, kEndOfRound, kRetried},
      {StopsTable("gap"), kStopped, kStopped},
      {source::ValueFault({}, Status::Invalid("too long")), kStopped, kStopped},
      {store::MakeError(store::ErrorKind::kDenied, "403"), kStopped, kStopped},
      {store::MakeError(store::ErrorKind::kPermanent, "501"), kStopped, kStopped},
      {Status::IOError("the server sent an impossible __$operation"), kStopped, kStopped},
      {StopsEverything("restored"), kEndOfRound, kEndOfRound},
      {state::OwnershipLost("another copy"), kEndOfRound, kEndOfRound},
      {unsettled, kEndOfRound, kEndOfRound},
  };
  for (const auto& one : cases) {
    Context context = Make();
    EXPECT_EQ(After(context.known.StopTable("dbo.A", one.why), context.known["dbo.A"]),
              one.of_polling)
        << one.why;
    EXPECT_EQ(After(context.known.WorkerTrouble("dbo.B", one.why), context.known["dbo.B"]),
              one.of_worker)
        << one.why;
  }
}

TEST_F(ContextTest, what_passes_by_itself_is_tried_at_once_and_the_rest_after_a_pause) {
  Context context = Make();
  ASSERT_TRUE(context.known.StopTable("dbo.A", TransientFault("a lock timeout")).ok());
  ASSERT_TRUE(context.known.StopTable("dbo.B", StopsTable("gap")).ok());
  EXPECT_FALSE(context.known.IsResting("dbo.A"));
  EXPECT_TRUE(context.known.IsResting("dbo.B"));
}

// Two of one table are its own matter; one more than there are workers is the server's.
TEST_F(CaptureTest, connections_that_break_under_all_workers_end_the_round) {
  world_.options.workers = 2;
  world_.database.AddTable("dbo", "C");
  for (const int64_t broken : {2, 3}) {
    for (const char* table : {"A", "B", "C"}) Insert(table);
    Writer writer(world_);
    ASSERT_TRUE(writer.Start().ok());
    int64_t fetches = 0;
    writer.source.hook = [&](const std::string& call) {
      if (call != "next" || ++fetches > broken) return Status::OK();
      return MakeFault({.retry = Retry::kAfterReconnect, .reach = Reach::kConnection}, "cut");
    };
    const auto report = writer.Round();
    EXPECT_EQ(report.ok(), broken == 2) << report.status();
  }
}

}  // namespace
}  // namespace cdc::capture::testing
