#include "config/own_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/config.h"

namespace cdc::config {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uid_t kMe = 4242;
constexpr uid_t kRoot = 0;
constexpr uid_t kOther = 4343;

std::string Judged(uid_t owner, mode_t mode, uid_t me = kMe) {
  struct stat file {};
  file.st_uid = owner;
  file.st_mode = mode;
  return CheckOwn(file, me, "/srv/my shop/.env").message();
}

TEST(OwnFile, what_others_may_write_is_refused_with_the_command_that_helps) {
  for (const mode_t mode : {0600, 0400, 0644, 0444, 0755}) {
    EXPECT_EQ(Judged(kMe, S_IFREG | mode), "") << std::oct << mode;
    EXPECT_EQ(Judged(kRoot, S_IFREG | mode), "") << std::oct << mode;
  }
  for (const mode_t mode : {0664, 0620, 0646, 0602, 0777}) {
    const std::string why = Judged(kMe, S_IFREG | mode);
    EXPECT_THAT(why, AllOf(HasSubstr("others may write it (mode 0"),
                           HasSubstr("chmod go-w '/srv/my shop/.env'")));
    EXPECT_EQ(Judged(kRoot, S_IFREG | mode), why);
  }
  EXPECT_EQ(Judged(kMe, S_IFIFO | 0666), "") << "what comes through a pipe does not stay";
}

TEST(OwnFile, what_is_somebody_elses_is_refused_with_the_command_that_helps) {
  EXPECT_THAT(Judged(kOther, S_IFREG | 0600),
              AllOf(HasSubstr("it belongs to 4343, and 4242 runs this"),
                    HasSubstr("chown 4242 '/srv/my shop/.env'")));
  EXPECT_THAT(Judged(kOther, S_IFIFO | 0600), HasSubstr("belongs to 4343"));
  EXPECT_THAT(Judged(kMe, S_IFREG | 0600, kRoot), HasSubstr("chown root"))
      << "root takes orders from nobody";
  EXPECT_EQ(Judged(kRoot, S_IFREG | 0600, kRoot), "");
}

class OwnFileTest : public ::testing::Test {
 protected:
  OwnFileTest() {
    std::string name = (fs::temp_directory_path() / "own-file-test-XXXXXX").string();
    inputs_.folder = mkdtemp(name.data());
  }
  ~OwnFileTest() override { fs::remove_all(inputs_.folder); }

  std::string File(const std::string& name, mode_t mode, const std::string& text) {
    const std::string path = inputs_.folder + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  std::string Error() { return Load(inputs_).status().message(); }

  Inputs inputs_;
};

TEST_F(OwnFileTest, settings_that_others_may_write_are_not_read) {
  const std::string dotenv = File(".env", 0664, "SQL_SERVER_DRIVER=/tmp/evil.so\n");
  EXPECT_THAT(Error(), AllOf(HasSubstr(".env: others may write it (mode 0664)"),
                             HasSubstr("chmod go-w " + dotenv)));
  fs::remove(dotenv);
  const std::string toml = File("cdc-to-s3.toml", 0646, "[source]\ndriver = \"/tmp/evil.so\"\n");
  EXPECT_THAT(Error(), AllOf(HasSubstr("cdc-to-s3.toml: others may write it (mode 0646)"),
                             HasSubstr("chmod go-w " + toml)));
  inputs_.toml_path = toml;
  EXPECT_THAT(Error(), HasSubstr("others may write it"));
  EXPECT_EQ(chmod(toml.c_str(), 0644), 0);
  EXPECT_EQ(Error(), "");
}

// As Kubernetes mounts a ConfigMap: a link to a folder's file by way of another link.
TEST_F(OwnFileTest, a_link_is_judged_by_what_it_leads_to) {
  fs::create_directory(inputs_.folder + "/..2026");
  File("..2026/cdc-to-s3.toml", 0644, "[source]\nhost = \"db1\"\n");
  fs::create_symlink("..2026", inputs_.folder + "/..data");
  fs::create_symlink("..data/cdc-to-s3.toml", inputs_.folder + "/cdc-to-s3.toml");
  fs::permissions(inputs_.folder, fs::perms::all);
  EXPECT_EQ(Load(inputs_).ValueOrDie().source.host, "db1");
  File("..2026/cdc-to-s3.toml", 0666, "[source]\nhost = \"db1\"\n");
  EXPECT_THAT(Error(), HasSubstr("others may write it (mode 0666)"));
}

TEST_F(OwnFileTest, no_file_a_folder_or_an_empty_device_is_no_setting) {
  EXPECT_EQ(Error(), "");
  fs::create_directory(inputs_.folder + "/.env");  // where Python keeps an environment
  EXPECT_EQ(Error(), "");
  inputs_.toml_path = "/dev/null";
  EXPECT_EQ(Error(), "");
  inputs_.toml_path = inputs_.folder;
  EXPECT_THAT(Error(), HasSubstr("cannot be read: Is a directory"));
}

TEST_F(OwnFileTest, what_is_longer_than_settings_are_is_not_taken_in) {
  File("cdc-to-s3.toml", 0600, std::string(5 << 20, '#'));
  EXPECT_THAT(Error(), HasSubstr("cdc-to-s3.toml: is longer than any settings are"));
}

}  // namespace
}  // namespace cdc::config
