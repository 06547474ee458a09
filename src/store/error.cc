#include <fmt/format.h>

#include <string>
#include <utility>

#include "store/store.h"

namespace cdc::store {
namespace {

constexpr char kDetailType[] = "cdc::store::ErrorKind";

const char* Name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kTransient:
      return "transient";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kNotFound:
      return "not found";
    case ErrorKind::kNoBucket:
      return "no bucket";
    case ErrorKind::kNoCredentials:
      return "no credentials";
    case ErrorKind::kDenied:
      return "denied";
    case ErrorKind::kPermanent:
      return "permanent";
  }
  return "permanent";
}

class KindDetail : public arrow::StatusDetail {
 public:
  explicit KindDetail(ErrorKind kind) : kind_(kind) {}
  const char* type_id() const override { return kDetailType; }
  std::string ToString() const override { return fmt::format("store error: {}", Name(kind_)); }
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace

ErrorKind KindOf(const arrow::Status& status) {
  const auto& detail = status.detail();
  if (detail == nullptr || std::string_view(detail->type_id()) != kDetailType) {
    return ErrorKind::kPermanent;
  }
  return static_cast<const KindDetail&>(*detail).kind();
}

arrow::Status MakeError(ErrorKind kind, std::string message) {
  const auto code =
      kind == ErrorKind::kNotFound ? arrow::StatusCode::KeyError : arrow::StatusCode::IOError;
  return {code, std::move(message), std::make_shared<KindDetail>(kind)};
}

}  // namespace cdc::store
