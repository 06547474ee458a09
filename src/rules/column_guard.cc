#include "rules/column_guard.h"

#include <algorithm>
#include <vector>

#include "base/glob.h"
#include "base/text.h"
#include "columns/type_change.h"

namespace cdc::rules {

namespace {

using arrow::Status;
using columns::SourceColumn;
using source::TableDescription;
using state::KnownColumn;

constexpr size_t kEarlierNamesKept = 16;

bool IsClear(const SourceColumn& column) { return !column.IsMasked(); }

const KnownColumn* Find(const KnownColumns& known, int64_t column_id) {
  const auto found = std::ranges::find(known, column_id, &KnownColumn::column_id);
  return found == known.end() ? nullptr : &*found;
}

const SourceColumn* Find(const TableDescription& now, int64_t column_id) {
  for (const auto* part : {&now.columns, &now.left_out}) {
    const auto found = std::ranges::find(*part, column_id, &SourceColumn::column_id);
    if (found != part->end()) return &*found;
  }
  return nullptr;
}

bool HasName(const auto& columns, const std::string& name) {
  return std::ranges::any_of(columns,
                             [&](const auto& column) { return SameName(column.name, name); });
}

bool WasCalledEarlier(const KnownColumn& known, const std::string& name) {
  return std::ranges::any_of(known.earlier_names,
                             [&](const std::string& earlier) { return SameName(earlier, name); });
}

bool WasCalled(const KnownColumn& known, const std::string& name) {
  return SameName(known.name, name) || WasCalledEarlier(known, name);
}

void Rename(const std::string& name, KnownColumn* known) {
  std::vector<std::string>& earlier = known->earlier_names;
  if (!SameName(known->name, name)) {
    std::erase_if(earlier, [&](const std::string& one) { return SameName(one, known->name); });
    earlier.push_back(known->name);
    std::erase_if(earlier, [&](const std::string& one) { return SameName(one, name); });
    if (earlier.size() > kEarlierNamesKept) earlier.erase(earlier.begin());
  }
  known->name = name;
}

void Set(const KnownColumn& column, KnownColumns* known) {
  const auto at = std::ranges::lower_bound(*known, column.column_id, {}, &KnownColumn::column_id);
  if (at != known->end() && at->column_id == column.column_id) {
    Rename(column.name, &*at);
    at->delivered = column.delivered;
  } else {
    known->insert(at, column);
  }
}

bool IsListed(const TableDescription& description) {
  const auto is_listed = [](const SourceColumn& column) { return !column.list.empty(); };
  return std::ranges::any_of(description.columns, is_listed) ||
         std::ranges::any_of(description.left_out, is_listed);
}

bool AnyKeptBack(const KnownColumns& known) {
  return std::ranges::any_of(
      known, [](const KnownColumn& column) { return column.delivered != state::kClear; });
}

KnownColumns AllOf(const TableDescription& description, const KnownColumns& before) {
  KnownColumns known = before;
  for (const SourceColumn& column : description.columns) {
    Set({column.column_id, column.name, IsClear(column) ? state::kClear : state::kMasked}, &known);
  }
  for (const SourceColumn& column : description.left_out) {
    Set({column.column_id, column.name, state::kLeftOut}, &known);
  }
  return known;
}

bool IsNamed(const SourceColumn& column) {
  return column.listed_by_name || column.unmasked_by_name || column.left_out_by_name;
}

// Other known columns that had the name which the column has now: a setting of that name may mean
// any of them.
std::vector<const KnownColumn*> OthersOfItsName(const SourceColumn& column,
                                                const KnownColumn& before,
                                                const KnownColumns& known) {
  std::vector<const KnownColumn*> others;
  for (const KnownColumn& other : known) {
    const bool is_it = other.column_id == before.column_id || other.column_id == column.column_id;
    if (!is_it && WasCalled(other, column.name)) others.push_back(&other);
  }
  return others;
}

// What was kept back, and would be shown now.
struct Shown {
  const SourceColumn& column;
  const KnownColumn& before;
  // Captured columns that its setting was there for, or may have been: no setting names them by
  // their present name.
  std::vector<const SourceColumn*> meant = {};
};

// It may be shown: a rule says so of this very column. A list that has its name does not when it had
// another column of that name: then it means that one. What unmasks the name does once it is clear
// that it does not mean the other one any more.
bool MayBeShown(const KnownColumns& known, const TableDescription& now, Shown* shown) {
  const SourceColumn& column = shown->column;
  if (!IsClear(column)) return true;
  const auto others = OthersOfItsName(column, shown->before, known);
  if (column.unmasked_by_name) {
    for (const KnownColumn* other : others) {
      const SourceColumn* captured = Find(now, other->column_id);
      if (captured != nullptr && !IsNamed(*captured)) shown->meant.push_back(captured);
    }
    return shown->meant.empty();
  }
  return shown->before.delivered == state::kLeftOut && column.listed_by_name && others.empty();
}

const char* WordOf(const KnownColumn& column) {
  return column.delivered == state::kMasked ? "masked" : "left out";
}

std::string Section(const std::string& table, const std::string& column) {
  return "[table." + TomlString(table) + ".column." + TomlString(column) + "]";
}

std::string WouldBeShown(const std::string& table, const Shown& shown) {
  const std::string& name = shown.column.name;
  const std::string section = Section(table, name);
  std::string text = "column " + name;
  if (shown.before.name != name) text += ", which was called " + shown.before.name + " then,";
  text += std::string(" was ") + WordOf(shown.before);
  text += shown.meant.empty() ? ", and no setting covers it any more"
                              : ", and what the settings say of that name was said of another one";
  text += "; to keep it back: " + section +
          " mask = \"hash\" (or \"null\"), or exclude_columns = [" + TomlString(name) +
          "]; to deliver it as it is: " + section + " mask = \"none\"";
  for (const SourceColumn* other : shown.meant) {
    text += ", and name " + other->name + ", which was called " + name +
            " before, too: in columns or exclude_columns, or " + Section(table, other->name) +
            " mask = \"none\"";
  }
  return text;
}

std::string WouldBeMissing(const KnownColumn& known, const SourceColumn& now) {
  const std::string name = TomlString(now.name);
  std::string text = "column " + now.name + " was delivered as " + known.name +
                     ", and the settings do not name it by its present name: ";
  if (now.list.empty()) {
    return text + "a pattern of exclude_columns leaves it out. To leave it out, add " + name +
           " to exclude_columns; to deliver it, change the pattern";
  }
  return text + "add " + name + " to columns of " + now.list +
         ", the list that counts for it, or to exclude_columns to leave it out";
}

// All of them at once: whoever mends the settings wants to do so once.
Status Refuse(const std::vector<std::string>& faults) {
  if (faults.empty()) return Status::OK();
  std::string text;
  for (const std::string& fault : faults) text += (text.empty() ? "" : ". ") + fault;
  return Status::Invalid(
      text, ". Nothing more of the table is read until the settings say what is meant");
}

// What is known of the column; of one that is new, what is known of one that was kept back under its
// name and is not captured any more: it was dropped, and made anew.
const KnownColumn* KeptBack(const SourceColumn& column, const KnownColumns& known,
                            const TableDescription& now) {
  if (const KnownColumn* before = Find(known, column.column_id)) {
    return before->delivered == state::kClear ? nullptr : before;
  }
  const auto gone = std::ranges::find_if(known, [&](const KnownColumn& other) {
    return other.delivered != state::kClear && WasCalled(other, column.name) &&
           Find(now, other.column_id) == nullptr;
  });
  return gone == known.end() ? nullptr : &*gone;
}

// Those of an earlier table of the entry that it may be: ids say nothing there. What came later of a
// name (`newer`) says how that is delivered.
std::vector<const KnownColumn*> KeptBackEarlier(const SourceColumn& column,
                                                const KnownColumns& earlier,
                                                const KnownColumns& newer, bool is_new,
                                                const TableDescription& now) {
  std::vector<const KnownColumn*> found;
  for (const KnownColumn& known : earlier) {
    if (known.delivered == state::kClear || HasName(newer, known.name)) continue;
    const bool is_there = HasName(now.columns, known.name) || HasName(now.left_out, known.name);
    if (SameName(known.name, column.name) || (is_new && !is_there) ||
        (is_new && WasCalledEarlier(known, column.name))) {
      found.push_back(&known);
    }
  }
  return found;
}

// Why the column of a follower is not shown; "" where it may be. `generations`: what is known of the
// tables that the entry has had, the newest one first.
std::string WhyNotShown(const state::Table& entry, const SourceColumn& column,
                        const std::vector<const KnownColumns*>& generations,
                        const TableDescription& now) {
  const bool is_new = std::ranges::none_of(
      generations, [&](const KnownColumns* one) { return HasName(*one, column.name); });
  KnownColumns newer;
  for (const KnownColumns* one : generations) {
    for (const KnownColumn* before : KeptBackEarlier(column, *one, newer, is_new, now)) {
      Shown shown{column, *before};
      if (!MayBeShown({}, now, &shown)) return WouldBeShown(entry.QualifiedName(), shown);
    }
    newer.insert(newer.end(), one->begin(), one->end());
  }
  return "";
}

}  // namespace

KnownColumns KnownColumnsOf(const TableDescription& description, const KnownColumns& before) {
  KnownColumns known = AllOf(description, before);
  const bool counts = !before.empty() || IsListed(description) || AnyKeptBack(known);
  return counts ? std::move(known) : KnownColumns();
}

KnownColumns KnownColumnsOfFollower(const state::Table& entry, const TableDescription& description,
                                    const KnownColumns& before) {
  const bool counts = !entry.columns.empty() ||
                      std::ranges::any_of(entry.earlier_tables,
                                          [](const auto& table) { return !table.columns.empty(); });
  return counts ? AllOf(description, before) : KnownColumnsOf(description, before);
}

KnownColumns KnownColumnsOf(const pq::FooterRecord& newest, const KnownColumns& before,
                            const TableDescription* instance) {
  KnownColumns known = before;
  for (const pq::FooterColumn& column : newest.columns) {
    const bool masked = columns::WordInEffect(newest.options, column.name + ".mask") != "none";
    Set({column.column_id, column.name, masked ? state::kMasked : state::kClear}, &known);
  }
  bool counts = !before.empty();
  if (instance != nullptr) {
    for (const auto* part : {&instance->columns, &instance->left_out}) {
      for (const SourceColumn& column : *part) {
        const bool delivered =
            std::ranges::count(newest.columns, column.column_id, &pq::FooterColumn::column_id) > 0;
        if (!delivered) Set({column.column_id, column.name, state::kLeftOut}, &known);
      }
    }
    counts = counts || IsListed(*instance);
  }
  return counts || AnyKeptBack(known) ? std::move(known) : KnownColumns();
}

Status CheckColumns(const std::string& table, const KnownColumns& known,
                    const TableDescription& now) {
  std::vector<std::string> faults;
  for (const SourceColumn& column : now.columns) {
    const KnownColumn* before = KeptBack(column, known, now);
    if (before == nullptr) continue;
    Shown shown{column, *before};
    if (!MayBeShown(known, now, &shown)) faults.push_back(WouldBeShown(table, shown));
  }
  for (const SourceColumn& column : now.left_out) {
    const KnownColumn* before = Find(known, column.column_id);
    const bool lost = before != nullptr && before->delivered == state::kClear &&
                      !SameName(before->name, column.name) && !column.left_out_by_name;
    if (lost) faults.push_back(WouldBeMissing(*before, column));
  }
  return Refuse(faults);
}

Status CheckColumnsOfFollower(const state::Table& entry, const TableDescription& now) {
  std::vector<const KnownColumns*> generations = {&entry.columns};
  for (auto earlier = entry.earlier_tables.rbegin(); earlier != entry.earlier_tables.rend();
       ++earlier) {
    generations.push_back(&earlier->columns);
  }
  std::vector<std::string> faults;
  for (const SourceColumn& column : now.columns) {
    std::string why = WhyNotShown(entry, column, generations, now);
    if (!why.empty()) faults.push_back(std::move(why));
  }
  return Refuse(faults);
}

}  // namespace cdc::rules
