#include "store/s3_client.h"

#include <arrow/util/logging.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "store/retry.h"
#include "store/signed_at.h"
#include "store/sigv4.h"
#include "store/store.h"

namespace cdc::store {
namespace {

using std::chrono::milliseconds;

constexpr char kSha256OfNothing[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr milliseconds kRetryAfterMax{20'000};
// Of a try while the store is thought to be away; conditional writes that race take up to 5 s.
constexpr milliseconds kImpatientTime{10'000};

// Retry-After in seconds; its other form, a date, is left to our own pauses.
milliseconds RetryAfter(const HttpReply& reply) {
  const std::string& text = reply.Header("retry-after");
  int seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec != std::errc() || seconds < 0) {
    return milliseconds(0);
  }
  return std::min(kRetryAfterMax, milliseconds(std::chrono::seconds(std::min(seconds, 3600))));
}

arrow::Status WithOperation(const S3Request& request, const arrow::Status& status) {
  return status.WithMessage(fmt::format("{}: {}", request.operation, status.message()));
}

S3Reply ConditionLost() {
  S3Reply reply;
  reply.http.status = 412;
  reply.error.status = 412;
  reply.error.code = "PreconditionFailed";
  return reply;
}

// Whether the fault is the store's, and not that of one key or one body.
bool IsAway(const arrow::Result<S3Reply>& reply) {
  if (!reply.ok()) {
    return true;
  }
  const S3Error& error = reply->error;
  return error.IsTransient() && (error.status >= 500 || error.status == 429);
}

// Whether the write may have been carried out, or refused without our seeing it, so that a look
// pays.
bool IsUncertain(const arrow::Result<S3Reply>& reply) {
  return !reply.ok() || reply->error.status == 409;
}

}  // namespace

S3Client::S3Client(S3Options options)
    : options_(std::move(options)),
      http_(options_.http),
      breaker_(*options_.clock),
      checksum_(options_.spares_checksum ? BodyChecksum::kNone : BodyChecksum::kSha256) {}

arrow::Result<S3Location> S3Client::Locate(const std::string& region) const {
  return LocateBucket(options_.bucket, {region, options_.endpoint, options_.path_style,
                                        options_.use_fips, options_.use_dualstack});
}

arrow::Result<std::unique_ptr<S3Client>> S3Client::Open(S3Options options) {
  std::unique_ptr<S3Client> client(new S3Client(std::move(options)));
  const S3Options& o = client->options_;
  ARROW_ASSIGN_OR_RAISE(auto location, client->Locate(o.region));
  {
    const MutexLock lock(client->mutex_);
    client->target_ = {.region = o.region, .location = std::move(location)};
  }
  return client;
}

S3Client::Target S3Client::target() const {
  const MutexLock lock(mutex_);
  return target_;
}

arrow::Result<CredentialsCache::Held> S3Client::CurrentCredentials() const {
  if (options_.anonymous || options_.refreshed == nullptr) {
    return CredentialsCache::Held{options_.credentials, 0};
  }
  return options_.refreshed->Get();
}

arrow::Result<bool> S3Client::RenewCredentials(const S3Reply& reply) {
  if (!reply.error.IsExpired() || options_.anonymous || options_.refreshed == nullptr) {
    return false;
  }
  return options_.refreshed->Renew(reply.credentials_generation);
}

arrow::Result<HttpRequest> S3Client::Sign(const S3Request& request, milliseconds time_max,
                                          int64_t* generation) const {
  ARROW_ASSIGN_OR_RAISE(const CredentialsCache::Held held, CurrentCredentials());
  *generation = held.generation;
  const Target to = target();
  SignedRequest sign;
  sign.method = request.method;
  sign.path = fmt::format("{}/{}", to.location.path, UriEncode(request.key, true));
  if (request.key.empty() && !to.location.path.empty()) {
    sign.path.pop_back();  // "/lake", not "/lake/"
  }
  sign.query = CanonicalQuery(request.query);
  sign.time = request.signed_at.value_or(options_.clock->UtcNow());
  sign.payload_sha256_hex =
      request.body != nullptr ? ToHex(request.body->sha256()) : kSha256OfNothing;
  sign.headers = request.headers;
  sign.headers.emplace_back("host", to.location.host);
  sign.headers.emplace_back("x-amz-date", AmzDate(sign.time));
  sign.headers.emplace_back("x-amz-content-sha256", sign.payload_sha256_hex);
  if (request.body != nullptr) {
    ARROW_ASSIGN_OR_RAISE(const auto checksum, ChecksumHeader(checksum_, *request.body));
    if (checksum) sign.headers.push_back(*checksum);
  }
  if (!options_.anonymous && !held.credentials.session_token.empty()) {
    sign.headers.emplace_back("x-amz-security-token", held.credentials.session_token);
  }
  HttpRequest http;
  http.method = request.method;
  http.url = to.location.origin + sign.path + (sign.query.empty() ? "" : "?" + sign.query);
  http.body = request.body;
  http.reply_bytes_max = request.reply_bytes_max;
  http.impatient = breaker_.IsOpen();
  http.time_max = http.impatient ? std::min(time_max, kImpatientTime) : time_max;
  if (request.body != nullptr) {
    http.time_max += options_.http.TimeFor(request.body->size_bytes());
  }
  for (const auto& [name, value] : sign.headers) {
    http.headers.push_back({name, value});
  }
  if (!options_.anonymous) {
    http.headers.push_back({"authorization", Authorization(sign, held.credentials, to.region)});
  }
  return http;
}

// The reply to a HEAD has no body, so nobody could tell a missing bucket from a missing key, or one
// reason of a 403 from another. A GET of one byte is answered with the same error, in full.
arrow::Result<HttpReply> S3Client::FetchErrorOfHead(const S3Request& request,
                                                    milliseconds time_max) {
  S3Request get = request;
  get.method = "GET";
  get.headers.emplace_back("range", "bytes=0-0");
  int64_t ignored = 0;
  ARROW_ASSIGN_OR_RAISE(const HttpRequest signed_get, Sign(get, time_max, &ignored));
  ARROW_ASSIGN_OR_RAISE(HttpReply reply, http_.Perform(signed_get));
  if (reply.status < 300 || reply.status == 416) {  // it appeared between the two: ask again
    reply = HttpReply{};
    reply.status = 503;
  }
  return reply;
}

arrow::Result<S3Reply> S3Client::SendOnce(const S3Request& request, milliseconds time_max) {
  S3Reply reply;
  ARROW_ASSIGN_OR_RAISE(const HttpRequest http,
                        Sign(request, time_max, &reply.credentials_generation));
  ARROW_ASSIGN_OR_RAISE(reply.http, http_.Perform(http));
  answered_ = true;
  const bool clear_without_body = reply.http.status == 404 && bucket_seen_;
  if (request.method == "HEAD" && reply.http.status >= 400 && reply.http.status < 500 &&
      !clear_without_body) {
    ARROW_ASSIGN_OR_RAISE(reply.http, FetchErrorOfHead(request, time_max));
  }
  if (reply.ok()) {
    bucket_seen_ = true;
  } else {
    reply.error = ParseS3Error(reply.http);
    bucket_seen_ = bucket_seen_ || reply.error.code == "NoSuchKey";
  }
  return reply;
}

// False when there is nowhere else to go. Only the first wrong region is followed: a store that
// sends us round in circles gets its error reported.
arrow::Result<bool> S3Client::MoveToRegion(const S3Error& error) {
  const MutexLock lock(mutex_);
  if (error.region.empty()) {
    return false;
  }
  if (moved_ || error.region == target_.region) {
    return moved_ && error.region == target_.region;  // another thread was told the same
  }
  notes_.push_back(
      fmt::format("bucket {} is in region {}, not in {}: used that; set the target's region to {}",
                  options_.bucket, error.region, target_.region, error.region));
  ARROW_ASSIGN_OR_RAISE(target_.location, Locate(error.region));
  target_.region = error.region;
  moved_ = true;
  return true;
}

bool S3Client::ChangeChecksum(const S3Error& error) {
  const BodyChecksum sent = checksum_;
  const auto wanted = WantedInstead(sent, error);
  if (!wanted) return false;
  BodyChecksum expected = sent;
  if (checksum_.compare_exchange_strong(expected, *wanted)) {
    const MutexLock lock(mutex_);
    notes_.push_back(Describe(*wanted));
  }
  return true;
}

arrow::Result<S3Reply> S3Client::Send(const S3Request& request) {
  Backoff backoff(options_.retry, *options_.clock);
  bool redirected = false;
  bool renewed = false;
  int checksums = 1;  // that were tried
  while (true) {
    ARROW_RETURN_NOT_OK(CheckSignedAt(request.signed_at, *options_.clock, request.operation));
    auto reply = SendOnce(request, backoff.Left());
    if (!reply.ok() && KindOf(reply.status()) != ErrorKind::kTransient) {
      return WithOperation(request, reply.status());
    }
    if (reply.ok() && reply->error.IsWrongRegion() && !redirected) {
      redirected = true;
      ARROW_ASSIGN_OR_RAISE(const bool moved, MoveToRegion(reply->error));
      if (moved) {
        continue;
      }
    }
    const bool has_body = request.body != nullptr;
    if (has_body && reply.ok() && checksums < 3 && ChangeChecksum(reply->error)) {
      ++checksums;
      continue;
    }
    if (reply.ok() && reply->error.IsExpired() && !renewed) {
      renewed = true;
      ARROW_ASSIGN_OR_RAISE(const bool newer, RenewCredentials(*reply));
      if (newer) {
        continue;
      }
    }
    const bool away = IsAway(reply);
    if (!away) {
      breaker_.Close();
    }
    if (reply.ok() && !reply->error.IsTransient()) {
      return reply;
    }
    if (IsUncertain(reply) && request.condition_lost && request.condition_lost()) {
      return ConditionLost();
    }
    const milliseconds at_least = reply.ok() ? RetryAfter(reply->http) : milliseconds(0);
    if (breaker_.IsOpen() || !backoff.Pause(at_least, answered_)) {
      const arrow::Status gave_up = GaveUp(request, reply, backoff.tries());
      if (away) {
        breaker_.Open();
      }
      return gave_up;
    }
  }
}

arrow::Status S3Client::GaveUp(const S3Request& request, const arrow::Result<S3Reply>& last,
                               int tries) const {
  const arrow::Status why =
      last.ok() ? Explain(request, last->error) : WithOperation(request, last.status());
  return MakeError(
      ErrorKind::kTransient,
      fmt::format(
          "{}; gave up after {}{}", why.message(),
          tries == 1 ? "one try" : fmt::format("{} tries", tries),
          breaker_.IsOpen() ? ", because earlier requests have just used up all of theirs" : ""));
}

arrow::Status S3Client::Explain(const S3Request& request, const S3Error& error) const {
  S3Context context;
  context.operation = request.operation;
  context.bucket = options_.bucket;
  context.prefix = options_.prefix;
  context.region = target().region;
  context.expected_bucket_owner = options_.expected_bucket_owner;
  context.policy.region = context.region;
  context.policy.tags = !options_.objects.tags.empty();
  context.policy.acl = !options_.objects.acl.empty();
  context.policy.kms_key_id = options_.objects.kms_key_id;
  return ExplainS3Error(error, context);
}

std::vector<std::string> S3Client::TakeNotes() {
  const MutexLock lock(mutex_);
  return std::exchange(notes_, {});
}

}  // namespace cdc::store
