#include "store/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/s3_store.h"
#include "store/testing/faulty_server.h"
#include "store/testing/memory_store.h"

// Stores that do not keep the conditions. (Those that do are in the contract suite.)

namespace cdc::store {
namespace {

using testing::ErrorReply;
using testing::FaultyReply;
using testing::FaultyServer;
using ::testing::HasSubstr;
using testing::SeenRequest;

const FaultyReply kObject{200, {{"ETag", "\"0123456789abcdef\""}}, "probe", {}};

arrow::Result<Conditions> Probe(const FaultyServer& server) {
  S3Options options;
  options.bucket = "lake";
  options.endpoint = server.endpoint();
  options.path_style = true;
  options.credentials = {"key", "secret", ""};
  options.retry.tries_max = 1;
  return ProbeConditions(*OpenS3Store(options).ValueOrDie());
}

TEST(Probe, finds_out_a_store_that_ignores_conditions) {
  const FaultyServer server([](const SeenRequest&) { return kObject; });
  const Conditions found = Probe(server).ValueOrDie();
  EXPECT_EQ(found.put_if_absent, Condition::kIgnored);
  EXPECT_EQ(found.swap, Condition::kIgnored);
  EXPECT_FALSE(found.BothHold());
  EXPECT_THAT(found.advice, HasSubstr("state = \"file:///"));
}

TEST(Probe, finds_out_a_store_that_refuses_conditions) {
  const FaultyServer server([](const SeenRequest& request) {
    const bool conditional =
        request.headers.contains("if-match") || request.headers.contains("if-none-match");
    return conditional ? ErrorReply(501, "NotImplemented") : kObject;
  });
  const Conditions found = Probe(server).ValueOrDie();
  EXPECT_EQ(found.put_if_absent, Condition::kRefused);
  EXPECT_EQ(found.swap, Condition::kRefused);
  EXPECT_THAT(found.advice, HasSubstr("state = \"file:///"));
}

TEST(Probe, tells_the_two_conditions_apart) {
  const FaultyServer server([](const SeenRequest& request) {
    return request.headers.contains("if-none-match") ? ErrorReply(412, "PreconditionFailed")
                                                     : kObject;
  });
  const Conditions found = Probe(server).ValueOrDie();
  EXPECT_EQ(found.put_if_absent, Condition::kHolds);
  EXPECT_EQ(found.swap, Condition::kIgnored);
  EXPECT_THAT(found.advice, HasSubstr("If-Match"));
}

TEST(Probe, finds_out_a_store_that_drops_user_metadata) {
  for (const bool drops : {false, true}) {
    MemoryStore store(Clock::System());
    store.drops_metadata = drops;
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(ProbeObject(store, "Shop").ValueOrDie(),
                drops ? Condition::kIgnored : Condition::kHolds);
      EXPECT_TRUE(store.objects.empty());
    }
  }
}

// The state is kept without them.
TEST(Probe, puts_an_object_with_all_that_objects_have) {
  const FaultyServer server([](const SeenRequest& request) {
    return request.headers.contains("x-amz-tagging") ? ErrorReply(403, "AccessDenied") : kObject;
  });
  S3Options options;
  options.bucket = "lake";
  options.endpoint = server.endpoint();
  options.path_style = true;
  options.credentials = {"key", "secret", ""};
  options.objects.tags = {{"team", "data"}};
  const auto refused = ProbeObject(*OpenS3Store(options).ValueOrDie(), "Shop").status();
  EXPECT_EQ(KindOf(refused), ErrorKind::kDenied);
  EXPECT_THAT(refused.message(), HasSubstr("put s3://lake/Shop/_cdc_to_s3_probe"));
  EXPECT_THAT(refused.message(), HasSubstr("s3:PutObjectTagging"));
}

TEST(Probe, does_not_take_another_error_for_an_answer_about_conditions) {
  for (const auto& error : {ErrorReply(400, "InvalidRequest"), ErrorReply(403, "AccessDenied"),
                            ErrorReply(404, "NoSuchBucket"), ErrorReply(503, "SlowDown")}) {
    const FaultyServer server([&](const SeenRequest&) { return error; });
    EXPECT_FALSE(Probe(server).ok()) << error.status;
  }
}

}  // namespace
}  // namespace cdc::store
