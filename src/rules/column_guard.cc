#include "rules/column_guard.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "columns/type_change.h"

namespace cdc::rules {

namespace {

using arrow::Status;
using columns::SourceColumn;
using state::KnownColumn;
bool IsClear(const SourceColumn& column) { return !column.IsMasked(); }

const KnownColumn* Find(const KnownColumns& known, int64_t column_id) {
  const auto found = std::ranges::find(known, column_id, &KnownColumn::column_id);
  return found == known.end() ? nullptr : &*found;
}

void Set(const KnownColumn& column, KnownColumns* known) {
  const auto at = std::ranges::lower_bound(*known, column.column_id, {}, &KnownColumn::column_id);
  if (at != known->end() && at->column_id == column.column_id) {
    *at = column;
  } else {
    known->insert(at, column);
  }
}

KnownColumns OnlyIfKeptBack(KnownColumns known) {
  const bool kept_back = std::ranges::any_of(
      known, [](const KnownColumn& column) { return column.delivered != state::kClear; });
  return kept_back ? std::move(known) : KnownColumns();
}

// What was kept back may be shown: a rule says so of this very column. A list that has its name does
// not when it had another column of that name: then it means that one.
bool MayBeShown(const SourceColumn& column, const KnownColumn& before, const KnownColumns& known) {
  if (!IsClear(column) || column.unmasked_by_name) return true;
  const bool was_anothers = std::ranges::any_of(known, [&](const KnownColumn& other) {
    return other.column_id != before.column_id && other.name == column.name;
  });
  return before.delivered == state::kLeftOut && column.listed_by_name && !was_anothers;
}

const char* WordOf(const KnownColumn& column) {
  return column.delivered == state::kMasked ? "masked" : "left out";
}

std::string Section(const std::string& table, const std::string& column) {
  return "[table." + TomlString(table) + ".column." + TomlString(column) + "]";
}

std::string WouldBeShown(const std::string& table, const KnownColumn& known,
                         const SourceColumn& now) {
  const std::string section = Section(table, now.name);
  return "column " + now.name +
         (known.name == now.name ? "" : ", which was called " + known.name + " then,") + " was " +
         WordOf(known) + ", and no setting covers it any more; to keep it back: " + section +
         " mask = \"hash\" (or \"null\"), or exclude_columns = [" + TomlString(now.name) +
         "]; to deliver it as it is: " + section + " mask = \"none\"";
}

std::string WouldBeMissing(const std::string& table, const KnownColumn& known,
                           const SourceColumn& now) {
  return "column " + now.name + " was delivered as " + known.name +
         ", and the settings do not name it by its present name: add " + TomlString(now.name) +
         " to columns of [table." + TomlString(table) + "], or to exclude_columns to leave it out";
}

// All of them at once: whoever mends the settings wants to do so once.
Status Refuse(const std::vector<std::string>& faults) {
  if (faults.empty()) return Status::OK();
  std::string text;
  for (const std::string& fault : faults) text += (text.empty() ? "" : ". ") + fault;
  return Status::Invalid(
      text, ". Nothing more of the table is read until the settings say what is meant");
}

}  // namespace

KnownColumns KnownColumnsOf(const source::TableDescription& description,
                            const KnownColumns& before) {
  KnownColumns known = before;
  for (const SourceColumn& column : description.columns) {
    Set({column.column_id, column.name, IsClear(column) ? state::kClear : state::kMasked}, &known);
  }
  for (const SourceColumn& column : description.left_out) {
    Set({column.column_id, column.name, state::kLeftOut}, &known);
  }
  return OnlyIfKeptBack(std::move(known));
}

KnownColumns KnownColumnsOf(const pq::FooterRecord& newest, const KnownColumns& before,
                            const source::TableDescription* instance) {
  KnownColumns known = before;
  for (const pq::FooterColumn& column : newest.columns) {
    const bool masked = columns::WordInEffect(newest.options, column.name + ".mask") != "none";
    Set({column.column_id, column.name, masked ? state::kMasked : state::kClear}, &known);
  }
  if (instance == nullptr) return OnlyIfKeptBack(std::move(known));
  for (const auto* part : {&instance->columns, &instance->left_out}) {
    for (const SourceColumn& column : *part) {
      const bool delivered =
          std::ranges::count(newest.columns, column.column_id, &pq::FooterColumn::column_id) > 0;
      if (!delivered) Set({column.column_id, column.name, state::kLeftOut}, &known);
    }
  }
  return OnlyIfKeptBack(std::move(known));
}

Status CheckColumns(const std::string& table, const KnownColumns& known,
                    const source::TableDescription& now) {
  std::vector<std::string> faults;
  for (const SourceColumn& column : now.columns) {
    const KnownColumn* before = Find(known, column.column_id);
    if (before == nullptr || before->delivered == state::kClear) continue;
    if (!MayBeShown(column, *before, known)) faults.push_back(WouldBeShown(table, *before, column));
  }
  for (const SourceColumn& column : now.left_out) {
    const KnownColumn* before = Find(known, column.column_id);
    const bool lost = before != nullptr && before->delivered == state::kClear &&
                      before->name != column.name && !column.left_out_by_name;
    if (lost) faults.push_back(WouldBeMissing(table, *before, column));
  }
  return Refuse(faults);
}

Status CheckColumnsOfFollower(const std::string& table, const KnownColumns& earlier,
                              const source::TableDescription& now) {
  const auto has = [](const auto& columns, const std::string& name) {
    return std::ranges::any_of(columns, [&](const auto& column) { return column.name == name; });
  };
  std::vector<std::string> faults;
  for (const KnownColumn& known : earlier) {
    if (known.delivered == state::kClear) continue;
    const bool is_there = has(now.columns, known.name) || has(now.left_out, known.name);
    for (const SourceColumn& column : now.columns) {
      const bool may_be_it = column.name == known.name || (!is_there && !has(earlier, column.name));
      if (may_be_it && !MayBeShown(column, known, earlier)) {
        faults.push_back(WouldBeShown(table, known, column));
      }
    }
  }
  return Refuse(faults);
}

}  // namespace cdc::rules
