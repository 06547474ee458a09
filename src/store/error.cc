#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/fault.h"
#include "store/store.h"

namespace cdc::store {
namespace {

// What each kind means to whoever knows nothing of stores.
struct Meaning {
  ErrorKind kind;
  std::string_view code;
  Retry retry;
  Reach reach;
};

constexpr Meaning kMeanings[] = {
    {ErrorKind::kTransient, "store transient", Retry::kNextRound, Reach::kConnection},
    {ErrorKind::kConflict, "store conflict", Retry::kWhenSomebodyActs, Reach::kTable},
    {ErrorKind::kNotFound, "not found in store", Retry::kWhenSomebodyActs, Reach::kTable},
    {ErrorKind::kNoBucket, "no bucket", Retry::kWhenSomebodyActs, Reach::kConnection},
    {ErrorKind::kNoCredentials, "no credentials", Retry::kWhenSomebodyActs, Reach::kConnection},
    {ErrorKind::kDenied, "denied by store", Retry::kWhenSomebodyActs, Reach::kConnection},
    {ErrorKind::kPermanent, "store permanent", Retry::kWhenSomebodyActs, Reach::kTable},
};

}  // namespace

ErrorKind KindOf(const arrow::Status& status) {
  const std::string_view code = FaultOf(status).code;
  for (const Meaning& meaning : kMeanings) {
    if (meaning.code == code) return meaning.kind;
  }
  return ErrorKind::kPermanent;
}

arrow::Status MakeError(ErrorKind kind, std::string message) {
  const Meaning& meaning = kMeanings[static_cast<size_t>(kind)];
  const auto code =
      kind == ErrorKind::kNotFound ? arrow::StatusCode::KeyError : arrow::StatusCode::IOError;
  return MakeFault({.retry = meaning.retry, .reach = meaning.reach, .code = meaning.code},
                   std::move(message), code);
}

bool KeyLimits::Hold(std::string_view key) const {
  if (std::ssize(key) > key_bytes_max) {
    return false;
  }
  for (size_t begin = 0; begin <= key.size();) {
    const size_t end = std::min(key.find('/', begin), key.size());
    if (static_cast<int64_t>(end - begin) > name_bytes_max) {
      return false;
    }
    begin = end + 1;
  }
  return true;
}

}  // namespace cdc::store
