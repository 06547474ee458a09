#include "app/operation.h"

namespace cdc::app {

arrow::Result<Operation> BeginOperation(const config::Config& config, bool change) {
  Operation operation;
  ARROW_ASSIGN_OR_RAISE(operation.stores, OpenStores(config));
  ARROW_ASSIGN_OR_RAISE(operation.source, source::ConnectSqlServer(SourceOptions(config)));
  ARROW_ASSIGN_OR_RAISE(const auto identity, operation.source->Identify());
  if (!identity.cdc_enabled) {
    return arrow::Status::Invalid("change data capture is not enabled in database ", identity.name,
                                  ". What helps: USE [", identity.name,
                                  "]; EXEC sys.sp_cdc_enable_db");
  }
  if (change) ARROW_RETURN_NOT_OK(RequireConditions(operation.stores));
  operation.options = CaptureOptions(config, identity.name);
  return operation;
}

}  // namespace cdc::app
