#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "store/testing/faulty_s3.h"

// How long calls go on when the store is away: the circuit breaker and the first contact.

namespace cdc::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::ErrorReply;
using testing::FaultyReply;
using testing::FaultyServer;
using ::testing::HasSubstr;
using testing::HeadOf;
using testing::kStored;
using testing::Lost;
using testing::OptionsFor;
using testing::Put;
using testing::SeenRequest;

const UtcTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);

// A store that a test can send away. The clock stands still but for what the test does.
class StoreThatGoesAway : public ::testing::Test {
 protected:
  StoreThatGoesAway() {
    S3Options options = OptionsFor(server_.endpoint());
    options.clock = &clock_;
    store_ = OpenS3Store(options).ValueOrDie();
  }

  // How many times a put asks before it gives up.
  size_t TriesOfAPut() {
    const size_t before = server_.Seen("PUT").size();
    last_ = Put(*store_).status();
    EXPECT_EQ(KindOf(last_), ErrorKind::kTransient);
    return server_.Seen("PUT").size() - before;
  }

  static constexpr size_t kAllTries = 4;  // of OptionsFor

  std::atomic<bool> away_{true};
  FaultyReply when_away_ = Lost();
  FaultyServer server_{[this](const SeenRequest& request) {
    if (away_) {
      return request.method == "PUT" ? when_away_ : ErrorReply(503, "SlowDown");
    }
    return request.method == "HEAD" ? HeadOf("v") : kStored;
  }};
  FakeClock clock_{kNow};
  std::unique_ptr<Store> store_;
  arrow::Status last_;
};

TEST_F(StoreThatGoesAway, uses_up_the_tries_of_one_call_and_one_try_of_each_further_one) {
  EXPECT_EQ(TriesOfAPut(), kAllTries);
  EXPECT_THAT(last_.message(), HasSubstr("gave up after 4 tries"));
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(seconds(9));  // a try that fails keeps the breaker open
    EXPECT_EQ(TriesOfAPut(), 1U);
  }
  EXPECT_THAT(last_.message(), HasSubstr("one try, because earlier requests"));
}

TEST_F(StoreThatGoesAway, has_all_tries_again_some_seconds_later) {
  EXPECT_EQ(TriesOfAPut(), kAllTries);
  clock_.Advance(seconds(11));
  EXPECT_EQ(TriesOfAPut(), kAllTries);
}

TEST_F(StoreThatGoesAway, has_all_tries_again_after_one_answer) {
  EXPECT_EQ(TriesOfAPut(), kAllTries);
  away_ = false;
  EXPECT_TRUE(store_->Head("k").ok());
  away_ = true;
  EXPECT_EQ(TriesOfAPut(), kAllTries);
}

TEST_F(StoreThatGoesAway, is_as_away_when_it_answers_with_server_errors) {
  when_away_ = ErrorReply(503, "SlowDown");
  EXPECT_EQ(TriesOfAPut(), kAllTries);
  EXPECT_EQ(TriesOfAPut(), 1U);
}

TEST_F(StoreThatGoesAway, is_not_away_when_one_key_is_fought_over) {
  when_away_ = ErrorReply(409, "OperationAborted");
  EXPECT_EQ(TriesOfAPut(), kAllTries);
  EXPECT_EQ(TriesOfAPut(), kAllTries);
}

TEST_F(StoreThatGoesAway, costs_only_a_short_wait_when_it_falls_silent) {
  EXPECT_EQ(TriesOfAPut(), kAllTries);
  S3Options patient = OptionsFor(server_.endpoint());
  patient.clock = &clock_;
  patient.http.stall_timeout = seconds(60);
  patient.retry.tries_max = 2;
  const auto store = OpenS3Store(patient).ValueOrDie();
  EXPECT_FALSE(Put(*store).ok());
  when_away_ = {0, {}, "", FaultyReply::How::kSilence};
  const auto started = steady_clock::now();
  EXPECT_FALSE(Put(*store).ok());
  EXPECT_LT(steady_clock::now() - started, seconds(20)) << "not the whole minute";
}

// Every look at this clock takes a tenth of a second, so that a budget is used up without waiting.
class TickingClock : public Clock {
 public:
  UtcTime UtcNow() const override { return kNow; }
  std::chrono::nanoseconds MonotonicNow() const override { return milliseconds(100) * ++looks_; }

 private:
  mutable std::atomic<int> looks_{0};
};

class FirstContact : public ::testing::Test {
 protected:
  FirstContact() {
    S3Options options = OptionsFor(server_.endpoint());
    options.retry = RetryLimits();
    options.retry.first_pause = options.retry.pause_max = milliseconds(1);
    options.retry.first_contact_budget = milliseconds(800);
    options.clock = &clock_;
    store_ = OpenS3Store(options).ValueOrDie();
  }
  size_t TriesOfAGet() {
    const size_t before = server_.Seen("GET").size();
    EXPECT_EQ(KindOf(store_->Get("k").status()), ErrorKind::kTransient);
    return server_.Seen("GET").size() - before;
  }

  std::atomic<bool> away_{true};
  FaultyServer server_{
      [this](const SeenRequest&) { return away_ ? Lost() : ErrorReply(404, "NoSuchKey"); }};
  TickingClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_F(FirstContact, is_soon_given_up_where_nothing_has_ever_answered) {
  const size_t tries = TriesOfAGet();
  EXPECT_LT(tries, 6U);
  EXPECT_GE(tries, 2U) << "once is no try: a connection may just be lost";
}

TEST_F(FirstContact, leaves_the_whole_budget_to_a_store_that_was_reached_before) {
  away_ = false;
  EXPECT_EQ(KindOf(store_->Get("k").status()), ErrorKind::kNotFound);
  away_ = true;
  EXPECT_EQ(TriesOfAGet(), static_cast<size_t>(RetryLimits().tries_max));
}

TEST_F(FirstContact, is_told_within_seconds_by_default) {
  EXPECT_LE(RetryLimits().first_contact_budget, seconds(5));
  EXPECT_EQ(RetryLimits().budget, seconds(60));
}

}  // namespace
}  // namespace cdc::store
