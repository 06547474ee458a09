#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "capture/testing/dba.h"
#include "capture/testing/judge.h"
#include "rules/selection.h"
#include "rules/table_identity.h"
#include "state/document.h"

namespace cdc::capture::testing {

// Judges what is left after a database's administrator has been at work: from the objects, their
// footers, the ledger of what was ever captured, and of the state document its names, positions and
// gaps.
class DbaJudge {
 public:
  struct Facts {
    const Dba& dba;
    const std::set<int64_t>& hidden;  // source tables whose names the login may not see
    const rules::TableSelection& selection;
    const state::Document& document;
    const std::map<std::string, std::vector<SeenObject>>& folders;
    // What the settings said when an object was put.
    const std::map<std::string, columns::OutputRules>& settings_of;
    const std::set<std::string>& told;  // names that the last run said it does not read
    Lsn newest;
  };

  explicit DbaJudge(const Facts& facts) : facts_(facts) {
    for (const auto& [folder, objects] : facts.folders) {
      for (const SeenObject& object : objects) {
        of_table_[object.record.source_object_id].push_back(&object);
      }
    }
    for (auto& [id, objects] : of_table_) {
      std::ranges::stable_sort(objects, {}, [](const auto* object) { return object->record.from; });
    }
  }

  // "" if all is right; else what is not.
  std::string Judge() const {
    for (const auto& [folder, objects] : facts_.folders) {
      if (auto wrong = JudgeChain(objects); !wrong.empty()) return folder + ": " + wrong;
    }
    for (const auto& [name, table] : facts_.document.tables) {
      if (auto wrong = JudgeEntry(table); !wrong.empty()) return name + ": " + wrong;
    }
    for (const auto& [id, objects] : of_table_) {
      if (!facts_.dba.tables.contains(id)) {
        return objects.front()->key + " is of no source table: " + std::to_string(id);
      }
    }
    for (const auto& [id, table] : facts_.dba.tables) {
      if (auto wrong = JudgeRows(id, table); !wrong.empty()) return Name(id) + ": " + wrong;
    }
    return JudgeColumns();
  }

  // Whether the last run said that it does not read the table.
  bool IsTold(int64_t id) const {
    if (const state::Table* entry = rules::EntryOf(facts_.document, id)) {
      return facts_.told.contains(entry->QualifiedName());
    }
    const Dba::SourceTable& table = facts_.dba.tables.at(id);
    if (!facts_.hidden.contains(id)) return facts_.told.contains(table.schema + "." + table.name);
    return std::ranges::any_of(table.instances, [&](const std::string& instance) {
      return facts_.told.contains("capture instance " + instance);
    });
  }

 private:
  std::string Name(int64_t id) const {
    const Dba::SourceTable& table = facts_.dba.tables.at(id);
    const state::Table* entry = rules::EntryOf(facts_.document, id);
    return "source table " + std::to_string(id) + " (" + table.schema + "." + table.name +
           (table.dropped ? ", dropped" : "") +
           (entry != nullptr ? ", entry " + entry->QualifiedName() : ", no entry") + ")";
  }

  static std::string JudgeGaps(const std::vector<pq::Gap>& gaps) {
    for (const pq::Gap& gap : gaps) {
      if (gap.from >= gap.to) {
        return "a gap from " + gap.from.ToString() + " to " + gap.to.ToString();
      }
    }
    return "";
  }

  // Numbers, previous keys and counts; and that an object begins where the one before it of the
  // same source table ended, or behind a gap that it carries.
  static std::string JudgeChain(const std::vector<SeenObject>& objects) {
    const SeenObject* previous = nullptr;
    for (const SeenObject& object : objects) {
      const pq::FooterRecord& record = object.record;
      const std::string what = object.key + " ";
      if (record.sequence != (previous == nullptr ? 1 : previous->record.sequence + 1))
        return what + "has sequence " + std::to_string(record.sequence);
      if (record.previous_key != (previous == nullptr ? "" : previous->key))
        return what + "names the previous object " + record.previous_key;
      if (record.rows != std::ssize(object.rows)) return what + "has a wrong count";
      if (!object.rows.empty() && object.rows.back().operation == 3)
        return what + "splits an update";
      if (auto wrong = JudgeGaps(record.gaps); !wrong.empty()) return what + "carries " + wrong;
      if (previous != nullptr && !FollowsOn(previous->record, record))
        return what + "begins at " + record.from.ToString() + ", and " + previous->key +
               " ended at " + previous->record.to.ToString();
      previous = &object;
    }
    return "";
  }

  static bool FollowsOn(const pq::FooterRecord& previous, const pq::FooterRecord& next) {
    if (previous.source_object_id != next.source_object_id || previous.to == next.from) return true;
    return next.from > previous.to && std::ranges::any_of(next.gaps, [&](const pq::Gap& gap) {
             return gap.to == next.from && gap.from >= previous.to;
           });
  }

  // Every gap is one, and in the footer that the document says carries it; a table that is not told
  // is complete.
  std::string JudgeEntry(const state::Table& table) const {
    std::map<int64_t, const SeenObject*> objects;
    if (const auto folder = facts_.folders.find(table.folder); folder != facts_.folders.end()) {
      for (const SeenObject& object : folder->second) objects[object.record.sequence] = &object;
    }
    for (const state::Gap& gap : table.gaps) {
      const pq::Gap plain = {gap.from, gap.to};
      if (auto wrong = JudgeGaps({plain}); !wrong.empty()) return "the document has " + wrong;
      // The object of the last claim need not be there where the table is told.
      const auto carrier = objects.find(gap.carried_by);
      if (carrier == objects.end()) continue;
      if (std::ranges::find(carrier->second->record.gaps, plain) ==
          carrier->second->record.gaps.end())
        return carrier->second->key + " does not carry its gap to " + gap.to.ToString();
    }
    const bool selected = facts_.selection.Selects(table.schema, table.name);
    if (!selected || facts_.told.contains(table.QualifiedName())) return "";
    const Position resume = facts_.document.ResumePosition(table);
    if (std::ssize(objects) != table.sequence() || resume.lsn() < facts_.newest)
      return "neither complete nor told: it is at " + resume.ToString() + " with " +
             std::to_string(objects.size()) + " objects of " + std::to_string(table.sequence());
    return "";
  }

  std::string JudgeRows(int64_t id, const Dba::SourceTable& table) const {
    const std::set<RowKey> ledger(table.history.begin(), table.history.end());
    std::set<RowKey> missing = ledger;
    std::optional<RowKey> last;
    const auto objects = of_table_.find(id);
    if (objects != of_table_.end()) {
      for (const SeenObject* object : objects->second) {
        for (const RowKey& row : object->rows) {
          const std::string what = object->key + " has row " + Position::AfterRow(row).ToString();
          if (!ledger.contains(row)) return what + ", which was never captured";
          if (missing.erase(row) == 0) return what + " once more";
          if (last && row < *last) return what + " out of order";
          last = row;
        }
      }
    }
    for (const RowKey& row : table.excused) missing.erase(row);
    if (missing.empty() || IsTold(id)) return "";
    const std::set<RowKey> readable = facts_.dba.Readable(id);
    for (const RowKey& row : missing) {
      if (MayBeLeftOut(id, row)) continue;
      const bool in_gap = IsInGap(id, row);
      if (in_gap && !readable.contains(row)) continue;
      return "row " + Position::AfterRow(row).ToString() + " is in no object, and " +
             (in_gap ? "in a gap though an instance still has it" : "in no gap") +
             "; nothing was told";
    }
    return "";
  }

  // No setting selects it, and no entry of another name has promised it.
  bool MayBeLeftOut(int64_t id, const RowKey& row) const {
    if (const state::Table* entry = rules::EntryOf(facts_.document, id)) {
      return !facts_.selection.Selects(entry->schema, entry->name);
    }
    const state::EarlierTable* before = rules::DeliveredBefore(facts_.document, id);
    if (before != nullptr && before->through.Covers(row)) return false;
    const Dba::SourceTable& table = facts_.dba.tables.at(id);
    return !facts_.hidden.contains(id) && !facts_.selection.Selects(table.schema, table.name);
  }

  bool IsInGap(int64_t id, const RowKey& row) const {
    const auto covers = [&](const auto& gap) {
      return !gap.from.Covers(row) && gap.to.Covers(row);
    };
    for (const auto& [name, entry] : facts_.document.tables) {
      const bool had = std::ranges::any_of(entry.earlier_tables, [&](const auto& earlier) {
        return earlier.source_object_id == id;
      });
      if (entry.source_object_id != id && !had) continue;
      for (const state::Gap& gap : entry.gaps) {
        if ((gap.source_object_id == 0 || gap.source_object_id == id) && covers(gap)) return true;
      }
      const auto objects = facts_.folders.find(entry.folder);
      if (objects == facts_.folders.end()) continue;
      for (const SeenObject& object : objects->second) {
        if (std::ranges::any_of(object.record.gaps, covers)) return true;
      }
    }
    return false;
  }

  using KeptBack = std::map<int64_t, std::string>;  // column id, and the first object without it

  // What was once kept back of a source table, in whatever folder, is never in clear again; and every
  // value is one of the source table that the footer names. Of a table that follows another one in
  // its folder ids say nothing: those are two tables here.
  std::string JudgeColumns() const {
    std::map<int64_t, KeptBack> of_table;
    for (const auto& [id, objects] : of_table_) {
      for (const SeenObject* object : objects) {
        if (auto wrong = JudgeColumnsOf(*object, &of_table[id]); !wrong.empty()) return wrong;
      }
    }
    return "";
  }

  std::string JudgeColumnsOf(const SeenObject& object, KeptBack* kept_back) const {
    const pq::FooterRecord& record = object.record;
    const auto output =
        columns::OutputOf(facts_.settings_of.at(object.key), record.schema, record.table,
                          facts_.dba.columns_of.at(record.capture_instance))
            .ValueOrDie();
    // A claim whose rows are gone is settled without any, by whatever instance is there.
    if (record.rows == 0) return "";
    for (const auto& column : output.left_out) kept_back->emplace(column.column_id, object.key);
    for (const auto& column : output.columns) {
      if (column.IsMasked()) kept_back->emplace(column.column_id, object.key);
    }
    for (const auto& [column, values] : object.clear) {
      for (const int64_t value : values) {
        if (value / 100 != record.source_object_id)
          return object.key + " has values of source table " + std::to_string(value / 100);
        if (const auto before = kept_back->find(value % 100); before != kept_back->end())
          return object.key + " shows column " + column + " (id " + std::to_string(before->first) +
                 "), which was kept back in " + before->second;
      }
    }
    return "";
  }

  const Facts& facts_;
  std::map<int64_t, std::vector<const SeenObject*>> of_table_;  // by source_object_id
};

}  // namespace cdc::capture::testing
