#include "rules/gap.h"

#include <algorithm>

namespace cdc::rules {

std::string Range::ToString() const { return from.ToString() + " to " + to.ToString(); }

bool RowsMayBeGone(const Lsn& min, const Position& resume) {
  return resume.inside_transaction() ? min > resume.lsn() : min > resume.lsn().Next();
}

Position EndBefore(const source::CaptureInstance& instance) {
  return Position::After(instance.start_lsn.Previous());
}

std::optional<Range> GapBefore(const source::CaptureInstance& instance, const Position& resume) {
  if (!RowsMayBeGone(instance.start_lsn, resume)) return std::nullopt;
  return Range{resume, EndBefore(instance)};
}

std::optional<Range> GapOfGoneTable(const source::CaptureInstance& next, const Position& resume,
                                    const Lsn& horizon) {
  const Position end = std::max(EndBefore(next), Position::After(horizon));
  if (end <= resume) return std::nullopt;
  return Range{resume, end};
}

}  // namespace cdc::rules
