#include "rules/start_at.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utc_text.h"
#include "rules/testing/facts.h"

namespace cdc::rules {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Instance;
using testing::L;
using testing::P;

const UtcTime kTime = *ParseUtc("2026-10-25T01:30:00Z");

// An instance that holds all from LSN 10 on; the server shows changes up to 30.
struct Server {
  source::CaptureInstance instance = Instance(1, 1, "A", 10);
  Lsn horizon = L(30);

  Position StartAt(const Start& start, std::optional<Lsn> last_before = {}, bool whole = false) {
    return rules::StartAt(start, {horizon, instance, last_before, whole});
  }
};

source::PollInfo Present() {
  source::PollInfo info;
  info.horizon = source::Horizon{L(30), "t30"};
  info.server_utc = kTime;
  return info;
}

TEST(ParseStart, knows_oldest_now_times_and_lsns_and_says_what_else_is_wrong) {
  EXPECT_TRUE(std::holds_alternative<Oldest>(*ParseStart("oldest")));
  EXPECT_TRUE(std::holds_alternative<Now>(*ParseStart("now")));
  EXPECT_EQ(std::get<UtcTime>(*ParseStart("2026-10-25T03:30:00+02:00")), kTime);
  EXPECT_EQ(std::get<Lsn>(*ParseStart("0x" + L(7).ToString())), L(7));
  EXPECT_FALSE(ParseStart("newest").ok());
}

TEST(ParseStart, refuses_an_lsn_beyond_the_newest_change) {
  EXPECT_TRUE(ParseStart(L(30).ToString(), Present()).ok());
  EXPECT_THAT(ParseStart(L(31).ToString(), Present()).status().message(),
              AllOf(HasSubstr(L(31).ToString()),
                    HasSubstr("lies beyond the newest change, " + L(30).ToString())));
}

TEST(ParseStart, refuses_a_time_in_the_servers_future) {
  EXPECT_TRUE(ParseStart("2026-10-25T01:30:00Z", Present()).ok());
  EXPECT_THAT(ParseStart("2099-01-01", Present()).status().message(),
              AllOf(HasSubstr("start = 2099-01-01 lies in the future"),
                    HasSubstr("it is 2026-10-25T01:30:00Z on the server")));
}

TEST(StartAt, the_oldest_row_is_the_first_that_the_instance_holds) {
  EXPECT_EQ(Server().StartAt(Oldest{}), P(9));
}

TEST(StartAt, all_of_an_instance_that_has_not_begun_comes_after_the_horizon) {
  Server server;
  server.instance = Instance(1, 1, "A", 0);
  EXPECT_EQ(server.StartAt(Oldest{}), P(30));
  EXPECT_EQ(server.StartAt(kTime), P(30));
}

TEST(StartAt, now_is_behind_the_horizon) { EXPECT_EQ(Server().StartAt(Now{}), P(30)); }

TEST(StartAt, a_time_begins_behind_the_last_commit_that_is_surely_before_it) {
  EXPECT_EQ(Server().StartAt(kTime, L(20)), P(20));
}

TEST(StartAt, a_time_before_what_is_kept_begins_with_what_is_kept) {
  EXPECT_EQ(Server().StartAt(kTime, L(5)), P(9));
  EXPECT_EQ(Server().StartAt(kTime, std::nullopt), P(9));
}

TEST(StartAt, a_time_never_begins_beyond_the_horizon) {
  EXPECT_EQ(Server().StartAt(kTime, L(40)), P(30));
}

TEST(StartAt, an_lsn_is_where_it_says_unless_the_instance_is_younger_and_has_lost_nothing) {
  EXPECT_EQ(Server().StartAt(L(20)), P(20));
  EXPECT_EQ(Server().StartAt(L(5), {}, /*whole=*/false), P(5)) << "what lies between is a gap";
  EXPECT_EQ(Server().StartAt(L(5), {}, /*whole=*/true), P(9));
}

TEST(StartAt, only_an_lsn_before_the_instance_asks_whether_that_is_whole) {
  const auto instance = Instance(1, 1, "A", 10);
  EXPECT_TRUE(AsksWhetherWhole(L(5), instance));
  EXPECT_FALSE(AsksWhetherWhole(L(9), instance)) << "the instance holds what comes next";
  EXPECT_FALSE(AsksWhetherWhole(Oldest{}, instance));
  EXPECT_FALSE(AsksWhetherWhole(Now{}, instance));
  EXPECT_FALSE(AsksWhetherWhole(kTime, instance));
}

}  // namespace
}  // namespace cdc::rules
