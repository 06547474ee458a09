#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "store/testing/faulty_s3.h"

// A call ends in time, however slowly its answers come: bytes that trickle never meet a timeout
// that waits for silence.

namespace cdc::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::FaultyReply;
using testing::FaultyServer;
using ::testing::HasSubstr;
using testing::HeadOf;
using testing::InTurn;
using testing::kStored;
using testing::OptionsFor;
using testing::Put;
using testing::SeenRequest;

const FaultyReply kTrickling{0, {}, "", FaultyReply::How::kTrickle};

S3Options Hasty(const FaultyServer& server) {
  S3Options options = OptionsFor(server.endpoint());
  options.retry.budget = milliseconds(800);
  options.http.stall_timeout = seconds(20);
  return options;
}

struct Call {
  std::string name;
  std::function<arrow::Status(Store&)> make;
};

class TricklingAnswer : public ::testing::TestWithParam<Call> {};

INSTANTIATE_TEST_SUITE_P(
    Calls, TricklingAnswer,
    ::testing::Values(Call{"Put", [](Store& store) { return Put(store).status(); }},
                      Call{"Swap", [](Store& store) { return store.Swap("k", "x", {}).status(); }},
                      Call{"Get", [](Store& store) { return store.Get("k").status(); }},
                      Call{"GetTail", [](Store& store) { return store.GetTail("k", 9).status(); }},
                      Call{"Head", [](Store& store) { return store.Head("k").status(); }},
                      Call{"List", [](Store& store) { return store.List("", "", 9).status(); }},
                      Call{"Delete", [](Store& store) { return store.Delete("k"); }}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(TricklingAnswer, is_given_up_within_the_budget_of_the_call) {
  const FaultyServer server([](const SeenRequest&) { return kTrickling; });
  S3Options options = Hasty(server);
  options.retry.first_contact_budget = options.retry.budget;
  const auto store = OpenS3Store(options).ValueOrDie();
  const auto started = steady_clock::now();
  const arrow::Status status = GetParam().make(*store);
  // All tries share the budget; a look at the key after a write has a time of its own.
  EXPECT_LT(steady_clock::now() - started, seconds(10));
  EXPECT_EQ(KindOf(status), ErrorKind::kTransient) << status;
  EXPECT_THAT(status.message(), HasSubstr("no whole answer after"));
}

TEST(Deadline, a_trickling_answer_to_a_put_is_settled_by_a_look_at_the_key) {
  const FaultyServer server(InTurn({kTrickling}, HeadOf("new")));
  const auto store = OpenS3Store(Hasty(server)).ValueOrDie();
  EXPECT_EQ(Put(*store).ValueOrDie(), PutResult::kAlreadyThere);
  EXPECT_EQ(server.Seen("PUT").size(), 1U);
}

TEST(Deadline, a_put_whose_request_was_lost_in_a_trickle_is_made_again_while_there_is_time) {
  const FaultyServer server(InTurn({kTrickling, kStored}));
  S3Options options = Hasty(server);
  options.http.answer_max = milliseconds(300);
  EXPECT_EQ(Put(*OpenS3Store(options).ValueOrDie()).ValueOrDie(), PutResult::kCreated);
  EXPECT_EQ(server.Seen("PUT").size(), 2U);
}

TEST(Deadline, a_body_has_time_by_its_size) {
  constexpr milliseconds kServerTakes{3'000};
  const FaultyServer server([&](const SeenRequest& request) -> FaultyReply {
    if (request.method == "HEAD") {
      return {404, {}, "", {}};
    }
    std::this_thread::sleep_for(kServerTakes);
    return kStored;
  });
  S3Options options = Hasty(server);
  options.retry.tries_max = 1;
  options.http.bytes_per_second_min = 1 << 20;
  const auto store = OpenS3Store(options).ValueOrDie();
  const auto small = Spool::FromBytes("small");
  EXPECT_EQ(KindOf(store->Put("k", *small, {}).status()), ErrorKind::kTransient);
  const auto large = Spool::FromBytes(std::string(8 << 20, 'x'));
  EXPECT_EQ(OpenS3Store(options).ValueOrDie()->Put("k", *large, {}).ValueOrDie(),
            PutResult::kCreated);
}

TEST(Deadline, what_is_received_adds_its_time) {
  const std::string body(4 << 20, 'x');
  const FaultyServer server([&](const SeenRequest&) -> FaultyReply {
    return {200, {{"ETag", "\"v\""}}, body, FaultyReply::How::kAnswer};
  });
  S3Options options = Hasty(server);
  options.retry.budget = milliseconds(1);
  EXPECT_EQ(OpenS3Store(options).ValueOrDie()->Get("k").ValueOrDie().bytes, body);
}

}  // namespace
}  // namespace cdc::store
