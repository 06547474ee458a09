#include "repair/follow.h"

#include "repair/judge.h"
#include "rules/instance_choice.h"
#include "rules/table_identity.h"

namespace cdc::repair {

using arrow::Result;
using arrow::Status;

namespace {

std::optional<Replacement> Judge(const rules::Settings& settings, const state::Document& document,
                                 const source::PollInfo& info, const std::string& name) {
  const state::Table& table = document.tables.at(name);
  const auto choice = rules::ChooseInstance(document, table,
                                            {info.instances, info.horizon->lsn, settings.instances},
                                            table.claim && !table.claim->confirmed);
  if (!choice.namesake) return std::nullopt;
  Replacement replacement;
  replacement.table = name;
  replacement.instance = choice.namesake->name;
  replacement.earlier_id = table.source_object_id;
  replacement.follower_id = choice.namesake->source_object_id;
  replacement.earlier_is_gone = choice.what == rules::InstanceChoice::What::kGone;
  replacement.allowed = rules::MayFollow(settings, table, *choice.namesake);
  if (replacement.earlier_is_gone) {
    replacement.lost =
        rules::GapOfGoneTable(*choice.namesake, document.ResumePosition(table), info.horizon->lsn);
  } else {
    replacement.name_today = table.name_today;
    const auto today = rules::NameToday(table, info.instances);
    if (today) replacement.name_today = *today;
  }
  return replacement;
}

}  // namespace

Result<std::vector<Replacement>> FindReplacements(const rules::Settings& settings,
                                                  source::Source& source,
                                                  const state::Document& document,
                                                  const std::vector<std::string>& tables) {
  ARROW_ASSIGN_OR_RAISE(const source::PollInfo info, AskServer(source, document));
  std::vector<Replacement> found;
  for (const std::string& name : tables) {
    if (!document.tables.contains(name)) continue;
    if (auto replacement = Judge(settings, document, info, name)) {
      found.push_back(std::move(*replacement));
    }
  }
  return found;
}

Result<std::vector<Replacement>> AllowFollowers(const rules::Settings& settings,
                                                source::Source& source, store::Store& state_store,
                                                const Clock& clock,
                                                const std::vector<std::string>& tables) {
  ARROW_ASSIGN_OR_RAISE(auto owned, TakeOver(settings, state_store, clock));
  const auto found = FindReplacements(settings, source, owned.document(), tables);
  state::Edits edits;
  if (found.ok()) {
    for (const Replacement& replacement : *found) {
      edits.emplace_back(state::AllowFollower{replacement.table, replacement.follower_id});
    }
  }
  const Status released = owned.Release(std::move(edits));
  ARROW_RETURN_NOT_OK(found.status());
  ARROW_RETURN_NOT_OK(released);
  return found;
}

}  // namespace cdc::repair
