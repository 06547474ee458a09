#include "source/source.h"

#include <string_view>

namespace cdc::source {

namespace {

constexpr char kTryAgain[] = "cdc::source::try_again";

class Detail : public arrow::StatusDetail {
 public:
  const char* type_id() const override { return kTryAgain; }
  std::string ToString() const override { return kTryAgain; }
};

}  // namespace

arrow::Status TryAgain(const std::string& message) {
  return arrow::Status::FromDetailAndArgs(arrow::StatusCode::IOError, std::make_shared<Detail>(),
                                          message);
}

bool IsTryAgain(const arrow::Status& status) {
  return status.detail() != nullptr && status.detail()->type_id() == std::string_view(kTryAgain);
}

}  // namespace cdc::source
