#include "rules/gap.h"

#include <algorithm>

namespace cdc::rules {

std::string Range::ToString() const { return from.ToString() + " to " + to.ToString(); }

bool RowsMayBeGone(const Lsn& min, const Position& place) {
  return place.inside_transaction() ? min > place.lsn() : min > place.lsn().Next();
}

Position EndBefore(const source::CaptureInstance& instance) {
  return Position::After(instance.start_lsn.Previous());
}

std::optional<Range> GapBefore(const source::CaptureInstance& instance, const Position& place) {
  if (!RowsMayBeGone(instance.start_lsn, place)) return std::nullopt;
  return Range{place, EndBefore(instance)};
}

std::optional<Range> GapOfGoneTable(const source::CaptureInstance& next, const Position& place,
                                    const Lsn& horizon) {
  const Position end = std::max(EndBefore(next), Position::After(horizon));
  if (end <= place) return std::nullopt;
  return Range{place, end};
}

}  // namespace cdc::rules
