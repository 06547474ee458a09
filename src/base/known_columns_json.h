#pragma once

#include <string>

#include "base/json_members.h"
#include "base/known_columns.h"

// The JSON form of what is remembered of columns and of earlier tables, in the state document as in
// footers.
namespace cdc {

template <typename Visitor>
void Members(Visitor& visit, Is<KnownColumn> auto& column) {
  visit.Member("column_id", column.column_id);
  visit.Member("name", column.name);
  visit.Member("delivered", column.delivered);
  visit.MemberUnlessEmpty("earlier_names", column.earlier_names);
}

inline arrow::Status CheckMembers(const KnownColumn& column, const std::string& what) {
  const std::string& word = column.delivered;
  if (word == kClear || word == kMasked || word == kLeftOut) return arrow::Status::OK();
  return arrow::Status::Invalid(what, ", delivered is none of clear, masked and left_out");
}

template <typename Visitor>
void Members(Visitor& visit, Is<EarlierTable> auto& earlier) {
  visit.Member("source_object_id", earlier.source_object_id);
  visit.Member("through", earlier.through);
  visit.MemberUnlessEmpty("columns", earlier.columns);
}

}  // namespace cdc
