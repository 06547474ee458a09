#include "rules/instance_choice.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "rules/gap.h"

namespace cdc::rules {

namespace {

using source::CaptureInstance;
using What = InstanceChoice::What;

bool IsNamed(const CaptureInstance& instance, const state::Table& entry) {
  return instance.change_table_object_id == entry.change_table_object_id &&
         instance.source_object_id == entry.source_object_id;
}

bool IsPinned(const CaptureInstance& instance, const InstanceFacts& facts) {
  return std::ranges::find(facts.pinned, instance.name) != facts.pinned.end();
}

auto Age(const CaptureInstance& instance) {
  return std::tie(instance.start_lsn, instance.change_table_object_id);
}

// Those of one source table, the oldest first.
std::vector<const CaptureInstance*> InstancesOf(int64_t source_object_id,
                                                const InstanceFacts& facts) {
  std::vector<const CaptureInstance*> found;
  for (const CaptureInstance& instance : facts.instances) {
    if (instance.source_object_id == source_object_id) found.push_back(&instance);
  }
  std::ranges::sort(found, [](const auto* a, const auto* b) { return Age(*a) < Age(*b); });
  return found;
}

// Another instance of the same source table that is to be read from some position on.
const CaptureInstance* Successor(const state::Table& entry, const CaptureInstance& named,
                                 const InstanceFacts& facts) {
  if (IsPinned(named, facts)) return nullptr;
  const auto was_left = [&](const CaptureInstance& instance) {
    return std::ranges::find(entry.earlier_instances, instance.change_table_object_id) !=
           entry.earlier_instances.end();
  };
  const bool helps_out = was_left(named);
  for (const CaptureInstance* other : InstancesOf(named.source_object_id, facts)) {
    if (other->change_table_object_id == named.change_table_object_id ||
        !HasBegun(*other, facts.horizon)) {
      continue;
    }
    const bool goes_on = !was_left(*other) && (helps_out || Age(*other) > Age(named));
    if (IsPinned(*other, facts) || goes_on) return other;
  }
  return nullptr;
}

// Cleanup may have taken rows from one instance that another one of the table still shows: the one
// that goes back farthest decides what is a gap.
const CaptureInstance* OneThatShowsMore(const Position& resume, const CaptureInstance& named,
                                        const InstanceFacts& facts) {
  if (!RowsMayBeGone(named.start_lsn, resume) || IsPinned(named, facts)) return nullptr;
  for (const CaptureInstance* other : InstancesOf(named.source_object_id, facts)) {
    if (other->start_lsn >= named.start_lsn) return nullptr;
    if (HasBegun(*other, facts.horizon)) return other;
  }
  return nullptr;
}

InstanceChoice OfNamed(const Position& resume, const state::Table& entry,
                       const CaptureInstance& named, const InstanceFacts& facts, bool claim_open) {
  if (const CaptureInstance* more = OneThatShowsMore(resume, named, facts)) {
    const bool gone = RowsMayBeGone(more->start_lsn, resume);
    std::optional<Lsn> through;
    if (HasBegun(named, facts.horizon)) through = named.start_lsn.Previous();
    return {gone ? What::kGap : What::kFollow, *more, through, /*helps_out=*/true, {}};
  }
  const CaptureInstance* next = Successor(entry, named, facts);
  if (next == nullptr) return {What::kRead, named, {}, {}, {}};
  if (claim_open || RowsMayBeGone(next->start_lsn, resume)) {
    return {What::kRead, named, next->start_lsn.Previous(), {}, {}};
  }
  return {What::kFollow, *next, {}, {}, {}};
}

InstanceChoice WithoutNamed(const Position& resume, const state::Table& entry,
                            const InstanceFacts& facts) {
  const auto candidates = InstancesOf(entry.source_object_id, facts);
  if (candidates.empty()) return {};
  const auto begun = std::ranges::find_if(candidates, [&](const CaptureInstance* candidate) {
    return HasBegun(*candidate, facts.horizon);
  });
  if (begun == candidates.end()) return {What::kNotYet, *candidates.front(), {}, {}, {}};
  const bool gone = RowsMayBeGone((*begun)->start_lsn, resume);
  return {gone ? What::kGap : What::kFollow, **begun, {}, {}, {}};
}

}  // namespace

bool HasBegun(const CaptureInstance& instance, const Lsn& horizon) {
  return !instance.start_lsn.is_zero() && instance.start_lsn.Previous() <= horizon;
}

InstanceChoice ChooseInstance(const state::Document& document, const state::Table& entry,
                              const InstanceFacts& facts, bool claim_open) {
  const Position resume = document.ResumePosition(entry);
  const auto named = std::ranges::find_if(
      facts.instances, [&](const CaptureInstance& instance) { return IsNamed(instance, entry); });
  InstanceChoice choice = named != facts.instances.end()
                              ? OfNamed(resume, entry, *named, facts, claim_open)
                              : WithoutNamed(resume, entry, facts);
  if (const CaptureInstance* namesake = NamesakeOf(document, entry, facts.instances)) {
    const CaptureInstance* first = FirstInstance(namesake->source_object_id, facts);
    choice.namesake = first != nullptr ? *first : *namesake;
  }
  return choice;
}

std::string WhyReplaced(const state::Table& entry, const InstanceChoice& choice) {
  const bool gone = choice.what == What::kGone;
  const std::string earlier = gone ? "is not captured any more"
                              : entry.name_today.empty()
                                  ? "is captured still"
                                  : "is called " + entry.name_today + " today";
  return "another table is captured under this name now (capture instance " +
         choice.namesake->name + ", object id " +
         std::to_string(choice.namesake->source_object_id) +
         "); the one that was delivered until now (object id " +
         std::to_string(entry.source_object_id) + ") " + earlier +
         ". Nothing of either is read. To let the new one go on in this folder, once what the "
         "earlier one has is delivered" +
         (gone ? " or recorded as a gap" : "") + ": cdc-to-s3 follow " +
         ShellWord(entry.QualifiedName()) +
         " --yes, or [source] on_replace = \"follow\". To deliver it into a folder of its own "
         "instead, give it another name, or the earlier one its name back";
}

Instances InstancesForClaim(const state::Table& entry, const InstanceFacts& facts) {
  Instances found;
  for (const CaptureInstance* instance : InstancesOf(entry.source_object_id, facts)) {
    if (!HasBegun(*instance, facts.horizon)) continue;
    const auto at = IsNamed(*instance, entry) ? found.begin() : found.end();
    found.insert(at, AsCalledIn(entry, *instance));
  }
  return found;
}

const CaptureInstance* FirstInstance(int64_t source_object_id, const InstanceFacts& facts) {
  const CaptureInstance* first = nullptr;
  for (const CaptureInstance* instance : InstancesOf(source_object_id, facts)) {
    if (!HasBegun(*instance, facts.horizon)) continue;
    if (IsPinned(*instance, facts)) return instance;
    if (first == nullptr) first = instance;
  }
  return first;
}

}  // namespace cdc::rules
