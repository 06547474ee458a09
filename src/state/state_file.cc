#include "state/state_file.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "base/random.h"
#include "base/text.h"

namespace cdc::state {

namespace {

using arrow::Result;
using arrow::Status;

// Tries of one swap, each already with the store's own retries behind it.
constexpr int kSwapTriesMax = 5;

constexpr char kLost[] = "cdc::state::ownership_lost";
constexpr char kUnsettled[] = "cdc::state::swap_unsettled";

class Detail : public arrow::StatusDetail {
 public:
  explicit Detail(const char* id) : id_(id) {}
  const char* type_id() const override { return id_; }
  std::string ToString() const override { return id_; }

 private:
  const char* id_;
};

Status MakeStatus(const char* id, const std::string& why) {
  return Status::FromDetailAndArgs(arrow::StatusCode::IOError, std::make_shared<Detail>(id), why);
}

bool Is(const Status& status, const char* id) {
  return status.detail() != nullptr && status.detail()->type_id() == std::string_view(id);
}

std::string HostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string Describe(const Owner& owner) {
  return fmt::format("{} (process {}, since {})", owner.host, owner.pid, owner.since);
}

}  // namespace

std::string DocumentKey(const std::string& database) {
  return "_cdc_to_s3/" + PathSegment(database) + ".json";
}

std::string FormatUtc(UtcTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

Result<std::optional<Stored>> ReadDocument(store::Store& store, const std::string& database) {
  const std::string key = DocumentKey(database);
  auto content = store.Get(key);
  if (!content.ok()) {
    if (store::KindOf(content.status()) == store::ErrorKind::kNotFound) return std::nullopt;
    return content.status().WithMessage("read the state document ", key, ": ",
                                        content.status().message());
  }
  auto document = Document::FromJson(content->bytes);
  if (!document.ok()) {
    return Status::Invalid(
        "the state document ", store.url(), "/", key, " is damaged: ", document.status().message(),
        ". Nothing was read or written. Stop every copy, put back its newest good "
        "version (S3 object versions, or a copy of yours), and start again");
  }
  if (document->database != database) {
    return Status::Invalid("the state document ", store.url(), "/", key, " belongs to database ",
                           document->database, ", not ", database);
  }
  return Stored{std::move(*document), std::move(content->version)};
}

Status OwnershipLost(const std::string& why) { return MakeStatus(kLost, why); }
bool IsOwnershipLost(const Status& status) { return Is(status, kLost); }
bool IsUnsettled(const Status& status) { return Is(status, kUnsettled); }

Result<OwnedDocument> OwnedDocument::TakeOver(store::Store& store, const Clock& clock,
                                              const std::optional<Stored>& stored,
                                              const Document& fresh) {
  OwnedDocument owned(store, clock);
  Document next = stored ? stored->document : fresh;
  next.owner = {RandomHex(16), 0, HostName(), getpid(), FormatUtc(clock.UtcNow())};
  std::optional<std::string> expected;
  if (stored) expected = stored->version;
  ARROW_RETURN_NOT_OK(owned.SwapIn(std::move(next), expected));
  return owned;
}

Status OwnedDocument::Swap(const std::function<void(Document&)>& change) {
  Document next = current_;
  change(next);
  return SwapIn(std::move(next), version_);
}

Status OwnedDocument::Confirm() {
  const auto now = store_->Get(DocumentKey(current_.database));
  if (now.ok() && now->version == version_) return Status::OK();
  if (now.ok()) return OwnershipLost("another copy has taken over");
  if (store::KindOf(now.status()) == store::ErrorKind::kNotFound) {
    return OwnershipLost("the state document was deleted while this program owned it");
  }
  return now.status();
}

Status OwnedDocument::SwapIn(Document next, const std::optional<std::string>& expected) {
  ++next.owner.counter;
  const std::string key = DocumentKey(next.database);
  const std::string bytes = next.ToJson();
  const UtcTime sent = clock_->UtcNow();  // of the first try: whichever takes effect was sent later
  Status last;
  for (int attempt = 0; attempt < kSwapTriesMax; ++attempt) {
    auto swapped = store_->Swap(key, bytes, expected);
    if (swapped.ok()) {
      version_ = *swapped;
      current_ = std::move(next);
      last_swap_sent_ = sent;
      return Status::OK();
    }
    last = swapped.status();
    const auto kind = store::KindOf(last);
    // No use in trying again; but the store's own earlier try may have been carried out.
    if (kind == store::ErrorKind::kDenied || kind == store::ErrorKind::kNoBucket) break;

    // Did it happen all the same? Only the same bytes are ever tried again: whichever of the tries
    // takes effect, it is this change, once.
    auto now = store_->Get(key);
    if (!now.ok()) {
      if (store::KindOf(now.status()) != store::ErrorKind::kNotFound) continue;
      if (!expected) continue;  // the first document is not there yet
      return OwnershipLost(
          "the state document " + key +
          " was deleted while this program owned it; stop every copy and put it back");
    }
    if (now->bytes == bytes) {
      version_ = now->version;
      current_ = std::move(next);
      last_swap_sent_ = sent;
      return Status::OK();
    }
    if (!expected || now->version != *expected) {
      auto other = Document::FromJson(now->bytes);
      return OwnershipLost("another copy has taken over: " +
                           (other.ok() ? Describe(other->owner) : "its document cannot be read"));
    }
  }
  return MakeStatus(kUnsettled, "write the state document " + key + ": " + last.message());
}

}  // namespace cdc::state
