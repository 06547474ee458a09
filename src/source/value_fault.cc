#include "source/value_fault.h"

#include <memory>
#include <string>
#include <string_view>

namespace cdc::source {

namespace {

constexpr char kId[] = "cdc::source::value_fault";

class Fault : public arrow::StatusDetail {
 public:
  explicit Fault(const RowKey& row) : row_(row) {}
  const char* type_id() const override { return kId; }
  std::string ToString() const override { return Position::AfterRow(row_).ToString(); }
  const RowKey& row() const { return row_; }

 private:
  const RowKey row_;
};

}  // namespace

arrow::Status ValueFault(const RowKey& row, const arrow::Status& why) {
  return why.WithDetail(std::make_shared<Fault>(row));
}

std::optional<RowKey> FaultyRow(const arrow::Status& status) {
  const auto& detail = status.detail();
  if (detail == nullptr || detail->type_id() != std::string_view(kId)) return std::nullopt;
  return static_cast<const Fault&>(*detail).row();
}

}  // namespace cdc::source
