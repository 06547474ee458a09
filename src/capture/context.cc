#include "capture/context.h"

#include "base/events.h"
#include "base/utc_text.h"
#include "odbc/connection.h"

namespace cdc::capture {

namespace {

using arrow::Status;

constexpr std::chrono::seconds kRetryPause{60};

class Scope : public arrow::StatusDetail {
 public:
  explicit Scope(const char* id) : id_(id) {}
  const char* type_id() const override { return id_; }
  std::string ToString() const override { return id_; }

 private:
  const char* id_;
};

constexpr char kEverything[] = "cdc::capture::stops_everything";
constexpr char kTable[] = "cdc::capture::stops_table";

bool Is(const Status& status, const char* id) {
  return status.detail() != nullptr && status.detail()->type_id() == std::string_view(id);
}

bool IsTransient(const Status& status) {
  if (Is(status, kTable)) return false;
  if (store::KindOf(status) == store::ErrorKind::kTransient) return true;
  return odbc::ClassOf(status) != odbc::ErrorClass::kPermanent;
}

}  // namespace

Status StopsEverything(const std::string& message) {
  return Status::FromDetailAndArgs(arrow::StatusCode::Invalid, std::make_shared<Scope>(kEverything),
                                   message);
}

bool IsStopsEverything(const Status& status) { return Is(status, kEverything); }

Status StopsTable(const std::string& message) {
  return Status::FromDetailAndArgs(arrow::StatusCode::Invalid, std::make_shared<Scope>(kTable),
                                   message);
}

void MoveAnchor(state::Document& document, const source::Horizon& horizon) {
  if (document.anchor && horizon.lsn <= document.anchor->lsn) return;
  document.anchor = state::Anchor{horizon.lsn, horizon.tran_end_time};
}

Status Context::Swap(const std::function<void(state::Document&)>& change) {
  ARROW_RETURN_NOT_OK(owned.Swap([&](state::Document& document) {
    for (const auto& rider : pending) rider(document);
    change(document);
  }));
  pending.clear();
  return Status::OK();
}

Status Context::TableTrouble(const std::string& name, const Status& why) {
  if (IsStopsEverything(why) || state::IsOwnershipLost(why) || state::IsUnsettled(why) || stop)
    return why;
  // A lost connection is the round's trouble: no further verdict of this round would count.
  if (odbc::ClassOf(why) == odbc::ErrorClass::kConnectionLost) return why;
  TableRuntime& table = runtime[name];
  const bool transient = IsTransient(why);
  table.transient = transient;
  table.retry_at = clock.MonotonicNow() + (transient ? std::chrono::nanoseconds(0) : kRetryPause);
  if (table.trouble == why.message()) return Status::OK();
  table.trouble = why.message();
  LogEvent(transient ? Level::kWarn : Level::kError, transient ? "table_retry" : "table_stopped",
           {{"table", name}, {"why", why.message()}});
  if (!transient) {
    pending.push_back([name, why = why.message(), at = FormatUtc(clock.UtcNow())](auto& document) {
      const auto found = document.tables.find(name);
      if (found == document.tables.end() || found->second.stopped == why) return;
      found->second.stopped = why;
      found->second.stopped_since = at;
    });
  }
  return Status::OK();
}

void Context::TableFine(const std::string& name) {
  TableRuntime& table = runtime[name];
  const auto found = document().tables.find(name);
  const bool recorded = found != document().tables.end() && !found->second.stopped.empty();
  if (table.trouble.empty() && !recorded) return;
  LogEvent(Level::kInfo, "table_resumed", {{"table", name}});
  table.trouble.clear();
  if (recorded) {
    pending.push_back([name](auto& document) {
      document.tables.at(name).stopped.clear();
      document.tables.at(name).stopped_since.clear();
    });
  }
}

}  // namespace cdc::capture
