#include "capture/read_task.h"

#include "capture/type_changes.h"
#include "parquet/stored_object.h"
#include "rules/claimed_object.h"
#include "rules/gap.h"

namespace cdc::capture {

using arrow::Result;
using arrow::Status;

namespace {

using Built = Result<std::optional<BuiltObject>>;

// Of rows that are there: a table that has none is not stopped, and nothing is asked for it.
Result<JudgedForm> JudgeNext(const Tools& tools, const ReadOrder& order,
                             const source::TableDescription& description,
                             source::ChangeReader& reader) {
  const rules::ObjectForm next{reader.schema()->fields(), description.options};
  if (rules::DigestOf(next) != order.form.last) {
    const auto first = reader.Peek();
    if (first.ok() && !*first) return JudgedForm{rules::Unchanged(order.form)};
  }
  return JudgeForm(tools, order, next);
}

Built ReadWindow(const Tools& tools, const ReadOrder& order, source::Source& source,
                 const source::TableDescription& description, const Position& to,
                 const std::optional<Position>& whole_to) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, source.Read(description, order.after, to));
  ARROW_ASSIGN_OR_RAISE(JudgedForm judged, JudgeNext(tools, order, description, *reader));
  auto built = BuildObject(*reader, description, order.record, tools.options.limits, whole_to,
                           tools.stopped);
  // The statement is closed while the object is claimed and put: nobody's ALTER waits for S3, and
  // the connection is free for the next question.
  const Status paused = reader->Pause();
  if (built.ok() && *built) {
    (*built)->change = std::move(judged.change);
    (*built)->folder_number = judged.folder_number;
  }
  return built.ok() && !paused.ok() ? Built(paused) : std::move(built);
}

// A row that cannot be delivered must not hold those before it back: they are read again, for an
// object that ends right before it. The table's next read begins with that row, and stops it.
Built ReadRows(const Tools& tools, const ReadOrder& order, source::Source& source,
               const source::TableDescription& description) {
  auto built = ReadWindow(tools, order, source, description, Position::After(order.through), {});
  const auto end = EndBeforeFault(built.status());
  if (!end) return built;
  ARROW_ASSIGN_OR_RAISE(auto object, ReadWindow(tools, order, source, description, *end, end));
  // They are gone meanwhile. The row that stops the table was seen: it is not as if there were
  // none.
  if (object->record.rows == 0) return built;
  object->more = true;
  return object;
}

}  // namespace

Result<source::TableDescription> DescribeGuarded(source::Source& source, const std::string& table,
                                                 const source::CaptureInstance& instance,
                                                 const rules::KnownColumns& known) {
  ARROW_ASSIGN_OR_RAISE(auto description, source.Describe(instance));
  const Status shown = rules::CheckColumns(table, known, description);
  if (!shown.ok()) return StopsTable(shown.message());
  return description;
}

Result<ReadOutcome> ReadNext(const Tools& tools, const ReadOrder& order) {
  if (tools.stopped()) return Status::Cancelled("stopped before reading ", order.table);
  ARROW_ASSIGN_OR_RAISE(auto source, tools.sources.Borrow(order.horizon, tools.database_guid));
  ARROW_ASSIGN_OR_RAISE(const auto description,
                        DescribeGuarded(*source, order.table, order.instance, order.columns));
  ReadOutcome outcome;
  ARROW_ASSIGN_OR_RAISE(outcome.object, ReadRows(tools, order, *source, description));
  if (outcome.object) {
    outcome.object->columns = rules::KnownColumnsOf(description, order.columns);
  }
  ARROW_ASSIGN_OR_RAISE(const auto now, source->RecheckOne(order.instance, order.horizon));
  outcome.overtaken = !now || now->source_object_id != order.instance.source_object_id ||
                      rules::RowsMayBeGone(now->start_lsn, order.after);
  if (outcome.overtaken) outcome.object.reset();
  return outcome;
}

Status PutClaimed(const Tools& tools, const std::string& key, const BuiltObject& object) {
  const pq::FooterRecord& ours = object.record;
  const auto judge = [&](const pq::ObjectThere& found) {
    // Of an incomplete window another owner may have found more rows, before cleanup went on.
    const bool same_claim = rules::IsClaimed(found.identity, ours.history_id, ours);
    const bool same_rows = same_claim && found.identity->rows == ours.rows &&
                           found.identity->checksum == ours.checksum;
    if (same_rows || (same_claim && ours.incomplete)) return Status::OK();
    return StopsTable("another object sits at the key of this table's next one, " +
                      tools.data.url() + "/" + key + ". Move it away; the table goes on by itself");
  };
  store::PutOptions options;
  options.metadata = ours.ToUserMetadata();
  // INVARIANT: a process that slept between claim and put must not put any more: somebody else has
  // recovered the claim, and a consumer may have moved the object away since. The store refuses an
  // old signature. So it is signed with the time of a swap that succeeded, never with the clock's
  // now; and with that of the last one, however long the put has waited for its turn since: it
  // shows that the document, and the claim in it, were still ours.
  options.signed_at = tools.last_swap_sent->load();
  if (!tools.options.conditional_puts) {
    options.mode = store::PutMode::kOverwrite;
    // Such a store cannot refuse by itself; where it lets us look, we do.
    const auto found = pq::IdentifyObject(tools.data, key);
    if (found.ok() && found->there) ARROW_RETURN_NOT_OK(judge(*found));
  }
  ARROW_ASSIGN_OR_RAISE(const auto result, tools.data.Put(key, *object.bytes, options));
  if (result == store::PutResult::kCreated) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const pq::ObjectThere found, pq::IdentifyObject(tools.data, key));
  if (!found.there) return TransientFault(key + " was there and is not any more");
  return judge(found);
}

}  // namespace cdc::capture
