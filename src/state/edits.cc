#include "state/edits.h"

#include <algorithm>

namespace cdc::state {

namespace {

constexpr size_t kGapsKept = 100;
// A table is followed to a newer instance now and then; SQL Server allows two at a time.
constexpr size_t kEarlierInstancesKept = 16;

Table& At(Document* document, const std::string& name) { return document->tables.at(name); }

// Of those that objects carry already only the newest stay.
void AddGap(Table* table, const Gap& gap) {
  if (table->gaps.size() >= kGapsKept) {
    const int64_t last = table->sequence();
    const auto carried = std::ranges::find_if(table->gaps, [last](const Gap& known) {
      return known.carried_by != 0 && known.carried_by < last;
    });
    if (carried != table->gaps.end()) table->gaps.erase(carried);
  }
  table->gaps.push_back(gap);
}

void Bind(Table* table, const InstanceIds& instance) {
  table->capture_instance = instance.name;
  table->change_table_object_id = instance.change_table_object_id;
  table->source_object_id = instance.source_object_id;
}

// Beyond so many columns of a table their counts go together, so that the document stays small.
void AddAltered(const std::map<std::string, int64_t>& altered, Table* table) {
  std::map<std::string, int64_t>& known = table->altered_values;
  for (const auto& [column, count] : altered) {
    const bool room = known.contains(column) || known.size() < kAlteredColumnsKept;
    known[room ? column : kOtherColumns] += count;
  }
}

// Up to here all transactions of the table are whole, in objects that are known to be there: a
// claim whose object is not moves the table's position, but nobody can read its rows yet.
Lsn WholeUpTo(const Document& document, const Table& table) {
  const bool missing = table.claim && !table.claim->confirmed;
  return (missing ? table.claim->from : document.ResumePosition(table)).WholeTransactions();
}

struct Editor {
  Document* document;

  void operator()(const EnterTable& edit) {
    document->tables.emplace(edit.table.QualifiedName(), edit.table);
  }

  void operator()(const WithdrawTable& edit) { document->tables.erase(edit.table); }

  void operator()(const FollowInstance& edit) {
    Table& table = At(document, edit.table);
    std::vector<int64_t>& earlier = table.earlier_instances;
    const int64_t left = table.change_table_object_id;
    const int64_t next = edit.instance.change_table_object_id;
    std::erase(earlier, left);
    std::erase(earlier, next);
    if (edit.helps_out) {
      earlier.push_back(next);
    } else if (left != next) {
      earlier.push_back(left);
    }
    if (earlier.size() > kEarlierInstancesKept) earlier.erase(earlier.begin());
    Bind(&table, edit.instance);
  }

  void operator()(const AllowFollower& edit) {
    At(document, edit.table).follows = edit.source_object_id;
    (*this)(ResumeTable{edit.table});
  }

  void operator()(const FollowTable& edit) {
    Table& table = At(document, edit.table);
    table.earlier_tables.push_back(
        {table.source_object_id, document->ResumePosition(table), table.columns});
    table.earlier_instances.clear();
    table.follows = 0;
    Bind(&table, edit.instance);
    table.name_today.clear();
    table.start = table.position = edit.start;
    table.empty_through = Lsn{};
    table.in_cut = false;
    table.columns = edit.columns;
    table.stopped.clear();
    table.stopped_since.clear();
  }

  void operator()(const MoveStart& edit) {
    Table& table = At(document, edit.table);
    table.start = table.position = edit.start;
  }

  void operator()(const NoteName& edit) { At(document, edit.table).name_today = edit.name_today; }

  void operator()(const ClaimObject& edit) {
    Table& table = At(document, edit.table);
    for (Gap& gap : table.gaps) {
      if (gap.carried_by == 0) gap.carried_by = edit.claim.sequence;
    }
    table.claim = edit.claim;
    table.position = edit.claim.to;
    table.columns = edit.columns;
    if (edit.folder != table.folder) {
      table.earlier_folders.push_back(table.folder);
      table.folder = edit.folder;
    }
    table.form = edit.form;
    AddAltered(edit.altered, &table);
  }

  void operator()(const RememberColumns& edit) { At(document, edit.table).columns = edit.columns; }

  void operator()(const ConfirmClaim& edit) {
    auto& claim = At(document, edit.table).claim;
    if (claim && claim->sequence == edit.sequence) claim->confirmed = true;
  }

  void operator()(const FindWhole& edit) {
    Table& table = At(document, edit.table);
    if (!table.claim) return;
    table.claim->incomplete = false;
    std::erase_if(table.gaps, [&](const Gap& gap) {
      return gap.carried_by == table.claim->sequence && gap.from == table.claim->from &&
             gap.to == table.claim->to;
    });
  }

  void operator()(const RecordGap& edit) {
    Table& table = At(document, edit.table);
    AddGap(&table, edit.gap);
    if (table.claim && edit.gap.carried_by == table.claim->sequence) {
      table.claim->incomplete = true;
    } else if (edit.gap.source_object_id == 0) {
      table.position = edit.gap.to;
    }
  }

  void operator()(const StopTable& edit) {
    const auto found = document->tables.find(edit.table);
    if (found == document->tables.end() || found->second.stopped == edit.why) return;
    found->second.stopped = edit.why;
    found->second.stopped_since = edit.since;
  }

  void operator()(const ResumeTable& edit) {
    Table& table = At(document, edit.table);
    table.stopped.clear();
    table.stopped_since.clear();
  }

  void operator()(const LeaveOut& edit) {
    Table& table = At(document, edit.table);
    if (table.in_cut) {
      table.empty_through = std::max(table.empty_through, document->complete_through);
    }
    table.in_cut = false;
    table.stopped.clear();
    table.stopped_since.clear();
  }

  void operator()(const NoteEmpty& edit) {
    Lsn& known = At(document, edit.table).empty_through;
    known = std::max(known, edit.through);
  }

  void operator()(const MoveAnchor& edit) {
    if (document->anchor && edit.anchor.lsn <= document->anchor->lsn) return;
    document->anchor = edit.anchor;
  }

  void operator()(const TakeIdentity& edit) {
    document->database_guid = edit.database_guid;
    document->family_guid = edit.family_guid;
    document->recovery_fork_guid = edit.recovery_fork_guid;
  }

  // complete_through goes as far as the table of the consistent cut that is farthest behind, and never back.
  void operator()(const CloseRound& edit) {
    document->held_back_by.clear();
    for (const std::string& name : edit.complete) {
      Table& table = At(document, name);
      // Up to complete_through the table must really be whole when it counts for it.
      if (edit.horizon >= document->complete_through) table.in_cut = true;
      table.empty_through = std::max(table.empty_through, edit.horizon);
    }
    bool any = false;
    Lsn least = Lsn::Max();
    for (const auto& [name, table] : document->tables) {
      if (!table.in_cut) continue;
      any = true;
      least = std::min(least, WholeUpTo(*document, table));
      if (!edit.complete.contains(name)) document->held_back_by.push_back(name);
    }
    if (any) document->complete_through = std::max(document->complete_through, least);
    // What complete_through says of every table, none needs to say by itself.
    for (auto& [name, table] : document->tables) {
      if (table.in_cut && table.empty_through <= document->complete_through) {
        table.empty_through = Lsn{};
      }
    }
  }

  void operator()(const GiveUp&) { document->owner.lease_ms = 0; }
};

}  // namespace

void Apply(const Edit& edit, Document* document) { std::visit(Editor{document}, edit); }

}  // namespace cdc::state
