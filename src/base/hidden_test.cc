#include "base/hidden.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(Hidden, odbc_words_keep_their_names_and_what_is_harmless) {
  EXPECT_EQ(HideOdbcValues("APP=etl; PacketSize=4096"), "APP=etl;PacketSize=4096");
  EXPECT_EQ(HideOdbcValues("PWD=hunter2;WSID={a;b}"), "PWD=***;WSID={a;b}");
  EXPECT_EQ(HideOdbcValues("ClientKey={file:x;password:hunter2};APP=etl"), "ClientKey=***;APP=etl");
  EXPECT_EQ(HideOdbcValues("AccessToken=hunter2"), "AccessToken=***");
  EXPECT_EQ(HideOdbcValues("APP=etl PWD=hunter2"), "APP=***") << "a semicolon was forgotten";
  EXPECT_EQ(HideOdbcValues("APP=etl;hunter2"), "APP=etl;***");
  EXPECT_EQ(HideOdbcValues("hunter2"), "***");
  EXPECT_EQ(HideOdbcValues("hunter2;APP=etl"), "***");
  EXPECT_EQ(HideOdbcValues("KeyStoreSecret={hunter2"), "KeyStoreSecret=***");
  EXPECT_EQ(HideOdbcValues(""), "");
}

TEST(Hidden, urls_lose_user_password_and_query) {
  EXPECT_EQ(HideInUrl("https://minio:9000/a@b"), "https://minio:9000/a@b");
  EXPECT_EQ(HideInUrl("https://AKIA:hunter2@minio:9000"), "https://***@minio:9000");
  EXPECT_EQ(HideInUrl("AKIA:hun@ter2@minio"), "***@minio");
  EXPECT_EQ(HideInUrl("https://minio/x?X-Amz-Signature=hunter2"), "https://minio/x?***");
  EXPECT_EQ(HideInUrl("s3://lake/raw"), "s3://lake/raw");
  EXPECT_FALSE(HoldsSecret("s3://lake/a@b"));
  EXPECT_TRUE(HoldsSecret("s3://AKIA:hunter2@lake"));
  EXPECT_TRUE(HoldsSecret("https://minio?token=hunter2"));
}

TEST(Hidden, a_connection_string_in_place_of_a_name_is_cut) {
  EXPECT_EQ(HideBehindName("db1\\shop,1433"), "db1\\shop,1433");
  EXPECT_EQ(HideBehindName("db1;UID=sa;PWD=hunter2"), "db1;***");
  EXPECT_EQ(HideBehindName("Server=db1;PWD=hunter2"), "Server=***");
  EXPECT_EQ(HideBehindName("sa:hunter2@db1"), "***@db1");
}

}  // namespace
}  // namespace cdc
