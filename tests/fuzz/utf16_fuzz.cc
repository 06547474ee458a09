// UTF-16 to UTF-8, against a second, slow reading of the standard.

#include <string>
#include <vector>

#include "odbc/utf16.h"
#include "tests/fuzz/fuzz.h"

namespace cdc::fuzz {
namespace {

struct Reading {
  std::string utf8;
  int64_t replaced = 0;
};

void AppendCodePoint(uint32_t point, std::string* utf8) {
  const auto continuation = [&](int shift) {
    utf8->push_back(static_cast<char>(0x80 | ((point >> shift) & 0x3F)));
  };
  if (point < 0x80) {
    utf8->push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    utf8->push_back(static_cast<char>(0xC0 | (point >> 6)));
    continuation(0);
  } else if (point < 0x10000) {
    utf8->push_back(static_cast<char>(0xE0 | (point >> 12)));
    continuation(6);
    continuation(0);
  } else {
    utf8->push_back(static_cast<char>(0xF0 | (point >> 18)));
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

Reading Read(const uint8_t* data, size_t units) {
  Reading reading;
  const auto unit = [&](size_t at) {
    return static_cast<uint32_t>(data[2 * at] | data[2 * at + 1] << 8);
  };
  for (size_t i = 0; i < units; ++i) {
    const uint32_t first = unit(i);
    if (first < 0xD800 || first > 0xDFFF) {
      AppendCodePoint(first, &reading.utf8);
    } else if (first < 0xDC00 && i + 1 < units && unit(i + 1) >= 0xDC00 && unit(i + 1) < 0xE000) {
      AppendCodePoint(0x10000 + ((first - 0xD800) << 10) + (unit(i + 1) - 0xDC00), &reading.utf8);
      ++i;
    } else {
      AppendCodePoint(0xFFFD, &reading.utf8);
      ++reading.replaced;
    }
  }
  return reading;
}

}  // namespace
}  // namespace cdc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const size_t units = size / 2;
  // Exactly as much room as was promised to be enough.
  std::vector<char> target(cdc::odbc::MaxUtf8Bytes(units));
  int64_t replaced = 0;
  const size_t bytes = cdc::odbc::Utf16LeToUtf8(data, units, target.data(), &replaced);
  const auto expected = cdc::fuzz::Read(data, units);
  cdc::fuzz::Require(std::string_view(target.data(), bytes) == expected.utf8, "the same text");
  cdc::fuzz::Require(cdc::odbc::Utf8Bytes(data, units) == bytes, "as long as was measured");
  cdc::fuzz::Require(replaced == expected.replaced, "the same count of lone surrogates");
  if (replaced == 0) {
    const std::u16string back = cdc::odbc::ToUtf16({target.data(), bytes});
    cdc::fuzz::Require(back.size() == units, "and back");
  }
  return 0;
}
