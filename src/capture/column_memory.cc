#include "capture/column_memory.h"

#include <vector>

#include "rules/column_guard.h"
#include "state/edits.h"

namespace cdc::capture {

namespace {

using arrow::Status;
using source::TableDescription;
using Described = std::map<int64_t, TableDescription>;

bool WasLookedAt(Context& context, const std::string& name, const Reading& reading) {
  return context.known[name].columns_of == reading.instance.change_table_object_id;
}

Status LookAt(Context& context, const std::string& name, const Reading& reading,
              const Described& described) {
  const int64_t id = reading.instance.change_table_object_id;
  if (const auto found = described.find(id); found != described.end()) {
    const state::KnownColumns& before = context.table(name).columns;
    const Status shown = rules::CheckColumns(name, before, found->second);
    if (!shown.ok()) return StopsTable(shown.message());
    auto columns = rules::KnownColumnsOf(found->second, before);
    if (columns != before) context.held.Note(state::RememberColumns{name, std::move(columns)});
  }
  context.known[name].columns_of = id;
  return Status::OK();
}

}  // namespace

Status RememberColumns(Context& context, std::map<std::string, Reading>* readable) {
  std::vector<source::CaptureInstance> asked;
  for (const auto& [name, reading] : *readable) {
    if (!WasLookedAt(context, name, reading)) asked.push_back(reading.instance);
  }
  if (asked.empty()) return Status::OK();
  const auto described =
      context.work.Ask<Described>([&] { return context.with.source.DescribeColumns(asked); });
  for (auto entry = readable->begin(); entry != readable->end();) {
    const auto& [name, reading] = *entry;
    Status looked = described.status();
    if (WasLookedAt(context, name, reading)) {
      looked = Status::OK();
    } else if (looked.ok()) {
      looked = LookAt(context, name, reading, *described);
    }
    if (!looked.ok()) ARROW_RETURN_NOT_OK(context.known.StopTable(name, looked));
    entry = looked.ok() ? std::next(entry) : readable->erase(entry);
  }
  return Status::OK();
}

}  // namespace cdc::capture
