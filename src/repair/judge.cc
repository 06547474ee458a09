#include "repair/judge.h"

#include "rules/same_database.h"

namespace cdc::repair {

using arrow::Result;
using arrow::Status;

namespace {

constexpr int kTakeOversMax = 5;  // a busy owner may swap between our look and our swap

}  // namespace

Result<source::PollInfo> AskServer(source::Source& source, const state::Document& document) {
  ARROW_ASSIGN_OR_RAISE(const auto identity, source.Identify());
  const auto& anchor = document.anchor;
  ARROW_ASSIGN_OR_RAISE(auto info, source.Poll(anchor ? std::optional(anchor->lsn) : std::nullopt));
  const auto verdict = rules::JudgeDatabase(document, identity, info);
  if (verdict.history == rules::History::kReplaced) {
    return Status::Invalid("the database was restored or replaced, so its gaps say nothing: ",
                           verdict.why, ". ", rules::AdviceForReplaced(document, info));
  }
  if (verdict.history == rules::History::kWait || !info.horizon) {
    return Status::Invalid("gaps cannot be judged now: ",
                           info.horizon ? verdict.why : "the server knows no captured change",
                           ". Try again later");
  }
  return info;
}

Result<state::OwnedDocument> TakeOver(const rules::Settings& settings, store::Store& state_store,
                                      const Clock& clock) {
  for (int attempt = 1;; ++attempt) {
    ARROW_ASSIGN_OR_RAISE(const auto stored, state::ReadDocument(state_store, settings.document()));
    if (!stored) return Status::Invalid("there is no state document, and so no gap in it");
    auto owned = state::OwnedDocument::TakeOver(state_store, clock, stored, {}, settings.lease);
    if (owned.ok() || !state::IsOwnershipLost(owned.status()) || attempt == kTakeOversMax) {
      return owned;
    }
  }
}

}  // namespace cdc::repair
