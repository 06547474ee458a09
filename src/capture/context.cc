#include "capture/context.h"

#include "rules/holders.h"

namespace cdc::capture {

std::shared_ptr<const Tools> Tools::Of(const Context& context) {
  const bool begins_folders = context.options.on_type_change == rules::OnTypeChange::kNewFolder;
  return std::make_shared<const Tools>(Tools{
      context.options, context.with.sources, context.with.data, context.with.state,
      context.with.clock, context.identity.guid, context.held.last_swap_sent(),
      begins_folders ? rules::FoldersInUse(context.options, context.document(), context.captured)
                     : std::set<std::string>(),
      context.work.Useless()});
}

}  // namespace cdc::capture
