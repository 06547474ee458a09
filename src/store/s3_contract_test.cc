#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "store/probe.h"
#include "store/s3_store.h"
#include "store/testing/s3_servers.h"

// What a user of S3 meets beyond the contract of store.h: credentials, buckets, regions, addresses.

namespace cdc::store {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::S3Server;
using testing::SeaweedFs;
using testing::TheServer;
using testing::VersityGw;

class S3Contract : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    server_ = GetParam() == "seaweedfs" ? TheServer<SeaweedFs>() : TheServer<VersityGw>();
    if (server_ == nullptr && GetParam() == "versitygw") {
      GTEST_SKIP() << "versitygw is not there: tools/install.sh --tests builds it";
    }
    ASSERT_NE(server_, nullptr) << GetParam() << " cannot be started: run tools/install.sh";
    options_ = server_->Options("test-" + RandomHex(8));
  }
  std::unique_ptr<Store> Open() const { return OpenS3Store(options_).ValueOrDie(); }
  static arrow::Status PutStatus(Store& store, const PutOptions& options = {}) {
    const auto body = Spool::FromBytes("x");
    return store.Put("k", *body, options).status();
  }

  S3Server* server_ = nullptr;
  S3Options options_;
};

INSTANTIATE_TEST_SUITE_P(Servers, S3Contract, ::testing::Values("seaweedfs", "versitygw"),
                         [](const auto& instance) { return instance.param; });

TEST_P(S3Contract, the_server_itself_refuses_a_time_too_long_ago) {
  // The client's clock is behind, so it sees nothing wrong.
  const FakeClock behind(Clock::System().UtcNow() - minutes(20));
  options_.clock = &behind;
  PutOptions put;
  put.signed_at = behind.UtcNow();
  const arrow::Status refused = PutStatus(*Open(), put);
  EXPECT_EQ(KindOf(refused), ErrorKind::kDenied);
  EXPECT_THAT(refused.message(), HasSubstr("RequestTimeTooSkewed"));
  EXPECT_THAT(refused.message(), HasSubstr("clock"));
}

TEST_P(S3Contract, a_wrong_secret_names_the_variable_to_check) {
  options_.credentials.secret_access_key = "wrong";
  const auto store = Open();
  for (const auto& status :
       {PutStatus(*store), store->Get("k").status(), store->Head("k").status()}) {
    EXPECT_EQ(KindOf(status), ErrorKind::kDenied);
    EXPECT_THAT(status.message(), HasSubstr("AWS_SECRET_ACCESS_KEY"));
  }
}

TEST_P(S3Contract, an_unknown_key_names_the_variable_to_check) {
  options_.credentials.access_key_id = "nobody";
  const arrow::Status status = PutStatus(*Open());
  EXPECT_EQ(KindOf(status), ErrorKind::kDenied);
  EXPECT_THAT(status.message(), HasSubstr("AWS_ACCESS_KEY_ID"));
}

TEST_P(S3Contract, a_missing_bucket_is_said_whatever_is_asked) {
  options_.bucket = "no-such-lake";
  const auto store = Open();
  EXPECT_EQ(KindOf(PutStatus(*store)), ErrorKind::kNoBucket);
  EXPECT_EQ(KindOf(store->Get("k").status()), ErrorKind::kNoBucket);
  EXPECT_EQ(KindOf(store->Head("k").status()), ErrorKind::kNoBucket);
  EXPECT_EQ(KindOf(store->List("", "", 1).status()), ErrorKind::kNoBucket);
  EXPECT_THAT(store->Get("k").status().message(), HasSubstr("create it"));
}

TEST_P(S3Contract, a_bucket_can_be_addressed_by_host_name) {
  options_.path_style = false;
  options_.endpoint = fmt::format("http://localhost:{}", server_->port());
  const auto store = Open();
  ASSERT_TRUE(PutStatus(*store).ok());
  EXPECT_EQ(store->Get("k").ValueOrDie().bytes, "x");
  EXPECT_EQ(store->List("", "", 10).ValueOrDie().size(), 1U);
  options_.path_style = true;
  EXPECT_EQ(Open()->Get("k").ValueOrDie().bytes, "x");
}

TEST_P(S3Contract, a_wrong_region_is_either_accepted_or_corrected_with_a_note) {
  options_.region = "eu-west-9";
  const auto store = Open();
  const arrow::Status status = PutStatus(*store);
  ASSERT_TRUE(status.ok()) << status.ToString();
  if (GetParam() == "versitygw") {
    EXPECT_THAT(store->TakeNotes(), ElementsAre(HasSubstr("region us-east-1, not in eu-west-9")));
  }
  EXPECT_THAT(store->TakeNotes(), ElementsAre());
}

TEST_P(S3Contract, a_server_takes_and_keeps_what_it_is_told_about_objects) {
  options_.objects.sse = "AES256";
  options_.objects.storage_class = "STANDARD";
  options_.objects.tags = {{"team", "data + lake"}, {"cost", "42"}};
  const auto store = Open();
  ASSERT_TRUE(PutStatus(*store).ok());
  ASSERT_TRUE(store->Swap("_cdc_to_s3/state", "{}", std::nullopt).ok());
  const auto client = S3Client::Open(options_).ValueOrDie();
  const auto tags_of = [&](const std::string& key) {
    S3Request request;
    request.operation = "tags";
    request.method = "GET";
    request.key = options_.prefix + "/" + key;
    request.query = {{"tagging", ""}};
    return client->Send(request).ValueOrDie().http.body;
  };
  EXPECT_THAT(tags_of("k"), HasSubstr("data + lake"));
  EXPECT_THAT(tags_of("k"), HasSubstr("42"));
  EXPECT_THAT(tags_of("_cdc_to_s3/state"), ::testing::Not(HasSubstr("42")));
}

TEST_P(S3Contract, one_who_may_only_put_can_put_and_is_told_what_else_is_needed) {
  if (GetParam() == "versitygw") {
    GTEST_SKIP() << "its users need an admin call; SeaweedFS shows the same";
  }
  options_.credentials = testing::kPutOnly;
  const auto store = Open();
  EXPECT_TRUE(PutStatus(*store).ok());
  for (const auto& status :
       {store->Get("k").status(), store->Head("k").status(), store->List("", "", 1).status()}) {
    EXPECT_EQ(KindOf(status), ErrorKind::kDenied);
    EXPECT_THAT(status.message(), HasSubstr(R"("Action":"s3:ListBucket")"));
  }
  const Conditions found = ProbeConditions(*store).ValueOrDie();
  EXPECT_EQ(found.put_if_absent, Condition::kHolds);
  EXPECT_EQ(found.swap, Condition::kNotKnown);
  EXPECT_THAT(found.advice, HasSubstr("s3:GetObject"));
}

}  // namespace
}  // namespace cdc::store
