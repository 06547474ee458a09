#include "rules/start_at.h"

#include <algorithm>

#include "base/utc_text.h"
#include "rules/gap.h"
#include "rules/instance_choice.h"

namespace cdc::rules {

using arrow::Result;
using arrow::Status;

namespace {

struct At {
  const StartFacts& facts;

  // All that an instance holds which has not begun comes after the horizon.
  Position oldest() const {
    return HasBegun(facts.instance, facts.horizon) ? EndBefore(facts.instance)
                                                   : Position::After(facts.horizon);
  }

  Position operator()(const Oldest&) const { return oldest(); }
  Position operator()(const Now&) const { return Position::After(facts.horizon); }
  // From that time on, as far as it is kept.
  Position operator()(const UtcTime&) const {
    if (!facts.last_before) return oldest();
    return std::max(oldest(), Position::After(std::min(*facts.last_before, facts.horizon)));
  }
  // A table that is captured only since then has lost nothing.
  Position operator()(const Lsn& lsn) const {
    return facts.instance_is_whole ? oldest() : Position::After(lsn);
  }
};

}  // namespace

Result<Start> ParseStart(const std::string& text) {
  if (text == "oldest") return Oldest{};
  if (text == "now") return Now{};
  if (const auto lsn = Lsn::Parse(text); lsn.ok()) return *lsn;
  ARROW_ASSIGN_OR_RAISE(const UtcTime time, ParseUtc(text));
  return time;
}

Result<Start> ParseStart(const std::string& text, const source::PollInfo& info) {
  ARROW_ASSIGN_OR_RAISE(const Start start, ParseStart(text));
  if (const auto* lsn = std::get_if<Lsn>(&start); lsn != nullptr && *lsn > info.horizon->lsn) {
    return Status::Invalid("start = ", text, " lies beyond the newest change, ",
                           info.horizon->lsn.ToString());
  }
  if (const auto* time = std::get_if<UtcTime>(&start); time != nullptr && *time > info.server_utc) {
    return Status::Invalid("start = ", text, " lies in the future; it is ",
                           FormatUtc(info.server_utc), " on the server");
  }
  return start;
}

bool AsksWhetherWhole(const Start& start, const source::CaptureInstance& instance) {
  const auto* lsn = std::get_if<Lsn>(&start);
  return lsn != nullptr && RowsMayBeGone(instance.start_lsn, Position::After(*lsn));
}

Position StartAt(const Start& start, const StartFacts& facts) {
  return std::visit(At{facts}, start);
}

}  // namespace cdc::rules
