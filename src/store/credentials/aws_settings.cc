#include "store/credentials/aws_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "store/credentials/shared_files.h"
#include "store/store.h"

namespace cdc::store {
namespace {

struct Found {
  std::string text;
  std::string where;  // for messages
};

class Reader {
 public:
  explicit Reader(const CredentialsOptions& options) : environment_(options.environment) {
    const auto files = ReadSharedFiles(environment_);
    name_ = options.profile.empty() ? "default" : options.profile;
    if (!files.ok()) return;
    if (const auto found = files->profiles.find(name_); found != files->profiles.end()) {
      profile_ = found->second;
    }
    const auto services = files->services.find(ValueOf(profile_, "services"));
    if (services != files->services.end()) services_ = services->second;
  }

  const std::string& OfProfile(const std::string& member) const {
    return ValueOf(profile_, member);
  }

  std::string Endpoint() const {
    std::string ignored = ValueOf(environment_, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    if (ignored.empty()) ignored = OfProfile("ignore_configured_endpoint_urls");
    if (Lower(ignored) == "true") return "";
    const std::string& of_s3 = ValueOf(services_, "s3.endpoint_url");
    return of_s3.empty() ? OfProfile("endpoint_url") : of_s3;
  }

  arrow::Result<bool> IsTrue(const char* variable, const char* member) const {
    return Is(variable, member, "true", "false");
  }
  // Which of two words stands there; the second one where none does.
  arrow::Result<bool> Is(const char* variable, const char* member, const char* word,
                         const char* other) const {
    Found found{ValueOf(environment_, variable), variable};
    if (found.text.empty()) {
      found = {OfProfile(member), fmt::format("{} of profile {}", member, name_)};
    }
    const std::string text = Lower(found.text);
    if (text == word) return true;
    if (text.empty() || text == other) return false;
    return MakeError(ErrorKind::kPermanent, fmt::format("{} is \"{}\", and neither {} nor {}",
                                                        found.where, found.text, word, other));
  }

 private:
  static std::string Lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  }

  const Environment& environment_;
  std::string name_;
  Profile profile_;
  Profile services_;
};

}  // namespace

arrow::Result<AwsSettings> ReadAwsSettings(const CredentialsOptions& options) {
  const Reader reader(options);
  AwsSettings settings;
  settings.region = reader.OfProfile("region");
  settings.endpoint = reader.Endpoint();
  ARROW_ASSIGN_OR_RAISE(settings.use_fips,
                        reader.IsTrue("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"));
  ARROW_ASSIGN_OR_RAISE(settings.use_dualstack,
                        reader.IsTrue("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"));
  ARROW_ASSIGN_OR_RAISE(settings.spares_checksum, reader.Is("AWS_REQUEST_CHECKSUM_CALCULATION",
                                                            "request_checksum_calculation",
                                                            "when_required", "when_supported"));
  return settings;
}

}  // namespace cdc::store
