#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/s3_store.h"
#include "store/testing/child_process.h"
#include "store/testing/faulty_s3.h"

// What the S3 store makes of faults that real servers show rarely: which are tried again, what a
// lost reply means, what is never repeated.

namespace cdc::store {
namespace {

using std::chrono::milliseconds;
using testing::ErrorReply;
using testing::FaultyReply;
using testing::FaultyServer;
using ::testing::HasSubstr;
using testing::HeadOf;
using testing::InTurn;
using testing::kStored;
using testing::Lost;
using testing::OpenOn;
using testing::OptionsFor;
using testing::Put;
using testing::SeenRequest;
using How = FaultyReply::How;

struct Fault {
  std::string name;
  FaultyReply reply;
};

class TransientFault : public ::testing::TestWithParam<Fault> {};

INSTANTIATE_TEST_SUITE_P(
    Faults, TransientFault,
    ::testing::Values(Fault{"InternalError", ErrorReply(500, "InternalError")},
                      Fault{"BadGateway", {502, {}, "<html>", {}}},
                      Fault{"SlowDown", ErrorReply(503, "SlowDown")},
                      Fault{"TooManyRequests", {429, {}, "", {}}},
                      Fault{"RequestTimeout", ErrorReply(400, "RequestTimeout")},
                      Fault{"OperationAborted", ErrorReply(409, "OperationAborted")},
                      Fault{"Conflict", ErrorReply(409, "ConditionalRequestConflict")},
                      Fault{"DamagedBody", ErrorReply(400, "BadDigest")}, Fault{"Reset", Lost()}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(TransientFault, is_tried_again) {
  const FaultyServer server(InTurn({GetParam().reply, kStored}));
  EXPECT_EQ(Put(*OpenOn(server)).ValueOrDie(), PutResult::kCreated);
  const auto puts = server.Seen("PUT");
  ASSERT_EQ(puts.size(), 2U);
  EXPECT_EQ(puts[1].body, "abc");
  EXPECT_EQ(puts[1].headers.at("if-none-match"), "*");
}

TEST_P(TransientFault, ends_as_transient_when_the_tries_are_used_up) {
  const FaultyServer server(InTurn({GetParam().reply}));
  S3Options options = OptionsFor(server.endpoint());
  options.retry.tries_max = 2;
  const arrow::Status status = Put(*OpenS3Store(options).ValueOrDie()).status();
  EXPECT_EQ(KindOf(status), ErrorKind::kTransient);
  EXPECT_THAT(status.message(), HasSubstr("put s3://lake/k"));
  EXPECT_THAT(status.message(), HasSubstr("gave up after 2 tries"));
  EXPECT_EQ(server.Seen("PUT").size(), 2U);
}

TEST(S3Faults, a_server_that_falls_silent_is_asked_again) {
  const FaultyServer server(InTurn({{0, {}, "", How::kSilence}, kStored}));
  EXPECT_EQ(Put(*OpenOn(server)).ValueOrDie(), PutResult::kCreated);
  EXPECT_EQ(server.Seen("PUT").size(), 2U);
}

class PermanentFault : public ::testing::TestWithParam<Fault> {};

INSTANTIATE_TEST_SUITE_P(
    Faults, PermanentFault,
    ::testing::Values(Fault{"AccessDenied", ErrorReply(403, "AccessDenied")},
                      Fault{"ExpiredToken", ErrorReply(400, "ExpiredToken")},
                      Fault{"Malformed", ErrorReply(400, "InvalidArgument")},
                      Fault{"NoBucket", ErrorReply(404, "NoSuchBucket")},
                      Fault{"FileInTheWay", ErrorReply(409, "ObjectParentIsFile")},
                      Fault{"NotImplemented", ErrorReply(501, "NotImplemented")}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(PermanentFault, is_not_tried_again) {
  const FaultyServer server(InTurn({GetParam().reply, kStored}));
  const arrow::Status status = Put(*OpenOn(server)).status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(KindOf(status), ErrorKind::kTransient);
  EXPECT_EQ(server.Seen("PUT").size(), 1U);
}

TEST(S3Faults, a_lost_reply_to_a_put_is_settled_by_a_look_at_the_key) {
  const FaultyServer server(InTurn({Lost(), kStored}, HeadOf("new")));
  EXPECT_EQ(Put(*OpenOn(server)).ValueOrDie(), PutResult::kAlreadyThere);
  EXPECT_EQ(server.Seen("PUT").size(), 1U);
}

TEST(S3Faults, a_lost_reply_is_settled_by_another_try_where_nobody_may_look) {
  const FaultyServer server([tries = 0](const SeenRequest& request) mutable {
    if (request.method != "PUT") {
      return ErrorReply(403, "AccessDenied");
    }
    return tries++ == 0 ? Lost() : ErrorReply(412, "PreconditionFailed");
  });
  EXPECT_EQ(Put(*OpenOn(server)).ValueOrDie(), PutResult::kAlreadyThere);
}

TEST(S3Faults, a_put_that_meets_its_own_success_after_a_server_error_says_already_there) {
  const FaultyServer server(
      InTurn({ErrorReply(500, "InternalError"), ErrorReply(412, "PreconditionFailed")}));
  EXPECT_EQ(Put(*OpenOn(server)).ValueOrDie(), PutResult::kAlreadyThere);
}

TEST(S3Faults, overwriting_has_no_condition_and_is_simply_repeated) {
  const FaultyServer server(InTurn({Lost(), kStored}, HeadOf("new")));
  PutOptions options;
  options.mode = PutMode::kOverwrite;
  EXPECT_EQ(Put(*OpenOn(server), options).ValueOrDie(), PutResult::kCreated);
  ASSERT_EQ(server.Seen("PUT").size(), 2U);
  EXPECT_FALSE(server.Seen("PUT")[0].headers.contains("if-none-match"));
}

TEST(S3Faults, a_refusal_before_the_body_was_read_and_a_cut_connection_still_say_already_there) {
  const FaultyReply refusal{412, {}, "", How::kAnswerBeforeBody};
  for (const size_t size : {size_t{900'000}, size_t{12} << 20}) {
    const FaultyServer server(InTurn({refusal}, HeadOf("theirs")));
    const auto body = Spool::FromBytes(std::string(size, 'x'));
    EXPECT_EQ(OpenOn(server)->Put("k", *body, {}).ValueOrDie(), PutResult::kAlreadyThere);
  }
}

TEST(S3Faults, a_swap_whose_reply_is_lost_says_conflict_when_it_happened) {
  for (const auto& expected : {std::optional<std::string>("old"), std::optional<std::string>()}) {
    const FaultyServer server(InTurn({Lost(), kStored}, HeadOf("new")));
    EXPECT_EQ(KindOf(OpenOn(server)->Swap("k", "abc", expected).status()), ErrorKind::kConflict);
    EXPECT_EQ(server.Seen("PUT").size(), 1U);
  }
}

TEST(S3Faults, a_swap_that_meets_its_own_success_after_a_server_error_says_conflict) {
  const FaultyServer server(
      InTurn({ErrorReply(500, "InternalError"), ErrorReply(412, "PreconditionFailed")}));
  EXPECT_EQ(KindOf(OpenOn(server)->Swap("k", "abc", "old").status()), ErrorKind::kConflict);
}

TEST(S3Faults, a_swap_whose_request_was_lost_is_made_again) {
  const FaultyServer server(InTurn({Lost(), kStored}, HeadOf("old")));
  EXPECT_EQ(OpenOn(server)->Swap("k", "abc", "old").ValueOrDie(), "new");
  const auto puts = server.Seen("PUT");
  ASSERT_EQ(puts.size(), 2U);
  EXPECT_EQ(puts[1].headers.at("if-match"), "\"old\"");
}

TEST(S3Faults, every_try_of_a_put_claims_the_time_that_it_was_given) {
  const FaultyServer server(InTurn({ErrorReply(503, "SlowDown"), kStored}));
  const UtcTime now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);
  FakeClock clock(now + std::chrono::minutes(3));
  S3Options s3 = OptionsFor(server.endpoint());
  s3.clock = &clock;
  const auto store = OpenS3Store(s3).ValueOrDie();
  PutOptions options;
  options.signed_at = now;
  ASSERT_TRUE(Put(*store, options).ok());
  ASSERT_TRUE(Put(*store).ok());
  const auto puts = server.Seen("PUT");
  ASSERT_EQ(puts.size(), 3U);
  EXPECT_EQ(puts[0].headers.at("x-amz-date"), "20261123T000000Z");
  EXPECT_EQ(puts[1].headers.at("x-amz-date"), "20261123T000000Z");
  EXPECT_EQ(puts[2].headers.at("x-amz-date"), "20261123T000300Z");
}

TEST(S3Faults, every_body_has_its_checksum) {
  const FaultyServer server(InTurn({kStored}));
  ASSERT_TRUE(Put(*OpenOn(server)).ok());
  const auto put = server.Seen("PUT").at(0);
  EXPECT_EQ(put.headers.at("x-amz-content-sha256"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(put.headers.at("x-amz-checksum-sha256"),
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

TEST(S3Faults, a_session_token_is_sent_and_signed) {
  const FaultyServer server(InTurn({kStored}));
  S3Options options = OptionsFor(server.endpoint());
  options.credentials.session_token = "token";
  ASSERT_TRUE(Put(*OpenS3Store(options).ValueOrDie()).ok());
  const auto put = server.Seen("PUT").at(0);
  EXPECT_EQ(put.headers.at("x-amz-security-token"), "token");
  EXPECT_THAT(put.headers.at("authorization"), HasSubstr("x-amz-security-token"));
}

TEST(S3Faults, a_bucket_in_another_region_is_followed_there_with_one_note) {
  const FaultyServer server([](const SeenRequest& request) -> FaultyReply {
    if (request.headers.at("authorization").find("/eu-west-1/s3/") == std::string::npos) {
      return {301, {{"x-amz-bucket-region", "eu-west-1"}}, "", How::kAnswer};
    }
    return request.method == "HEAD" ? HeadOf("v") : kStored;
  });
  const auto store = OpenOn(server);
  EXPECT_TRUE(store->Head("k").ValueOrDie().has_value());
  EXPECT_EQ(Put(*store).ValueOrDie(), PutResult::kCreated);
  EXPECT_EQ(server.Seen("PUT").size(), 1U) << "the region is remembered";
  EXPECT_THAT(store->TakeNotes(), ::testing::ElementsAre(HasSubstr("eu-west-1")));
}

TEST(S3Faults, a_store_that_sends_us_in_circles_is_an_error) {
  const FaultyServer server([](const SeenRequest& request) -> FaultyReply {
    const bool asked_west = request.headers.at("authorization").find("/west/") != std::string::npos;
    return {301, {{"x-amz-bucket-region", asked_west ? "east" : "west"}}, "", How::kAnswer};
  });
  const arrow::Status status = Put(*OpenOn(server)).status();
  EXPECT_EQ(KindOf(status), ErrorKind::kPermanent);
  EXPECT_THAT(status.message(), HasSubstr("set the target's region"));
  EXPECT_EQ(server.Seen("PUT").size(), 2U);
}

TEST(S3Faults, a_redirect_to_another_host_is_not_followed) {
  const FaultyServer server([](const SeenRequest&) -> FaultyReply {
    return {307, {{"Location", "http://127.0.0.1:1/"}}, "", {}};
  });
  EXPECT_EQ(KindOf(Put(*OpenOn(server)).status()), ErrorKind::kPermanent);
}

TEST(S3Faults, a_pause_that_the_server_asks_for_counts_against_the_budget) {
  const FaultyServer server([](const SeenRequest&) -> FaultyReply {
    return {503, {{"Retry-After", "6"}}, "", How::kAnswer};
  });
  EXPECT_EQ(KindOf(OpenOn(server)->Get("k").status()), ErrorKind::kTransient);
  EXPECT_EQ(server.Seen("GET").size(), 1U);
}

TEST(S3Faults, an_object_that_arrives_cut_short_is_read_again) {
  const FaultyServer server([tries = 0](const SeenRequest&) mutable -> FaultyReply {
    return {200, {{"ETag", "\"v\""}}, "abc", tries++ == 0 ? How::kShortBody : How::kAnswer};
  });
  EXPECT_EQ(OpenOn(server)->Get("k").ValueOrDie().bytes, "abc");
  EXPECT_EQ(server.Seen("GET").size(), 2U);
}

TEST(S3Faults, a_403_for_a_read_says_that_the_object_may_just_be_missing) {
  const FaultyServer server([](const SeenRequest&) { return ErrorReply(403, "AccessDenied"); });
  const auto store = OpenOn(server);
  for (const auto& status : {store->Get("k").status(), store->Head("k").status()}) {
    EXPECT_EQ(KindOf(status), ErrorKind::kDenied);
    EXPECT_THAT(status.message(), HasSubstr("or the object is missing"));
    EXPECT_THAT(status.message(), HasSubstr("arn:aws:s3:::lake"));
  }
}

TEST(S3Faults, a_listing_out_of_order_is_refused) {
  const FaultyServer server([](const SeenRequest&) -> FaultyReply {
    return {200,
            {},
            "<ListBucketResult><Contents><Key>b</Key></Contents><Contents><Key>a</Key></Contents>"
            "</ListBucketResult>",
            How::kAnswer};
  });
  const arrow::Status status = OpenOn(server)->List("", "", 10).status();
  EXPECT_EQ(KindOf(status), ErrorKind::kPermanent);
  EXPECT_THAT(status.message(), HasSubstr("byte order"));
}

TEST(S3Faults, a_listing_that_never_ends_is_refused) {
  const FaultyServer server([](const SeenRequest&) -> FaultyReply {
    return {200,
            {},
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t"
            "</NextContinuationToken></ListBucketResult>",
            How::kAnswer};
  });
  EXPECT_EQ(KindOf(OpenOn(server)->List("", "", 10).status()), ErrorKind::kPermanent);
  EXPECT_EQ(server.Seen("GET").size(), 2U);
}

TEST(S3Faults, a_server_that_is_not_there_is_transient_and_names_the_endpoint) {
  const int port = [] {
    const FaultyServer gone(InTurn({kStored}));
    return std::stoi(gone.endpoint().substr(gone.endpoint().rfind(':') + 1));
  }();
  const std::string endpoint = "http://127.0.0.1:" + std::to_string(port);
  const auto store = OpenS3Store(OptionsFor(endpoint)).ValueOrDie();
  const arrow::Status status = store->Get("k").status();
  EXPECT_EQ(KindOf(status), ErrorKind::kTransient);
  EXPECT_THAT(status.message(), HasSubstr("endpoint"));
}

FaultyReply Refuses(const std::string& message) {
  return {
      400, {}, "<Error><Code>InvalidArgument</Code><Message>" + message + "</Message></Error>", {}};
}

// As Backblaze B2 says it.
const char kUnsupported[] =
    "Unsupported header 'x-amz-checksum-sha256' received for this API call.";
// As AWS says it of buckets with object lock.
const char kMd5Wanted[] =
    "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object "
    "Lock parameters";

TEST(BodyChecksum, a_store_that_refuses_it_serves_without) {
  const FaultyServer server([](const SeenRequest& request) {
    return request.headers.contains("x-amz-checksum-sha256") ? Refuses(kUnsupported) : kStored;
  });
  const auto store = OpenOn(server);
  EXPECT_EQ(Put(*store).ValueOrDie(), PutResult::kCreated);
  EXPECT_THAT(store->TakeNotes(), ::testing::ElementsAre(HasSubstr("sent without it")));
  EXPECT_EQ(Put(*store).ValueOrDie(), PutResult::kCreated);
  const auto puts = server.Seen("PUT");
  ASSERT_EQ(puts.size(), 3U) << "it is asked for once";
  EXPECT_EQ(puts[2].headers.at("x-amz-content-sha256"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_TRUE(store->TakeNotes().empty());
}

TEST(BodyChecksum, a_store_that_asks_for_content_md5_gets_it) {
  const FaultyServer server([](const SeenRequest& request) {
    return request.headers.contains("content-md5") ? kStored : Refuses(kMd5Wanted);
  });
  EXPECT_EQ(Put(*OpenOn(server)).ValueOrDie(), PutResult::kCreated);
  EXPECT_EQ(server.Seen("PUT").back().headers.at("content-md5"), "kAFQmDzST7DWlj99KOF/cg==");
}

TEST(BodyChecksum, a_store_that_wants_neither_is_not_asked_for_ever) {
  const FaultyServer server([](const SeenRequest& request) {
    return Refuses(request.headers.contains("content-md5") ? kUnsupported : kMd5Wanted);
  });
  EXPECT_THAT(Put(*OpenOn(server)).status().message(), HasSubstr("Unsupported header"));
  EXPECT_EQ(server.Seen("PUT").size(), 2U);
}

TEST(BodyChecksum, none_is_sent_where_aws_settings_spare_it) {
  const FaultyServer server(InTurn({kStored}));
  S3Options options = OptionsFor(server.endpoint());
  options.spares_checksum = true;
  EXPECT_TRUE(Put(*OpenS3Store(options).ValueOrDie()).ok());
  EXPECT_FALSE(server.Seen("PUT")[0].headers.contains("x-amz-checksum-sha256"));
}

TEST(Expect, a_short_body_is_sent_at_once_and_a_long_one_waits_for_the_answer_to_its_head) {
  const FaultyServer server(InTurn({kStored}));
  const auto store = OpenOn(server);
  ASSERT_TRUE(Put(*store).ok());
  ASSERT_TRUE(store->Put("k", *Spool::FromBytes(std::string(2 << 20, 'x')), {}).ok());
  const auto puts = server.Seen("PUT");
  EXPECT_FALSE(puts[0].headers.contains("expect"));
  EXPECT_TRUE(puts[1].headers.contains("expect"));
}

TEST(LongReply, an_error_is_told_by_its_begin) {
  const FaultyServer server([](const SeenRequest&) {
    FaultyReply reply = ErrorReply(403, "AccessDenied");
    reply.body += std::string(4 << 20, ' ');
    return reply;
  });
  const auto refused = Put(*OpenOn(server)).status();
  EXPECT_EQ(KindOf(refused), ErrorKind::kDenied);
  EXPECT_THAT(refused.message(), HasSubstr("AccessDenied"));
}

TEST(LongReply, what_no_request_can_have_as_its_answer_is_broken_off) {
  const FaultyServer server([](const SeenRequest& request) -> FaultyReply {
    const bool is_listing = request.target.find("list-type=2") != std::string::npos;
    return {200, {{"ETag", "\"v\""}}, std::string((is_listing ? 17 : 65) << 20, ' '), {}};
  });
  const auto store = OpenOn(server);
  EXPECT_THAT(store->List("", "", 10).status().message(), HasSubstr("longer than 16777216 bytes"));
  EXPECT_THAT(store->Get("k").status().message(), HasSubstr("longer than 67108864 bytes"));
}

TEST(LongReply, endless_header_lines_are_broken_off) {
  const FaultyServer server([](const SeenRequest&) {
    FaultyReply reply = kStored;
    for (int i = 0; i < 400; ++i) reply.headers["X-" + std::to_string(i)] = std::string(1'000, 'x');
    return reply;
  });
  EXPECT_THAT(Put(*OpenOn(server)).status().message(), HasSubstr("head is longer than 262144"));
}

}  // namespace
}  // namespace cdc::store
