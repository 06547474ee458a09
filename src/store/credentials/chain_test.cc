#include "store/credentials/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>
#include <utility>

#include "store/credentials/aws_settings.h"
#include "store/store.h"
#include "store/testing/child_process.h"
#include "store/testing/faulty_server.h"

// Where credentials are found, and what each place says. Fake services on the loopback interface
// stand for STS, the container's agent and the instance's metadata.

namespace cdc::store {
namespace {

using ::testing::AllOf;
using testing::FaultyReply;
using testing::FaultyServer;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SeenRequest;

FaultyReply Says(const std::string& body, int status = 200) { return {status, {}, body, {}}; }

std::string Json(const std::string& id, const std::string& token_name = "Token") {
  return R"({"Version":1,"AccessKeyId":")" + id + R"(","SecretAccessKey":"s-)" + id + R"(",")" +
         token_name + R"(":"t-)" + id + R"(","Expiration":"2030-01-02T03:04:05Z"})";
}

// A reply of STS. Only a web identity is asked for unsigned.
FaultyReply StsSays(const SeenRequest& request) {
  const std::string action =
      request.headers.contains("authorization") ? "AssumeRole" : "AssumeRoleWithWebIdentity";
  return Says("<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" +
              action + "Result><Credentials><AccessKeyId>ASIA-" + action +
              "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
              "<Expiration>2030-01-02T03:04:05Z</Expiration></Credentials></" +
              action + "Result></" + action + "Response>");
}

class CredentialsChainTest : public ::testing::Test {
 protected:
  CredentialsChainTest() {
    options_.region = "eu-west-1";
    options_.environment = {{"HOME", folder_.path()}, {"AWS_EC2_METADATA_DISABLED", "true"}};
  }

  std::string File(const std::string& name, const std::string& text) {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  AwsSettings Settings() const { return ReadAwsSettings(options_).ValueOrDie(); }
  void Config(const std::string& text) {
    options_.environment["AWS_CONFIG_FILE"] = File("config", text);
  }
  void CredentialsFile(const std::string& text) {
    options_.environment["AWS_SHARED_CREDENTIALS_FILE"] = File("credentials", text);
  }
  void AskSts(const FaultyServer& server) {
    options_.environment["AWS_ENDPOINT_URL_STS"] = server.endpoint();
  }

  // "place: access key", or the message.
  std::string Found() {
    const auto opened = OpenCredentials(options_);
    if (!opened.ok()) {
      kind_ = KindOf(opened.status());
      return opened.status().message();
    }
    got_ = (*opened)->Get().ValueOrDie().credentials;
    return (*opened)->place() + ": " + got_.access_key_id;
  }

  testing::TempFolder folder_;
  CredentialsOptions options_;
  Credentials got_;
  ErrorKind kind_ = ErrorKind::kPermanent;
};

TEST_F(CredentialsChainTest, without_any_every_place_says_why_not) {
  const std::string said = Found();
  EXPECT_EQ(kind_, ErrorKind::kNoCredentials);
  EXPECT_THAT(said, AllOf(HasSubstr("settings: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
                          HasSubstr("web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set"),
                          HasSubstr("profile default: no such profile in " + folder_.path() +
                                    "/.aws/config (not there)"),
                          HasSubstr("container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
                          HasSubstr("instance metadata: AWS_EC2_METADATA_DISABLED is true"),
                          HasSubstr("anonymous = true")));
}

TEST_F(CredentialsChainTest, the_places_are_asked_in_the_order_of_awss_tools) {
  const FaultyServer agent([](const SeenRequest&) { return Says(Json("CONTAINER")); });
  const FaultyServer sts(StsSays);
  AskSts(sts);
  options_.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.endpoint() + "/creds";
  EXPECT_EQ(Found(), "container: CONTAINER");
  CredentialsFile("[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n");
  EXPECT_EQ(Found(), "profile default: FILE");
  options_.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = File("token", "jwt\n");
  options_.environment["AWS_ROLE_ARN"] = "arn:aws:iam::111122223333:role/r";
  EXPECT_EQ(Found(), "web identity: ASIA-AssumeRoleWithWebIdentity");
  options_.keys = {"SET", "s", ""};
  EXPECT_EQ(Found(), "settings: SET");
}

TEST_F(CredentialsChainTest, web_identity_hands_the_token_to_sts_in_the_body_and_unsigned) {
  const FaultyServer sts(StsSays);
  AskSts(sts);
  options_.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = File("token", "a.b/c+d=\n");
  options_.environment["AWS_ROLE_ARN"] = "arn:aws:iam::111122223333:role/r";
  options_.environment["AWS_ROLE_SESSION_NAME"] = "pod-1";
  Found();
  const SeenRequest asked = sts.Seen("POST").at(0);
  EXPECT_EQ(asked.target, "/");
  EXPECT_EQ(asked.body,
            "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fr&"
            "RoleSessionName=pod-1&Version=2011-06-15&WebIdentityToken=a.b%2Fc%2Bd%3D");
  EXPECT_FALSE(asked.headers.contains("authorization"));
  EXPECT_EQ(got_.session_token, "t");
  EXPECT_EQ(got_.expires_at, UtcTime(std::chrono::sys_days(std::chrono::year(2030) / 1 / 2)) +
                                 std::chrono::seconds(3 * 3600 + 4 * 60 + 5));
}

TEST_F(CredentialsChainTest, web_identity_that_is_half_set_up_or_refused_is_an_error_of_its_own) {
  // The profile would have credentials, but of another identity.
  CredentialsFile("[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n");
  options_.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder_.path() + "/token";
  EXPECT_THAT(Found(), HasSubstr("AWS_ROLE_ARN is not"));
  options_.environment["AWS_ROLE_ARN"] = "arn:aws:iam::111122223333:role/r";
  EXPECT_THAT(Found(), AllOf(HasSubstr(folder_.path() + "/token: there is no such file"),
                             HasSubstr("AWS_WEB_IDENTITY_TOKEN_FILE names it")));
  EXPECT_EQ(kind_, ErrorKind::kNoCredentials);
  File("token", "secret-jwt");
  const FaultyServer sts([](const SeenRequest&) {
    return Says(
        "<ErrorResponse><Error><Code>ExpiredTokenException</Code><Message>old</Message>"
        "</Error></ErrorResponse>",
        400);
  });
  AskSts(sts);
  EXPECT_THAT(Found(), AllOf(HasSubstr("credentials from web identity: "),
                             HasSubstr("arn:aws:iam::111122223333:role/r"),
                             HasSubstr("is the file still renewed?"), HasSubstr("\"old\""),
                             Not(HasSubstr("secret-jwt"))));
  EXPECT_EQ(kind_, ErrorKind::kDenied);
}

TEST_F(CredentialsChainTest, sts_that_is_busy_is_asked_again) {
  const FaultyServer sts([tries = 0](const SeenRequest& request) mutable {
    return tries++ == 0 ? Says("", 503) : StsSays(request);
  });
  AskSts(sts);
  options_.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = File("token", "jwt");
  options_.environment["AWS_ROLE_ARN"] = "r";
  EXPECT_EQ(Found(), "web identity: ASIA-AssumeRoleWithWebIdentity");
}

TEST_F(CredentialsChainTest, a_profile_is_read_from_both_files) {
  Config(
      "# both files\n[default]\nregion = eu-north-1\n\n[profile lake]\nregion=eu-west-3\n"
      "s3 =\n  addressing_style = path\naws_access_key_id = OLD\naws_secret_access_key = old\n"
      "[profile \"two words\"]\naws_access_key_id = QUOTED\naws_secret_access_key = s\n"
      "[sso-session lake]\naws_access_key_id = NO\n");
  CredentialsFile(
      "[lake]\r\nAWS_ACCESS_KEY_ID = LAKE\r\naws_secret_access_key = a=b/c+d\r\n"
      "aws_session_token = tok\r\n; a comment\n");
  options_.profile = "lake";
  EXPECT_EQ(Found(), "profile lake: LAKE");
  EXPECT_EQ(got_.secret_access_key, "a=b/c+d");
  EXPECT_EQ(got_.session_token, "tok");
  EXPECT_EQ(Settings().region, "eu-west-3");
  options_.profile = "two words";
  EXPECT_EQ(Found(), "profile two words: QUOTED");
  options_.profile = "";
  EXPECT_EQ(Settings().region, "eu-north-1");
}

TEST_F(CredentialsChainTest, an_endpoint_of_the_profile_is_that_of_its_service_first) {
  Config(
      "[default]\nendpoint_url = http://all:1\n[profile s3]\nservices = here\n"
      "endpoint_url = http://all:2\n[services here]\ndynamodb =\n  endpoint_url = http://no:3\n"
      "s3 =\n  endpoint_url = http://s3:4\n  addressing_style\n");
  EXPECT_EQ(Settings().endpoint, "http://all:1");
  options_.profile = "s3";
  EXPECT_EQ(Settings().endpoint, "http://s3:4");
  options_.environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(Settings().endpoint, "");
}

TEST_F(CredentialsChainTest, a_variable_of_awss_is_heard_before_the_profile) {
  Config(
      "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = TRUE\n"
      "request_checksum_calculation = when_required\n");
  EXPECT_TRUE(Settings().use_fips && Settings().use_dualstack && Settings().spares_checksum);
  options_.environment["AWS_USE_FIPS_ENDPOINT"] = "false";
  options_.environment["AWS_REQUEST_CHECKSUM_CALCULATION"] = "when_supported";
  EXPECT_FALSE(Settings().use_fips || Settings().spares_checksum);
  options_.environment["AWS_REQUEST_CHECKSUM_CALCULATION"] = "sometimes";
  EXPECT_THAT(ReadAwsSettings(options_).status().message(),
              AllOf(HasSubstr("AWS_REQUEST_CHECKSUM_CALCULATION is \"sometimes\""),
                    HasSubstr("when_required")));
}

TEST_F(CredentialsChainTest, the_files_are_found_in_the_home_folder) {
  mkdir((folder_.path() + "/.aws").c_str(), 0700);
  File(".aws/credentials", "[default]\naws_access_key_id=HOME\naws_secret_access_key=s\n");
  EXPECT_EQ(Found(), "profile default: HOME");
}

TEST_F(CredentialsChainTest, a_named_profile_that_does_not_work_is_an_error_and_no_other_is_used) {
  const FaultyServer agent([](const SeenRequest&) { return Says(Json("CONTAINER")); });
  options_.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.endpoint();
  Config(
      "[profile half]\naws_access_key_id = HALF\n"
      "[profile sso]\nsso_session = corp\n"
      "[profile loop]\nrole_arn = r\nsource_profile = loop2\n"
      "[profile loop2]\nrole_arn = r\nsource_profile = loop\n"
      "[profile nobody]\nrole_arn = r\n"
      "[profile mfa]\nrole_arn = r\nmfa_serial = m\nsource_profile = half\n");
  const std::pair<const char*, const char*> cases[] = {
      {"missing", "profile missing: there is no such profile in "},
      {"half", "only one is there"},
      {"sso", "aws configure export-credentials --profile"},
      {"loop", "leads back to itself"},
      {"nobody", "neither source_profile, credential_source nor web_identity_token_file"},
      {"mfa", "nobody is there to type it"},
  };
  for (const auto& [profile, message] : cases) {
    options_.profile = profile;
    EXPECT_THAT(Found(), HasSubstr(message)) << profile;
    EXPECT_EQ(kind_, ErrorKind::kNoCredentials) << profile;
  }
  EXPECT_TRUE(agent.Seen("GET").empty());
}

TEST_F(CredentialsChainTest, a_file_that_is_none_of_awss_is_told_with_its_line_and_not_its_text) {
  CredentialsFile("[default]\naws_access_key_id = A\nSECRETWITHOUTNAME\n");
  EXPECT_THAT(Found(), AllOf(HasSubstr("/credentials line 3: not name = value"),
                             Not(HasSubstr("SECRETWITHOUTNAME"))));
  CredentialsFile("[default\n");
  EXPECT_THAT(Found(), HasSubstr("line 1: a heading without its ]"));
}

TEST_F(CredentialsChainTest, a_role_is_assumed_as_the_source_profile) {
  const FaultyServer sts(StsSays);
  AskSts(sts);
  Config(
      "[profile lake]\nrole_arn = arn:aws:iam::1:role/lake\nsource_profile = base\n"
      "role_session_name = nightly\nexternal_id = x 1\nduration_seconds = 900\n");
  CredentialsFile(
      "[base]\naws_access_key_id = BASE\naws_secret_access_key = s\n"
      "aws_session_token = tok\n");
  options_.profile = "lake";
  EXPECT_EQ(Found(), "profile lake: ASIA-AssumeRole");
  const SeenRequest asked = sts.Seen("POST").at(0);
  EXPECT_EQ(asked.body,
            "Action=AssumeRole&DurationSeconds=900&ExternalId=x%201&RoleArn=arn%3Aaws%3Aiam%3A%3A1"
            "%3Arole%2Flake&RoleSessionName=nightly&Version=2011-06-15");
  EXPECT_THAT(asked.headers.at("authorization"),
              AllOf(HasSubstr("Credential=BASE/"), HasSubstr("/eu-west-1/sts/aws4_request"),
                    HasSubstr("content-type;host;x-amz-date;x-amz-security-token")));
  EXPECT_EQ(asked.headers.at("x-amz-security-token"), "tok");
}

TEST_F(CredentialsChainTest, a_role_can_stand_on_a_chain_of_roles_on_its_own_keys_or_a_container) {
  const FaultyServer sts(StsSays);
  const FaultyServer agent([](const SeenRequest&) { return Says(Json("CONTAINER")); });
  AskSts(sts);
  options_.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.endpoint();
  Config(
      "[profile one]\nrole_arn = r1\nsource_profile = two\n"
      "[profile two]\nrole_arn = r2\nsource_profile = three\n"
      "[profile three]\naws_access_key_id = THREE\naws_secret_access_key = s\n"
      "[profile own]\nrole_arn = r\nsource_profile = own\n"
      "aws_access_key_id = OWN\naws_secret_access_key = s\n"
      "[profile task]\nrole_arn = r\ncredential_source = EcsContainer\n");
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"one", {"THREE", "ASIA-AssumeRole"}}, {"own", {"OWN"}}, {"task", {"CONTAINER"}}};
  size_t asked = 0;
  for (const auto& [profile, identities] : cases) {
    options_.profile = profile;
    EXPECT_EQ(Found(), "profile " + profile + ": ASIA-AssumeRole");
    for (const auto& identity : identities) {
      EXPECT_THAT(sts.Seen("POST").at(asked++).headers.at("authorization"),
                  HasSubstr("Credential=" + identity + "/"));
    }
  }
}

TEST_F(CredentialsChainTest, a_profile_may_have_a_web_identity) {
  const FaultyServer sts(StsSays);
  AskSts(sts);
  Config("[default]\nrole_arn = r\nweb_identity_token_file = " + File("token", "jwt") + "\n");
  EXPECT_EQ(Found(), "profile default: ASIA-AssumeRoleWithWebIdentity");
}

TEST_F(CredentialsChainTest, a_profile_may_have_a_process) {
  Config("[default]\ncredential_process = cat '" + File("answer", Json("PROCESS", "SessionToken")) +
         "'\n");
  EXPECT_EQ(Found(), "profile default: PROCESS");
  EXPECT_EQ(got_.session_token, "t-PROCESS");
  EXPECT_TRUE(got_.expires_at.has_value());
  // It sees the variables that this program was given, from .env too.
  options_.environment["AWS_WHO"] = "me";
  Config("[default]\ncredential_process = test \"$AWS_WHO\" = me && cat " + folder_.path() +
         "/answer\n");
  EXPECT_EQ(Found(), "profile default: PROCESS");
}

TEST_F(CredentialsChainTest, a_process_that_fails_is_told_by_its_stderr_and_never_its_stdout) {
  Config("[default]\ncredential_process = echo SECRET; echo sign in first >&2; exit 3\n");
  EXPECT_THAT(Found(), AllOf(HasSubstr("exit code 3: sign in first"), Not(HasSubstr("SECRET"))));
  Config("[default]\ncredential_process = echo SECRET\n");
  EXPECT_THAT(Found(), AllOf(HasSubstr("no JSON object"), Not(HasSubstr("SECRET"))));
  Config("[default]\ncredential_process = echo '{\"AccessKeyId\":\"SECRET\"}'\n");
  EXPECT_THAT(Found(), AllOf(HasSubstr("lacks"), Not(HasSubstr("SECRET"))));
}

TEST_F(CredentialsChainTest, a_containers_address_is_told_without_what_may_be_secret_in_it) {
  for (const char* url : {"http://me:hunter2@127.0.0.1:1/creds", "http://127.0.0.1:1/c?key=hunter2",
                          "http://example.com/?key=hunter2"}) {
    options_.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    EXPECT_THAT(Found(), AllOf(HasSubstr("***"), Not(HasSubstr("hunter2"))));
  }
}

TEST_F(CredentialsChainTest, a_container_is_asked_with_the_token_of_its_file) {
  const FaultyServer agent([](const SeenRequest&) { return Says(Json("POD")); });
  options_.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.endpoint() + "/v1/creds?x=1";
  options_.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "Basic variable";
  EXPECT_EQ(Found(), "container: POD");
  options_.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = File("token", "Basic file\n");
  EXPECT_EQ(Found(), "container: POD");
  EXPECT_EQ(agent.Seen("GET").at(0).target, "/v1/creds?x=1");
  EXPECT_EQ(agent.Seen("GET").at(0).headers.at("authorization"), "Basic variable");
  EXPECT_EQ(agent.Seen("GET").at(1).headers.at("authorization"), "Basic file");
  File("token", "a\r\nHost: elsewhere");
  EXPECT_THAT(Found(), HasSubstr("line break"));
}

TEST_F(CredentialsChainTest, a_container_address_that_the_token_must_not_go_to_is_refused) {
  for (const char* url :
       {"http://example.com/creds", "http://127.0.0.1.example.com/", "http://169.254.169.254/",
        "http://localhost@example.com/", "ftp://localhost/", "http://[::2]/", "localhost:80"}) {
    options_.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    EXPECT_THAT(Found(), HasSubstr("must be https://")) << url;
    EXPECT_EQ(kind_, ErrorKind::kNoCredentials);
  }
}

TEST_F(CredentialsChainTest, a_container_that_refuses_is_an_error_with_what_it_says) {
  const FaultyServer agent([](const SeenRequest&) { return Says("no\nsuch role", 404); });
  options_.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.endpoint();
  EXPECT_THAT(Found(), HasSubstr("credentials from container: " + agent.endpoint() +
                                 ": HTTP 404: no such role"));
  EXPECT_EQ(kind_, ErrorKind::kDenied);
}

class InstanceTest : public CredentialsChainTest {
 protected:
  InstanceTest() { options_.environment.erase("AWS_EC2_METADATA_DISABLED"); }
  void Ask(const FaultyServer& server) {
    options_.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server.endpoint() + "/";
  }
  static FaultyReply Metadata(const SeenRequest& request) {
    if (request.method == "PUT") {
      return Says("session");
    }
    if (request.target == "/latest/meta-data/iam/security-credentials/") {
      return Says("lake-role");
    }
    return request.target.ends_with("/lake-role") ? Says(Json("ASIA-INSTANCE")) : Says("", 404);
  }
};

TEST_F(InstanceTest, the_role_of_the_instance_is_asked_with_a_session_token) {
  const FaultyServer metadata(Metadata);
  Ask(metadata);
  EXPECT_EQ(Found(), "instance metadata: ASIA-INSTANCE");
  const SeenRequest put = metadata.Seen("PUT").at(0);
  EXPECT_EQ(put.target, "/latest/api/token");
  EXPECT_EQ(put.headers.at("x-aws-ec2-metadata-token-ttl-seconds"), "300");
  EXPECT_EQ(put.headers.at("content-length"), "0");
  ASSERT_EQ(metadata.Seen("GET").size(), 2U);
  for (const auto& get : metadata.Seen("GET")) {
    EXPECT_EQ(get.headers.at("x-aws-ec2-metadata-token"), "session");
  }
}

TEST_F(InstanceTest, an_instance_without_a_role_says_so) {
  const FaultyServer metadata([](const SeenRequest& request) {
    return request.method == "PUT" ? Says("session") : Says("", 404);
  });
  Ask(metadata);
  EXPECT_THAT(Found(), HasSubstr("says that the instance has no role"));
  EXPECT_EQ(kind_, ErrorKind::kNoCredentials);
}

TEST_F(InstanceTest, a_machine_without_the_service_is_known_soon) {
  const FaultyServer silent([](const SeenRequest&) -> FaultyReply {
    return {0, {}, "", FaultyReply::How::kSilence};
  });
  Ask(silent);
  const auto started = std::chrono::steady_clock::now();
  EXPECT_THAT(Found(), HasSubstr("instance metadata: nothing answers at " + silent.endpoint()));
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(15));
  EXPECT_EQ(kind_, ErrorKind::kNoCredentials);
}

TEST_F(InstanceTest, one_try_may_fail) {
  const FaultyServer metadata([tries = 0](const SeenRequest& request) mutable {
    return tries++ == 0 ? testing::Lost() : Metadata(request);
  });
  Ask(metadata);
  EXPECT_EQ(Found(), "instance metadata: ASIA-INSTANCE");
}

}  // namespace
}  // namespace cdc::store
