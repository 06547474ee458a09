#include "store/credentials/profile.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "store/credentials/container.h"
#include "store/credentials/instance.h"
#include "store/credentials/process.h"
#include "store/credentials/shared_files.h"
#include "store/store.h"

namespace cdc::store {
namespace {

arrow::Status Wrong(const std::string& name, const std::string& what) {
  return MakeError(ErrorKind::kNoCredentials, fmt::format("profile {}: {}", name, what));
}

class ProfileProvider : public CredentialsProvider {
 public:
  explicit ProfileProvider(ProfileSources sources)
      : name_(sources.name.empty() ? "default" : sources.name),
        named_(!sources.name.empty()),
        sources_(std::move(sources)) {}

  std::string place() const override { return fmt::format("profile {}", name_); }

  arrow::Result<Answer> Fetch() override {
    ARROW_ASSIGN_OR_RAISE(files_, ReadSharedFiles(sources_.environment));
    if (!files_.profiles.contains(name_)) {
      if (named_) {
        return Wrong(name_, fmt::format("there is no such profile in {}", files_.looked_at));
      }
      return Answer{{}, fmt::format("no such profile in {}", files_.looked_at)};
    }
    std::set<std::string> visited;
    return Resolve(name_, &visited);
  }

 private:
  // Through the profiles that one names as its source.
  arrow::Result<Answer> Resolve(const std::string& name, std::set<std::string>* visited) {
    if (!files_.profiles.contains(name)) {
      return Wrong(name, fmt::format("there is no such profile in {}", files_.looked_at));
    }
    if (!visited->insert(name).second) {
      return Wrong(name, "its source_profile leads back to itself");
    }
    const Profile& profile = files_.profiles.at(name);
    if (!ValueOf(profile, "role_arn").empty()) {
      return AssumeRole(name, profile, visited);
    }
    return OwnKeys(name, profile);
  }

  arrow::Result<Answer> OwnKeys(const std::string& name, const Profile& profile) {
    Credentials keys;
    keys.access_key_id = ValueOf(profile, "aws_access_key_id");
    keys.secret_access_key = ValueOf(profile, "aws_secret_access_key");
    keys.session_token = ValueOf(profile, "aws_session_token");
    if (keys.access_key_id.empty() != keys.secret_access_key.empty()) {
      return Wrong(name, "of aws_access_key_id and aws_secret_access_key only one is there");
    }
    if (!keys.access_key_id.empty()) {
      return Answer{std::move(keys), ""};
    }
    if (const std::string& command = ValueOf(profile, "credential_process"); !command.empty()) {
      const auto made = RunCredentialProcess(command, sources_.environment, kProcessTimeout);
      return made.ok() ? arrow::Result<Answer>(Answer{*made, ""})
                       : Wrong(name, made.status().message());
    }
    if (profile.contains("sso_session") || profile.contains("sso_start_url")) {
      return Wrong(name,
                   "it signs in through a browser, which a daemon cannot; use a profile with "
                   "credential_process = aws configure export-credentials --profile <this one>");
    }
    return Answer{{},
                  fmt::format("profile {} has no credentials (read {})", name, files_.looked_at)};
  }

  arrow::Result<Answer> AssumeRole(const std::string& name, const Profile& profile,
                                   std::set<std::string>* visited) {
    Role role;
    role.arn = ValueOf(profile, "role_arn");
    role.session_name = ValueOf(profile, "role_session_name");
    role.external_id = ValueOf(profile, "external_id");
    role.duration_seconds = ValueOf(profile, "duration_seconds");
    if (!ValueOf(profile, "mfa_serial").empty()) {
      return Wrong(name, "mfa_serial asks for a code at every start; nobody is there to type it");
    }
    if (const std::string& file = ValueOf(profile, "web_identity_token_file"); !file.empty()) {
      ARROW_ASSIGN_OR_RAISE(const std::string token,
                            ReadSmallFile(file, fmt::format("profile {}", name)));
      ARROW_ASSIGN_OR_RAISE(auto credentials, sources_.sts->AssumeRoleWithWebIdentity(role, token));
      return Answer{std::move(credentials), ""};
    }
    ARROW_ASSIGN_OR_RAISE(const Answer base, Base(name, profile, visited));
    if (!base.credentials) {
      return Wrong(name, fmt::format("nobody to assume role_arn as: {}", base.why_not));
    }
    ARROW_ASSIGN_OR_RAISE(auto credentials, sources_.sts->AssumeRole(role, *base.credentials));
    return Answer{std::move(credentials), ""};
  }

  // Who assumes the role.
  arrow::Result<Answer> Base(const std::string& name, const Profile& profile,
                             std::set<std::string>* visited) {
    const std::string& source = ValueOf(profile, "source_profile");
    if (source == name) {  // a role on top of the profile's own keys
      return OwnKeys(name, profile);
    }
    if (!source.empty()) {
      return Resolve(source, visited);
    }
    const std::string& from = ValueOf(profile, "credential_source");
    if (from == "Environment" && !sources_.settings.access_key_id.empty()) {
      return Answer{sources_.settings, ""};
    }
    if (from == "EcsContainer") {
      return MakeContainerProvider(sources_.environment)->Fetch();
    }
    if (from == "Ec2InstanceMetadata") {
      return MakeInstanceProvider(sources_.environment)->Fetch();
    }
    return Answer{{},
                  from.empty() ? "it has neither source_profile, credential_source nor "
                                 "web_identity_token_file"
                               : fmt::format("credential_source = {} gives none", from)};
  }

  const std::string name_;
  const bool named_;
  const ProfileSources sources_;
  SharedFiles files_;
};

}  // namespace

std::unique_ptr<CredentialsProvider> MakeProfileProvider(ProfileSources sources) {
  return std::make_unique<ProfileProvider>(std::move(sources));
}

}  // namespace cdc::store
