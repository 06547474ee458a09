#include "capture/groups.h"

#include "rules/holders.h"
#include "rules/naming.h"
#include "rules/table_identity.h"

namespace cdc::capture {

using arrow::Status;

arrow::Result<state::OtherTables> LookAtOthers(const Options& options, store::Store& state) {
  ARROW_ASSIGN_OR_RAISE(auto others, state::TablesOfOthers(state, options.document()));
  if (rules::TellsDatabasesApart(options.path)) return others;
  ARROW_ASSIGN_OR_RAISE(const auto further,
                        state::FoldersOfOtherDatabases(state, options.database));
  for (const auto& [folder, document] : further) {
    others.folders.emplace(folder, state::Holder{document, ""});
  }
  return others;
}

Status IfAnothers(const Context& context, const state::OtherTables& others,
                  const std::string& name) {
  const state::Table& table = context.table(name);
  const std::string why = rules::WhyAnothers(others, context.options.database,
                                             {name, table.source_object_id, table.folder});
  return why.empty() ? Status::OK() : StopsTable(why);
}

Status CheckFollower(const Context& context, const std::string& name,
                     const source::PollInfo& info) {
  const state::Table& table = context.table(name);
  const auto* namesake = rules::NamesakeOf(context.document(), table, info.instances);
  if (namesake == nullptr || !rules::MayFollow(context.options, table, *namesake)) {
    return Status::OK();
  }
  const auto others = LookAtOthers(context.options, context.with.state);
  if (!others.ok()) return NotKnownWhose(others.status());
  const std::string why = rules::WhyFollowerIsAnothers(*others, table, namesake->source_object_id);
  return why.empty() ? Status::OK() : StopsTable(why);
}

Status NotKnownWhose(const Status& why) {
  return StopsTable("it waits until it is known whether another program delivers it: " +
                    why.message());
}

}  // namespace cdc::capture
