#include "state/state_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "base/fault.h"
#include "base/json_text.h"
#include "base/random.h"
#include "base/text.h"
#include "base/utc_text.h"
#include "state/process_identity.h"

namespace cdc::state {

namespace {

using arrow::Result;
using arrow::Status;

// Tries of one swap, each already with the store's own retries behind it.
constexpr int kSwapTriesMax = 5;
// Of all of them. Whoever waits for the lease has come in long before, and taking over anew tells
// sooner what became of the swap than further tries.
constexpr std::chrono::minutes kSettleMax{2};

constexpr int kRenewalsPerLease = 3;
constexpr int64_t kGroupsMax = 1'000;  // of one database
constexpr std::string_view kEnding = ".json";

// Whether a swap happened is not known; taking over anew settles it.
Status Unsettled(std::string why) {
  return MakeFault({.retry = Retry::kNextRound, .reach = Reach::kOwnership}, std::move(why));
}

std::string HostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string GroupFolder(const std::string& database) {
  return "_cdc_to_s3/groups/" + PathSegment(database) + "/";
}

std::string Describe(const Owner& owner) {
  return fmt::format("{} (process {}, since {})", owner.host, owner.pid, owner.since);
}

}  // namespace

std::string DocumentName::Key() const {
  if (group.empty()) return fmt::format("_cdc_to_s3/{}.json", PathSegment(database));
  return GroupFolder(database) + group + ".json";
}

Status CheckName(const store::Store& store, const DocumentName& name) {
  const std::string key = name.Key();
  const store::KeyLimits limits = store.key_limits();
  if (limits.Hold(key)) return Status::OK();
  return Status::Invalid(fmt::format(
      "the state document {} cannot be kept in {}: its key has {} bytes (UTF-8), where a key has "
      "at most {} and each part of it {}. What helps: keep the state elsewhere ([target] state = "
      "\"file:///...\", or a target in S3), or a shorter [target] url",
      key, store.url(), key.size(), limits.key_bytes_max, limits.name_bytes_max));
}

Result<std::vector<DocumentName>> ListDocuments(store::Store& store, const std::string& database) {
  std::vector<DocumentName> names;
  const DocumentName whole{database, ""};
  ARROW_ASSIGN_OR_RAISE(const auto found, store.Head(whole.Key()));
  if (found) names.push_back(whole);
  const std::string folder = GroupFolder(database);
  ARROW_ASSIGN_OR_RAISE(const auto objects, store.List(folder, "", kGroupsMax));
  for (const store::ObjectInfo& object : objects) {
    if (!object.key.ends_with(kEnding)) continue;
    const size_t length = object.key.size() - folder.size() - kEnding.size();
    names.push_back({database, object.key.substr(folder.size(), length)});
  }
  return names;
}

Result<std::optional<Stored>> ReadDocument(store::Store& store, const DocumentName& name) {
  ARROW_RETURN_NOT_OK(CheckName(store, name));
  const std::string key = name.Key();
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
        "version (S3 object versions, or a copy of yours), and start again; if there is none, "
        "rebuild it from the objects: cdc-to-s3 adopt");
  }
  if (document->database != name.database || document->group != name.group) {
    return Status::Invalid("the state document ", store.url(), "/", key, " belongs to database ",
                           document->database, ", not ", name.database,
                           document->group == name.group
                               ? ""
                               : " (group '" + document->group + "', not '" + name.group + "')");
  }
  return Stored{std::move(*document), std::move(content->version)};
}

Status OwnershipLost(std::string why) {
  return MakeFault({.retry = Retry::kWhenSomebodyActs, .reach = Reach::kOwnership}, std::move(why));
}

bool IsOwnershipLost(const Status& status) {
  const Fault& fault = FaultOf(status);
  return fault.reach == Reach::kOwnership && fault.retry == Retry::kWhenSomebodyActs;
}

bool IsUnsettled(const Status& status) {
  const Fault& fault = FaultOf(status);
  return fault.reach == Reach::kOwnership && fault.retry != Retry::kWhenSomebodyActs;
}

Result<OwnedDocument> OwnedDocument::TakeOver(store::Store& store, const Clock& clock,
                                              const std::optional<Stored>& stored,
                                              const Document& fresh,
                                              std::chrono::milliseconds lease) {
  OwnedDocument owned(store, clock);
  Document next = stored ? stored->document : fresh;
  next.owner = {
      RandomHex(16), 0, HostName(), getpid(), ProcessIdentity(), FormatUtc(clock.UtcNow()),
      lease.count()};
  std::optional<std::string> expected;
  if (stored) expected = stored->version;
  ARROW_RETURN_NOT_OK(owned.SwapIn(std::move(next), expected));
  return owned;
}

void OwnedDocument::Note(Edit edit) {
  Apply(edit, &current_);
  pending_.push_back(std::move(edit));
}

Status OwnedDocument::Swap(const Edits& edits) {
  Document next = current_;
  for (const Edit& edit : edits) Apply(edit, &next);
  ARROW_RETURN_NOT_OK(SwapIn(std::move(next), version_));
  pending_.clear();
  return Status::OK();
}

Status OwnedDocument::Release(Edits edits) {
  edits.emplace_back(GiveUp{});
  return Swap(edits);
}

bool OwnedDocument::needs_renewal() const {
  const std::chrono::milliseconds lease(current_.owner.lease_ms);
  return clock_->MonotonicNow() - last_swap_monotonic_ >= lease / kRenewalsPerLease;
}

Status OwnedDocument::Confirm() {
  const auto now = store_->Get(DocumentName{current_.database, current_.group}.Key());
  if (now.ok() && now->version == version_) return Status::OK();
  if (now.ok()) return OwnershipLost("another copy has taken over");
  if (store::KindOf(now.status()) == store::ErrorKind::kNotFound) {
    return OwnershipLost("the state document was deleted while this program owned it");
  }
  return now.status();
}

Status OwnedDocument::SwapIn(Document next, const std::optional<std::string>& expected) {
  ++next.owner.counter;
  const std::string key = DocumentName{next.database, next.group}.Key();
  const std::string bytes = next.ToJson();
  if (bytes.size() > kRecordBytesMax) {  // what is longer nobody reads
    return Status::Invalid("the state document ", key, " would have ", bytes.size(),
                           " bytes; it may have ", kRecordBytesMax,
                           ". What helps: divide the tables between several processes, each with "
                           "a [run] group and [source] tables of its own");
  }
  const auto sent_monotonic = clock_->MonotonicNow();
  const UtcTime sent = clock_->UtcNow();  // of the first try: whichever takes effect was sent later
  Status last;
  for (int attempt = 0; attempt < kSwapTriesMax; ++attempt) {
    if (clock_->MonotonicNow() - sent_monotonic > kSettleMax) break;
    auto swapped = store_->Swap(key, bytes, expected);
    if (swapped.ok()) {
      version_ = *swapped;
      current_ = std::move(next);
      last_swap_sent_ = sent;
      last_swap_monotonic_ = sent_monotonic;
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
      last_swap_monotonic_ = sent_monotonic;
      return Status::OK();
    }
    if (!expected || now->version != *expected) {
      auto other = Document::FromJson(now->bytes);
      return OwnershipLost("another copy has taken over: " +
                           (other.ok() ? Describe(other->owner) : "its document cannot be read"));
    }
  }
  return Unsettled("write the state document " + key + ": " + last.message());
}

}  // namespace cdc::state
