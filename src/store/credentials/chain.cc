#include "store/credentials/chain.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "store/credentials/container.h"
#include "store/credentials/instance.h"
#include "store/credentials/profile.h"
#include "store/credentials/shared_files.h"
#include "store/credentials/sts.h"
#include "store/store.h"

namespace cdc::store {
namespace {

class SettingsProvider : public CredentialsProvider {
 public:
  explicit SettingsProvider(Credentials keys) : keys_(std::move(keys)) {}
  std::string place() const override { return "settings"; }
  arrow::Result<Answer> Fetch() override {
    if (keys_.access_key_id.empty()) {
      return Answer{{}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"};
    }
    return Answer{keys_, ""};
  }

 private:
  const Credentials keys_;
};

class CredentialsChain : public CredentialsProvider {
 public:
  explicit CredentialsChain(std::vector<std::unique_ptr<CredentialsProvider>> places)
      : places_(std::move(places)) {}

  std::string place() const override { return chosen_ == nullptr ? "none" : chosen_->place(); }

  arrow::Result<Answer> Fetch() override {
    if (chosen_ != nullptr) {
      return Ask(*chosen_);
    }
    std::string said;
    for (const auto& place : places_) {
      ARROW_ASSIGN_OR_RAISE(const Answer answer, Ask(*place));
      if (answer.credentials) {
        chosen_ = place.get();
        return answer;
      }
      said += fmt::format("{}{}: {}", said.empty() ? "" : "; ", place->place(), answer.why_not);
    }
    return Answer{{},
                  fmt::format("no credentials for S3. Set AWS_ACCESS_KEY_ID and "
                              "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or [target] anonymous = true "
                              "for a store that wants none. Looked at, in this order: {}",
                              said)};
  }

 private:
  static arrow::Result<Answer> Ask(CredentialsProvider& place) {
    auto answer = place.Fetch();
    if (!answer.ok()) {
      return answer.status().WithMessage(
          fmt::format("credentials from {}: {}", place.place(), answer.status().message()));
    }
    return answer;
  }

  const std::vector<std::unique_ptr<CredentialsProvider>> places_;
  CredentialsProvider* chosen_ = nullptr;
};

}  // namespace

arrow::Result<std::shared_ptr<CredentialsCache>> OpenCredentials(
    const CredentialsOptions& options) {
  const Environment& environment = options.environment;
  const auto sts =
      std::make_shared<Sts>(environment, options.region, options.ca_bundle, *options.clock);
  std::vector<std::unique_ptr<CredentialsProvider>> places;
  places.push_back(std::make_unique<SettingsProvider>(options.keys));
  places.push_back(MakeWebIdentityProvider(environment, sts));
  places.push_back(MakeProfileProvider({options.profile, environment, options.keys, sts}));
  places.push_back(MakeContainerProvider(environment));
  places.push_back(MakeInstanceProvider(environment));
  auto cache = std::make_shared<CredentialsCache>(
      std::make_unique<CredentialsChain>(std::move(places)), *options.clock);
  ARROW_RETURN_NOT_OK(cache->Get().status());
  return cache;
}

}  // namespace cdc::store
