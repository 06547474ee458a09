#include "source/server_version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc::source {
namespace {

using ::testing::HasSubstr;

CommitTimeMode ModeOf(const char* product, const char* edition, const std::string& zone = "") {
  return CommitTimeOf(VersionOf(product, edition), zone).ValueOrDie().mode;
}

TEST(ServerVersion, a_server_is_told_by_its_product_version_alone) {
  EXPECT_EQ(VersionOf("11.0.2100.60", "3").major, 11);
  EXPECT_EQ(VersionOf("17.0.1000.7", "3").major, 17);
  EXPECT_EQ(VersionOf(std::nullopt, std::nullopt).major, 0);
  EXPECT_TRUE(VersionOf("12.0.2000.8", "5").IsAzureSqlDatabase());
  EXPECT_TRUE(VersionOf("12.0.2000.8", "8").IsManagedInstance());
}

TEST(ServerVersion, servers_from_2022_on_and_azure_know_their_zone) {
  EXPECT_EQ(ModeOf("16.0.1000.6", "3"), CommitTimeMode::kServerZone);
  EXPECT_EQ(ModeOf("12.0.2000.8", "5"), CommitTimeMode::kServerZone);
  EXPECT_EQ(ModeOf("12.0.2000.8", "8"), CommitTimeMode::kServerZone);
  EXPECT_EQ(ModeOf("15.0.2000.5", "3"), CommitTimeMode::kOffsetNow);
  EXPECT_EQ(ModeOf("12.0.2000.8", "3"), CommitTimeMode::kOffsetNow);
}

TEST(ServerVersion, a_named_zone_is_applied_where_the_server_can_and_refused_where_it_cannot) {
  const std::string zone = "W. Europe Standard Time";
  EXPECT_EQ(ModeOf("13.0.1601.5", "3", zone), CommitTimeMode::kNamedZone);
  EXPECT_EQ(ModeOf("12.0.2000.8", "5", zone), CommitTimeMode::kNamedZone);
  for (const char* old : {"11.0.2100.60", "12.0.6024.0"}) {
    const auto refused = CommitTimeOf(VersionOf(old, "3"), zone);
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.status().message(), HasSubstr(old));
    EXPECT_THAT(refused.status().message(), HasSubstr("Leave time_zone out"));
  }
}

TEST(ServerVersion, rights_are_called_as_the_version_calls_them) {
  EXPECT_FALSE(VersionOf("15.0.2000.5", "3").HasNarrowRights());
  EXPECT_TRUE(VersionOf("16.0.1000.6", "3").HasNarrowRights());
}

}  // namespace
}  // namespace cdc::source
