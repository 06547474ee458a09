#pragma once

#include <arrow/result.h>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace cdc {

// A log sequence number: SQL Server's binary(10), big-endian (4 bytes VLF, 4 bytes log block, 2
// bytes slot), so that byte order is commit order. As text: 20 upper-case hex digits.
struct Lsn {
  std::array<uint8_t, 10> bytes{};

  auto operator<=>(const Lsn&) const = default;

  bool is_zero() const { return *this == Lsn{}; }
  // This LSN plus one, as sys.fn_cdc_increment_lsn gives it; such an LSN need not exist.
  Lsn Next() const;
  Lsn Previous() const;
  std::string ToString() const;

  static Lsn Max();
  // 20 hex digits, with or without 0x.
  static arrow::Result<Lsn> Parse(std::string_view text);
  // Exactly 10 bytes.
  static arrow::Result<Lsn> FromBytes(std::string_view bytes);
};

}  // namespace cdc
