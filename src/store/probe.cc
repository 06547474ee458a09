#include "store/probe.h"

#include <fmt/format.h>

#include <optional>

#include "base/random.h"

namespace cdc::store {
namespace {

constexpr char kProbeKey[] = "_cdc_to_s3/probe";
constexpr int kTriesMax = 5;  // another program may probe at the same moment

// Every probe has a content of its own, so that versions differ.
std::string NewBytes() { return fmt::format("probe {}\n", RandomHex(16)); }

constexpr char kLocalState[] = "keep the state in a local directory: state = \"file:///...\"";

arrow::Result<Condition> ProbePut(Store& store) {
  const auto body = Spool::FromBytes(NewBytes());
  auto put = store.Put(kProbeKey, *body, PutOptions{});
  if (put.ok() && *put == PutResult::kCreated) {
    // It is there now for certain; the same again must be refused.
    put = store.Put(kProbeKey, *body, PutOptions{});
  }
  if (!put.ok() && KindOf(put.status()) == ErrorKind::kPermanent) {
    // Is it the condition that it does not want, or us? The same without a condition tells.
    PutOptions overwrite;
    overwrite.mode = PutMode::kOverwrite;
    if (store.Put(kProbeKey, *body, overwrite).ok()) {
      return Condition::kRefused;
    }
  }
  ARROW_RETURN_NOT_OK(put.status());
  return *put == PutResult::kAlreadyThere ? Condition::kHolds : Condition::kIgnored;
}

// One round: nothing when another program came between.
arrow::Result<std::optional<Condition>> TrySwap(Store& store) {
  ARROW_ASSIGN_OR_RAISE(const Content now, store.Get(kProbeKey));
  const std::string wrong(now.version.size(), '0');
  const auto refused = store.Swap(kProbeKey, NewBytes(), wrong);
  if (refused.ok()) {
    return Condition::kIgnored;
  }
  if (KindOf(refused.status()) != ErrorKind::kConflict) {
    return refused.status();
  }
  const auto done = store.Swap(kProbeKey, NewBytes(), now.version);
  if (done.ok()) {
    return Condition::kHolds;
  }
  if (KindOf(done.status()) != ErrorKind::kConflict) {
    return done.status();
  }
  return std::nullopt;
}

arrow::Status ProbeSwap(Store& store, Conditions* found) {
  for (int i = 0; i < kTriesMax; ++i) {
    const auto tried = TrySwap(store);
    if (!tried.ok()) {
      const ErrorKind kind = KindOf(tried.status());
      if (kind == ErrorKind::kTransient || kind == ErrorKind::kNoBucket) {
        return tried.status();
      }
      found->swap = kind == ErrorKind::kPermanent ? Condition::kRefused : Condition::kNotKnown;
      found->advice = tried.status().message();
      return arrow::Status::OK();
    }
    if (*tried) {
      found->swap = **tried;
      return arrow::Status::OK();
    }
  }
  found->swap = Condition::kRefused;
  found->advice = fmt::format("the store refused {} swaps though the version was right", kTriesMax);
  return arrow::Status::OK();
}

constexpr char kProbeName[] = "cdc-probe";
constexpr char kObjectName[] = "_cdc_to_s3_probe";

// Nothing when another program came between.
arrow::Result<std::optional<Condition>> TryMetadata(Store& store, const std::string& key) {
  const std::string bytes = NewBytes();
  PutOptions options;
  options.mode = PutMode::kOverwrite;
  options.metadata = {{kProbeName, RandomHex(8)}};
  ARROW_RETURN_NOT_OK(store.Put(key, *Spool::FromBytes(bytes), options).status());
  const auto head = store.Head(key);
  if (!head.ok()) {
    // One who may only write is not let look.
    if (KindOf(head.status()) == ErrorKind::kDenied) return Condition::kNotKnown;
    return head.status();
  }
  if (*head && (*head)->metadata == options.metadata) return Condition::kHolds;
  const auto now = store.Get(key);
  const bool is_ours = *head && now.ok() && now->bytes == bytes && now->version == (*head)->version;
  return is_ours ? std::optional(Condition::kIgnored) : std::nullopt;
}

std::string AdviceFor(const Conditions& found) {
  if (found.BothHold()) {
    return "";
  }
  std::string text;
  if (found.put_if_absent != Condition::kHolds) {
    text = fmt::format(
        "the store does not keep the condition \"If-None-Match: *\", so only one copy of the "
        "program "
        "may run; {}",
        kLocalState);
  } else if (found.swap == Condition::kNotKnown) {
    text = fmt::format("the state cannot be read back: allow s3:GetObject, or {}", kLocalState);
  } else {
    text = fmt::format("the store does not keep the condition \"If-Match\": {}", kLocalState);
  }
  return found.advice.empty() ? text : fmt::format("{} ({})", text, found.advice);
}

}  // namespace

arrow::Result<Conditions> ProbeConditions(Store& store) {
  Conditions found;
  ARROW_ASSIGN_OR_RAISE(found.put_if_absent, ProbePut(store));
  ARROW_RETURN_NOT_OK(ProbeSwap(store, &found));
  found.advice = AdviceFor(found);
  return found;
}

arrow::Result<Condition> ProbeObject(Store& store, const std::string& folder) {
  const std::string key = folder.empty() ? kObjectName : folder + "/" + kObjectName;
  std::optional<Condition> found;
  for (int i = 0; i < kTriesMax && !found; ++i) {
    ARROW_ASSIGN_OR_RAISE(found, TryMetadata(store, key));
  }
  (void)store.Delete(key);  // a right that nothing else needs
  return found.value_or(Condition::kNotKnown);
}

}  // namespace cdc::store
