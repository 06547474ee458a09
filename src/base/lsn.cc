#include "base/lsn.h"

#include <algorithm>

#include "base/text.h"

namespace cdc {

Lsn Lsn::Next() const {
  Lsn next = *this;
  for (auto byte = next.bytes.rbegin(); byte != next.bytes.rend(); ++byte) {
    if (++*byte != 0) break;  // no carry into the next higher byte
  }
  return next;
}

Lsn Lsn::Previous() const {
  Lsn previous = *this;
  for (auto byte = previous.bytes.rbegin(); byte != previous.bytes.rend(); ++byte) {
    if ((*byte)-- != 0) break;  // no borrow from the next higher byte
  }
  return previous;
}

std::string Lsn::ToString() const {
  return HexUpper({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Lsn Lsn::Max() {
  Lsn max;
  max.bytes.fill(0xFF);
  return max;
}

arrow::Result<Lsn> Lsn::Parse(std::string_view text) {
  const std::string_view original = text;
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  if (text.size() != 20) {
    return arrow::Status::Invalid("an LSN has 20 hex digits: '", original, "'");
  }
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, FromHex(text));
  return FromBytes(bytes);
}

arrow::Result<Lsn> Lsn::FromBytes(std::string_view bytes) {
  if (bytes.size() != 10) {
    return arrow::Status::Invalid("an LSN has 10 bytes, not ", bytes.size());
  }
  Lsn lsn;
  std::copy(bytes.begin(), bytes.end(), lsn.bytes.begin());
  return lsn;
}

}  // namespace cdc
