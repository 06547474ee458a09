#include "store/credentials/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "store/store.h"
#include "store/testing/faulty_s3.h"

namespace cdc::store {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ErrorReply;
using testing::FaultyServer;
using ::testing::HasSubstr;
using testing::kStored;
using testing::OptionsFor;
using testing::Put;
using testing::SeenRequest;

const UtcTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);

// Gives K1, K2, … each good for `life`.
class Giver : public CredentialsProvider {
 public:
  explicit Giver(const Clock& clock) : clock_(clock) {}
  std::string place() const override { return "giver"; }
  arrow::Result<Answer> Fetch() override {
    const int times = ++asked;
    std::this_thread::sleep_for(pause);
    if (away) {
      return MakeError(ErrorKind::kTransient, "the giver is away");
    }
    if (empty) {
      return Answer{{}, "nothing here"};
    }
    Credentials credentials{same ? "K1" : "K" + std::to_string(times), "s", "t"};
    credentials.expires_at = clock_.UtcNow() + life;
    return Answer{credentials, ""};
  }

  const Clock& clock_;
  std::atomic<int> asked = 0;
  std::atomic<bool> away = false;
  bool empty = false;
  bool same = false;
  minutes life{60};
  std::chrono::milliseconds pause{0};
};

class CredentialsCacheTest : public ::testing::Test {
 protected:
  CredentialsCacheTest() {
    auto giver = std::make_unique<Giver>(clock_);
    giver_ = giver.get();
    cache_ = std::make_shared<CredentialsCache>(std::move(giver), clock_);
  }
  std::string Key() { return cache_->Get().ValueOrDie().credentials.access_key_id; }

  FakeClock clock_{kNow};
  Giver* giver_ = nullptr;
  std::shared_ptr<CredentialsCache> cache_;
};

TEST_F(CredentialsCacheTest, asks_once_until_some_minutes_before_the_end) {
  EXPECT_EQ(Key(), "K1");
  clock_.Advance(minutes(54));
  EXPECT_EQ(Key(), "K1");
  clock_.Advance(minutes(2));
  EXPECT_EQ(Key(), "K2");
  EXPECT_EQ(Key(), "K2");
  EXPECT_EQ(giver_->asked, 2);
}

TEST_F(CredentialsCacheTest, goes_on_with_the_old_ones_while_the_giver_is_away_and_they_are_good) {
  EXPECT_EQ(Key(), "K1");
  giver_->away = true;
  clock_.Advance(minutes(56));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Key(), "K1");
  }
  EXPECT_EQ(giver_->asked, 2) << "not at every call";
  clock_.Advance(seconds(3));
  EXPECT_EQ(Key(), "K1");
  EXPECT_EQ(giver_->asked, 3);
  clock_.Advance(minutes(5));
  EXPECT_EQ(KindOf(cache_->Get().status()), ErrorKind::kTransient);
  giver_->away = false;
  clock_.Advance(seconds(3));
  EXPECT_EQ(Key(), "K5");
}

TEST_F(CredentialsCacheTest,
       credentials_that_are_about_to_expire_whenever_given_do_not_make_a_storm) {
  giver_->life = minutes(0);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Key(), "K1") << "whether they are good is the store's to say";
  }
  clock_.Advance(seconds(31));
  EXPECT_EQ(Key(), "K2");
}

TEST_F(CredentialsCacheTest, a_place_that_has_no_more_is_told) {
  EXPECT_EQ(Key(), "K1");
  giver_->empty = true;
  clock_.Advance(minutes(61));
  const arrow::Status status = cache_->Get().status();
  EXPECT_EQ(KindOf(status), ErrorKind::kTransient);
  EXPECT_THAT(status.message(), HasSubstr("giver, where they came from, has no new ones"));
}

TEST_F(CredentialsCacheTest, many_threads_ask_once_together) {
  giver_->pause = std::chrono::milliseconds(50);
  const auto all_get = [&] {
    std::vector<std::thread> threads;
    std::atomic<int> good = 0;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { good += cache_->Get().ok() ? 1 : 0; });
    }
    for (auto& thread : threads) {
      thread.join();
    }
    EXPECT_EQ(good, 8);
  };
  all_get();
  EXPECT_EQ(giver_->asked, 1);
  clock_.Advance(minutes(56));  // usable: seven go on, one asks
  all_get();
  EXPECT_EQ(giver_->asked, 2);
  clock_.Advance(minutes(61));  // over: seven wait for the one
  all_get();
  EXPECT_EQ(giver_->asked, 3);
}

// A store that takes the keys named here and calls all others expired.
class ExpiringStore : public CredentialsCacheTest {
 protected:
  std::unique_ptr<Store> Open() {
    S3Options options = OptionsFor(server_.endpoint());
    options.credentials = {};
    options.refreshed = cache_;
    options.clock = &clock_;
    return OpenS3Store(options).ValueOrDie();
  }
  std::string good_ = "K1";
  FaultyServer server_{[this](const SeenRequest& request) {
    const bool good =
        request.headers.at("authorization").find("Credential=" + good_ + "/") != std::string::npos;
    return good ? kStored : ErrorReply(400, "ExpiredToken");
  }};
};

TEST_F(ExpiringStore, is_asked_again_with_new_credentials_when_it_calls_the_old_ones_expired) {
  const auto store = Open();
  EXPECT_TRUE(Put(*store).ok());
  good_ = "K2";
  clock_.Advance(minutes(10));
  EXPECT_TRUE(Put(*store).ok());
  EXPECT_EQ(server_.Seen("PUT").size(), 3U);
  EXPECT_EQ(giver_->asked, 2);
}

TEST_F(ExpiringStore, is_asked_again_once_and_then_believed) {
  const auto store = Open();
  good_ = "none";
  for (int i = 0; i < 5; ++i) {
    const arrow::Status status = Put(*store).status();
    EXPECT_EQ(KindOf(status), ErrorKind::kDenied);
    EXPECT_THAT(status.message(), HasSubstr("ExpiredToken"));
    clock_.Advance(minutes(1));
  }
  EXPECT_EQ(server_.Seen("PUT").size(), 9U) << "none again right after the first answer";
}

TEST_F(ExpiringStore, is_not_asked_again_with_the_same_credentials) {
  giver_->same = true;
  const auto store = Open();
  EXPECT_TRUE(Put(*store).ok());
  good_ = "none";
  clock_.Advance(minutes(1));
  EXPECT_EQ(KindOf(Put(*store).status()), ErrorKind::kDenied);
  EXPECT_EQ(server_.Seen("PUT").size(), 2U);
}

TEST_F(ExpiringStore, waits_for_a_giver_that_is_away_as_for_itself) {
  giver_->away = true;
  const arrow::Status status = Put(*Open()).status();
  EXPECT_EQ(KindOf(status), ErrorKind::kTransient);
  EXPECT_THAT(status.message(), HasSubstr("the giver is away"));
  EXPECT_TRUE(server_.Seen("PUT").empty());
}

}  // namespace
}  // namespace cdc::store
