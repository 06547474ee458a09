#include "capture/context.h"

namespace cdc::capture {

std::shared_ptr<const Tools> Tools::Of(const Context& context) {
  return std::make_shared<const Tools>(
      Tools{context.options, context.with.sources, context.with.data, context.with.clock,
            context.identity.guid, context.held.last_swap_sent(), context.work.Useless()});
}

}  // namespace cdc::capture
