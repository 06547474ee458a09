#include "rules/gap.h"

namespace cdc::rules {

bool RowsMayBeGone(const Lsn& min, const Position& place) {
  return place.inside_transaction() ? min > place.lsn() : min > place.lsn().Next();
}

Position EndBefore(const source::CaptureInstance& instance) {
  return Position::After(instance.start_lsn.Previous());
}

}  // namespace cdc::rules
