#include "store/s3_store.h"

#include <arrow/util/logging.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <pugixml.hpp>
#include <utility>

#include "store/metadata.h"
#include "store/s3_client.h"

namespace cdc::store {
namespace {

constexpr char kMetadataPrefix[] = "x-amz-meta-";
constexpr char kOwnFolder[] = "_cdc_to_s3/";  // state and probe: not objects
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
constexpr int64_t kKeyBytesMax = 1'024;
// Replies that are longer than any should be are broken off. What the program itself keeps (its
// state) is far below the first; a listing's page has at most 1,000 keys of at most 1,024 bytes,
// each byte of which may be written as up to six; a store that knows no ranges sends a whole object.
constexpr int64_t kContentBytesMax = 64 << 20;
constexpr int64_t kListBytesMax = 16 << 20;
constexpr int64_t kObjectBytesMax = int64_t{1} << 30;
// A look at a key after a write whose fate is not known: it may settle it, and must not take as
// long as the write did.
constexpr std::chrono::milliseconds kPeekTime{10'000};

// ETags are quoted in headers, and in listings by some stores only.
std::string VersionOf(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

std::string Quoted(const std::string& version) { return fmt::format("\"{}\"", version); }

int64_t ParseSize(const std::string& text) {
  int64_t size = 0;
  std::from_chars(text.data(), text.data() + text.size(), size);
  return size;
}

struct ListPage {
  std::vector<ObjectInfo> objects;  // with full keys
  std::string next_token;           // empty: the last page
};

arrow::Result<ListPage> ParseListPage(const S3Request& request, const std::string& body) {
  pugi::xml_document document;
  // parse_ws_pcdata_single: a key may be a blank; no parse_eol: a key may hold a carriage return.
  const unsigned flags = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_ws_pcdata_single;
  const auto parsed = document.load_buffer(body.data(), body.size(), flags);
  const pugi::xml_node root = document.child("ListBucketResult");
  if (!parsed || !root) {
    return MakeError(
        ErrorKind::kPermanent,
        fmt::format("{}: the reply is no ListBucketResult; does the endpoint speak S3?",
                    request.operation));
  }
  ListPage page;
  for (const pugi::xml_node node : root.children("Contents")) {
    ObjectInfo info;
    info.key = node.child_value("Key");
    info.size_bytes = ParseSize(node.child_value("Size"));
    info.version = VersionOf(node.child_value("ETag"));
    page.objects.push_back(std::move(info));
  }
  if (std::string_view(root.child_value("IsTruncated")) == "true") {
    page.next_token = root.child_value("NextContinuationToken");
  }
  return page;
}

class S3Store : public Store {
 public:
  S3Store(const S3Options& options, std::unique_ptr<S3Client> client)
      : url_(fmt::format("s3://{}{}{}", options.bucket, options.prefix.empty() ? "" : "/",
                         options.prefix)),
        prefix_(options.prefix.empty() ? "" : options.prefix + "/"),
        list_page_max_(options.list_page_max),
        peek_time_(std::min(kPeekTime, options.retry.budget)),
        objects_(options.objects),
        expected_bucket_owner_(options.expected_bucket_owner),
        requester_pays_(options.requester_pays),
        client_(std::move(client)) {}

  arrow::Result<PutResult> Put(const std::string& key, const Spool& body,
                               const PutOptions& options) override {
    S3Request request = Request("put", "PUT", key);
    ARROW_RETURN_NOT_OK(CheckMetadata(request.operation, options.metadata));
    request.body = &body;
    request.signed_at = options.signed_at;
    AddWriteHeaders(key, &request);
    for (const auto& [name, value] : options.metadata) {
      request.headers.emplace_back(kMetadataPrefix + name, value);
    }
    const bool if_absent = options.mode == PutMode::kIfAbsent;
    if (if_absent) {
      request.headers.emplace_back("if-none-match", "*");
      request.condition_lost = [&] { return Peek(key).exists; };
    }
    ARROW_ASSIGN_OR_RAISE(const S3Reply reply, client_->Send(request));
    if (reply.ok()) {
      return PutResult::kCreated;
    }
    if (if_absent && reply.error.status == 412) {
      return PutResult::kAlreadyThere;
    }
    return client_->Explain(request, reply.error);
  }

  arrow::Result<std::string> Swap(const std::string& key, const std::string& bytes,
                                  const std::optional<std::string>& expected) override {
    const auto body = Spool::FromBytes(bytes);
    S3Request request = Request("swap", "PUT", key);
    request.body = body.get();
    AddWriteHeaders(key, &request);
    if (expected) {
      request.headers.emplace_back("if-match", Quoted(*expected));
    } else {
      request.headers.emplace_back("if-none-match", "*");
    }
    request.condition_lost = [&] {
      const Peeked peeked = Peek(key);
      return peeked.exists ? peeked.version != expected : peeked.known && expected.has_value();
    };
    ARROW_ASSIGN_OR_RAISE(const S3Reply reply, client_->Send(request));
    if (!reply.ok()) {
      // If-Match on an object that is gone: S3 says 404 NoSuchKey, others 412.
      const bool gone = expected && reply.error.status == 404 && reply.error.code != "NoSuchBucket";
      if (reply.error.status == 412 || gone) {
        return MakeError(ErrorKind::kConflict,
                         fmt::format("{}: the object is not the expected one", request.operation));
      }
      return client_->Explain(request, reply.error);
    }
    return VersionOfReply(request, reply);
  }

  arrow::Result<Content> Get(const std::string& key) override {
    S3Request request = Request("get", "GET", key);
    request.reply_bytes_max = kContentBytesMax;
    ARROW_ASSIGN_OR_RAISE(S3Reply reply, client_->Send(request));
    if (!reply.ok()) {
      return client_->Explain(request, reply.error);
    }
    Content content;
    ARROW_ASSIGN_OR_RAISE(content.version, VersionOfReply(request, reply));
    content.bytes = std::move(reply.http.body);
    return content;
  }

  arrow::Result<Tail> GetTail(const std::string& key, int64_t bytes_max) override {
    S3Request request = Request("get the end of", "GET", key);
    request.headers.emplace_back("range", fmt::format("bytes=-{}", bytes_max));
    request.reply_bytes_max = kObjectBytesMax;
    ARROW_ASSIGN_OR_RAISE(S3Reply reply, client_->Send(request));
    if (reply.error.status == 416) {  // an empty object has no last byte
      return Tail{};
    }
    if (!reply.ok()) {
      return client_->Explain(request, reply.error);
    }
    Tail tail{std::move(reply.http.body), 0};
    const std::string& range = reply.http.Header("content-range");  // "bytes 7-9/10"
    const bool partial = reply.http.status == 206;
    tail.size_bytes =
        partial ? ParseSize(range.substr(range.rfind('/') + 1)) : std::ssize(tail.bytes);
    if (tail.size_bytes < std::ssize(tail.bytes)) {
      return MakeError(ErrorKind::kPermanent,
                       fmt::format("{}: the store's reply does not say how long the object is",
                                   request.operation));
    }
    if (std::ssize(tail.bytes) > bytes_max) {  // a store that knows no ranges sends all of it
      tail.bytes.erase(0, tail.bytes.size() - static_cast<size_t>(bytes_max));
    }
    return tail;
  }

  arrow::Result<std::optional<ObjectInfo>> Head(const std::string& key) override {
    const S3Request request = Request("head", "HEAD", key);
    ARROW_ASSIGN_OR_RAISE(const S3Reply reply, client_->Send(request));
    if (!reply.ok()) {
      const arrow::Status status = client_->Explain(request, reply.error);
      if (KindOf(status) == ErrorKind::kNotFound) {
        return std::nullopt;
      }
      return status;
    }
    ObjectInfo info;
    info.key = key;
    info.size_bytes = ParseSize(reply.http.Header("content-length"));
    ARROW_ASSIGN_OR_RAISE(info.version, VersionOfReply(request, reply));
    for (const auto& [name, value] : reply.http.headers) {
      if (name.starts_with(kMetadataPrefix)) {
        info.metadata[name.substr(sizeof(kMetadataPrefix) - 1)] = value;
      }
    }
    return info;
  }

  arrow::Result<std::vector<ObjectInfo>> List(const std::string& prefix, const std::string& after,
                                              int64_t limit) override {
    S3Request request = Request("list", "GET", prefix);
    request.key.clear();
    request.reply_bytes_max = kListBytesMax;
    std::vector<ObjectInfo> found;
    std::string token;
    do {
      ARROW_ASSIGN_OR_RAISE(ListPage page, ListOnce(&request, prefix, after, token,
                                                    limit - static_cast<int64_t>(found.size())));
      if (!page.next_token.empty() && page.next_token == token) {
        return MakeError(ErrorKind::kPermanent, fmt::format("{}: the store repeats a page of its "
                                                            "listing",
                                                            request.operation));
      }
      token = page.next_token;
      for (auto& object : page.objects) {
        ARROW_RETURN_NOT_OK(Accept(request, prefix, after, std::move(object), &found));
      }
    } while (!token.empty() && static_cast<int64_t>(found.size()) < limit);
    if (static_cast<int64_t>(found.size()) > limit) {
      found.resize(static_cast<size_t>(limit));
    }
    return found;
  }

  arrow::Status Delete(const std::string& key) override {
    const S3Request request = Request("delete", "DELETE", key);
    ARROW_ASSIGN_OR_RAISE(const S3Reply reply, client_->Send(request));
    if (reply.ok()) {
      return arrow::Status::OK();
    }
    const arrow::Status status = client_->Explain(request, reply.error);
    return KindOf(status) == ErrorKind::kNotFound ? arrow::Status::OK() : status;
  }

  KeyLimits key_limits() const override {
    const int64_t left = kKeyBytesMax - std::ssize(prefix_);
    return {left, left};  // S3 itself knows no folders, so no limit of a part
  }

  std::string url() const override { return url_; }
  std::vector<std::string> TakeNotes() override { return client_->TakeNotes(); }

 private:
  struct Peeked {
    bool known = false;  // false: the look failed
    bool exists = false;
    std::string version;
  };

  S3Request Request(const char* operation, const char* method, const std::string& key) const {
    ARROW_CHECK(!key.starts_with('/')) << "keys never start with a slash: " << key;
    S3Request request;
    request.operation = fmt::format("{} {}/{}", operation, url_, key);
    request.method = method;
    request.key = prefix_ + key;
    if (!expected_bucket_owner_.empty()) {
      request.headers.emplace_back("x-amz-expected-bucket-owner", expected_bucket_owner_);
    }
    if (requester_pays_) request.headers.emplace_back("x-amz-request-payer", "requester");
    return request;
  }

  // https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
  void AddWriteHeaders(const std::string& key, S3Request* request) const {
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) {
        request->headers.emplace_back(name, value);
      }
    };
    add("content-type", "application/octet-stream");
    add("x-amz-acl", objects_.acl);
    add("x-amz-server-side-encryption", objects_.sse);
    add("x-amz-server-side-encryption-aws-kms-key-id", objects_.kms_key_id);
    add("x-amz-server-side-encryption-bucket-key-enabled", objects_.bucket_key ? "true" : "");
    if (!key.starts_with(kOwnFolder)) {
      add("x-amz-storage-class", objects_.storage_class);
      add("x-amz-tagging", CanonicalQuery(objects_.tags));
    }
  }

  Peeked Peek(const std::string& key) {
    const auto reply = client_->SendOnce(Request("head", "HEAD", key), peek_time_);
    if (!reply.ok()) {
      return {};
    }
    if (reply->ok()) {
      return {true, true, VersionOf(reply->http.Header("etag"))};
    }
    return {reply->error.status == 404, false, ""};
  }

  static arrow::Result<std::string> VersionOfReply(const S3Request& request, const S3Reply& reply) {
    const std::string version = VersionOf(reply.http.Header("etag"));
    if (version.empty()) {
      return MakeError(
          ErrorKind::kPermanent,
          fmt::format("{}: the store's reply has no ETag, so it cannot keep the state; "
                      "keep it in a local directory: state = \"file:///...\"",
                      request.operation));
    }
    return version;
  }

  arrow::Result<ListPage> ListOnce(S3Request* request, const std::string& prefix,
                                   const std::string& after, const std::string& token,
                                   int64_t limit) {
    request->query = {{"list-type", "2"},
                      {"prefix", prefix_ + prefix},
                      {"max-keys", std::to_string(std::min(limit, list_page_max_))}};
    if (!token.empty()) {
      request->query.emplace_back("continuation-token", token);
    } else if (!after.empty()) {
      request->query.emplace_back("start-after", prefix_ + after);
    }
    ARROW_ASSIGN_OR_RAISE(const S3Reply reply, client_->Send(*request));
    if (!reply.ok()) {
      const arrow::Status why = client_->Explain(*request, reply.error);
      // A listing can miss nothing but the bucket.
      return KindOf(why) == ErrorKind::kNotFound ? MakeError(ErrorKind::kNoBucket, why.message())
                                                 : why;
    }
    return ParseListPage(*request, reply.http.body);
  }

  // The order is what recovery rests on, so it is checked and not believed.
  arrow::Status Accept(const S3Request& request, const std::string& prefix,
                       const std::string& after, ObjectInfo object,
                       std::vector<ObjectInfo>* found) const {
    const bool ours = object.key.starts_with(prefix_ + prefix);
    object.key.erase(0, ours ? prefix_.size() : 0);
    const std::string& previous = found->empty() ? after : found->back().key;
    if (!ours || object.key < previous || (object.key == previous && !previous.empty())) {
      return MakeError(ErrorKind::kPermanent,
                       fmt::format("{}: the store lists \"{}\" after \"{}\"; a store that does not "
                                   "list in byte order cannot be used",
                                   request.operation, object.key, previous));
    }
    found->push_back(std::move(object));
    return arrow::Status::OK();
  }

  const std::string url_;
  const std::string prefix_;  // "" or "raw/"
  const int64_t list_page_max_;
  const std::chrono::milliseconds peek_time_;
  const ObjectOptions objects_;
  const std::string expected_bucket_owner_;
  const bool requester_pays_;
  const std::unique_ptr<S3Client> client_;
};

}  // namespace

arrow::Result<std::unique_ptr<Store>> OpenS3Store(S3Options options) {
  const bool keys =
      !options.credentials.access_key_id.empty() && !options.credentials.secret_access_key.empty();
  if (!keys && !options.anonymous && options.refreshed == nullptr) {
    return MakeError(ErrorKind::kNoCredentials,
                     fmt::format("s3://{}: no credentials; set AWS_ACCESS_KEY_ID and "
                                 "AWS_SECRET_ACCESS_KEY",
                                 options.bucket));
  }
  ARROW_ASSIGN_OR_RAISE(auto client, S3Client::Open(options));
  return std::make_unique<S3Store>(options, std::move(client));
}

}  // namespace cdc::store
