#include "base/fault.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace cdc {

namespace {

constexpr char kDetailId[] = "cdc::Fault";

const char* Word(Retry retry) {
  switch (retry) {
    case Retry::kNextRound:
      return "next round";
    case Retry::kAfterReconnect:
      return "after reconnect";
    case Retry::kWhenSomebodyActs:
      return "when somebody acts";
  }
  return "?";
}

const char* Word(Reach reach) {
  switch (reach) {
    case Reach::kValue:
      return "value";
    case Reach::kTable:
      return "table";
    case Reach::kConnection:
      return "connection";
    case Reach::kEverything:
      return "everything";
    case Reach::kOwnership:
      return "ownership";
  }
  return "?";
}

class FaultDetail : public arrow::StatusDetail {
 public:
  explicit FaultDetail(Fault fault) : fault_(std::move(fault)) {}
  const char* type_id() const override { return kDetailId; }
  std::string ToString() const override {
    std::string text = fmt::format("{}, {}", Word(fault_.retry), Word(fault_.reach));
    if (!fault_.code.empty()) text += fmt::format(", {}", fault_.code);
    if (fault_.native != 0) text += fmt::format(", error {}", fault_.native);
    if (fault_.row) text += fmt::format(", at {}", Position::AfterRow(*fault_.row).ToString());
    return fault_.records.empty() ? text : fmt::format("{}: {}", text, fault_.records);
  }
  const Fault& fault() const { return fault_; }

 private:
  const Fault fault_;
};

}  // namespace

arrow::Status MakeFault(Fault fault, std::string message, arrow::StatusCode code) {
  return {code, std::move(message), std::make_shared<FaultDetail>(std::move(fault))};
}

arrow::Status WithFault(const arrow::Status& status, Fault fault) {
  return status.WithDetail(std::make_shared<FaultDetail>(std::move(fault)));
}

const Fault& FaultOf(const arrow::Status& status) {
  static const Fault kNone;
  if (status.ok()) return kNone;
  const auto& detail = status.detail();
  const bool ours = detail != nullptr && std::string_view(detail->type_id()) == kDetailId;
  return ours ? static_cast<const FaultDetail&>(*detail).fault() : kNone;
}

arrow::Status TransientFault(std::string message) {
  return MakeFault({.retry = Retry::kNextRound}, std::move(message));
}

arrow::Status StopsTable(std::string message) {
  return MakeFault({}, std::move(message), arrow::StatusCode::Invalid);
}

arrow::Status StopsEverything(std::string message) {
  return MakeFault({.reach = Reach::kEverything}, std::move(message), arrow::StatusCode::Invalid);
}

bool IsStopsEverything(const arrow::Status& status) {
  return FaultOf(status).reach == Reach::kEverything;
}

}  // namespace cdc
