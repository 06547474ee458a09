#include "rules/column_guard.h"

#include <algorithm>

#include "base/text.h"

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

void Set(const SourceColumn& column, const char* delivered, KnownColumns* known) {
  const auto place =
      std::ranges::lower_bound(*known, column.column_id, {}, &KnownColumn::column_id);
  const KnownColumn now{column.column_id, column.name, delivered};
  if (place != known->end() && place->column_id == column.column_id) {
    *place = now;
  } else {
    known->insert(place, now);
  }
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

// What the settings have to say before the table is read again.
std::string WhatHelps(const std::string& table, const std::string& column) {
  return "Nothing more of the table is read until the settings say what is meant: to keep the "
         "column back, " +
         Section(table, column) + " mask = \"hash\" (or \"null\"), or exclude_columns = [" +
         TomlString(column) + "]; to deliver it as it is, " + Section(table, column) +
         " mask = \"none\"";
}

Status WouldBeShown(const std::string& table, const KnownColumn& known, const SourceColumn& now) {
  const std::string renamed =
      known.name == now.name ? "" : ", which was called " + known.name + " then,";
  return Status::Invalid("column ", now.name, renamed, " was ", WordOf(known),
                         ", and no setting covers it any more. ", WhatHelps(table, now.name));
}

Status WouldBeMissing(const std::string& table, const KnownColumn& known, const SourceColumn& now) {
  return Status::Invalid("column ", now.name, " was delivered as ", known.name,
                         ", and the settings do not name it by its present name. Nothing more of "
                         "the table is read until they do: add ",
                         TomlString(now.name), " to columns of [table.", TomlString(table),
                         "], or to exclude_columns to leave it out");
}

}  // namespace

KnownColumns KnownColumnsOf(const source::TableDescription& description,
                            const KnownColumns& before) {
  KnownColumns known = before;
  for (const SourceColumn& column : description.columns) {
    Set(column, IsClear(column) ? state::kClear : state::kMasked, &known);
  }
  for (const SourceColumn& column : description.left_out) Set(column, state::kLeftOut, &known);
  const bool kept_back = std::ranges::any_of(
      known, [](const KnownColumn& column) { return column.delivered != state::kClear; });
  return kept_back ? known : KnownColumns();
}

Status CheckColumns(const std::string& table, const KnownColumns& known,
                    const source::TableDescription& now) {
  for (const SourceColumn& column : now.columns) {
    const KnownColumn* before = Find(known, column.column_id);
    if (before == nullptr || before->delivered == state::kClear) continue;
    if (!MayBeShown(column, *before, known)) return WouldBeShown(table, *before, column);
  }
  for (const SourceColumn& column : now.left_out) {
    const KnownColumn* before = Find(known, column.column_id);
    const bool lost = before != nullptr && before->delivered == state::kClear &&
                      before->name != column.name && !column.left_out_by_name;
    if (lost) return WouldBeMissing(table, *before, column);
  }
  return Status::OK();
}

Status CheckColumnsOfFollower(const std::string& table, const KnownColumns& earlier,
                              const source::TableDescription& now) {
  const auto has = [](const auto& columns, const std::string& name) {
    return std::ranges::any_of(columns, [&](const auto& column) { return column.name == name; });
  };
  for (const KnownColumn& known : earlier) {
    if (known.delivered == state::kClear) continue;
    const bool is_there = has(now.columns, known.name) || has(now.left_out, known.name);
    for (const SourceColumn& column : now.columns) {
      const bool may_be_it = column.name == known.name || (!is_there && !has(earlier, column.name));
      if (may_be_it && !MayBeShown(column, known, earlier))
        return WouldBeShown(table, known, column);
    }
  }
  return Status::OK();
}

}  // namespace cdc::rules
