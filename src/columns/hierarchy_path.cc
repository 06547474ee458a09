#include "columns/hierarchy_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

// A hierarchyid is a string of bits, the ordinals of its path one after the other, with zeros up to
// a whole byte. Each ordinal begins with a prefix that tells its range, and ends with a bit that is
// 1 before a '/' and 0 before a '.'. The prefixes rise with the ranges, so that the order of bytes
// is the order of nodes. Before a '.' stands the ordinal plus one: /1.1/ comes after everything
// below /1/ and before /2/.

namespace cdc::columns {
namespace {

// Ordinals from `lowest` on: the prefix, then the bits of the distance from `lowest` as x. The
// fixed bits between them have no meaning, but they are always there.
struct Range {
  constexpr Range(int64_t lowest_ordinal, std::string_view all_bits)
      : lowest(lowest_ordinal), bits(all_bits) {
    for (; bits[prefix_length] != 'x'; ++prefix_length) {
      prefix = prefix * 2 + (bits[prefix_length] == '1' ? 1 : 0);
    }
  }

  int64_t lowest;
  std::string_view bits;
  uint64_t prefix = 0;
  size_t prefix_length = 0;
};
constexpr Range kRanges[] = {
    {-281'479'271'682'120, "000100xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxx"},
    {-4'294'971'464, "000101xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxx"},
    {-4'168, "000110xxxxx0xxx0x1xxx"},
    {-72, "0010xx0x1xxx"},
    {-8, "00111xxx"},
    {0, "01xx"},
    {4, "100xx"},
    {8, "101xxx"},
    {16, "110xx0x1xxx"},
    {80, "1110xxx0xxx0x1xxx"},
    {1'104, "11110xxxxx0xxx0x1xxx"},
    {5'200, "111110xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxx"},
    {4'294'972'496, "111111xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxx"},
};

constexpr const char* kEndsEarly = "a hierarchyid that ends within an ordinal";
constexpr const char* kNoOrdinal = "a hierarchyid with bits that are no ordinal";

class Bits {
 public:
  Bits(const uint8_t* bytes, int64_t size) : bytes_(bytes), size_(size) {}

  int64_t left() const { return size_ * 8 - at_; }
  void Skip(size_t count) { at_ += static_cast<int64_t>(count); }
  // The next 64, zeros after the end. No ordinal is longer.
  uint64_t Next() const {
    const int64_t first = at_ / 8;
    const auto taken = static_cast<unsigned>(at_ % 8);
    uint64_t word = 0;
    for (int64_t i = first; i < first + 8; ++i) word = word << 8 | ByteAt(i);
    return word << taken | ByteAt(first + 8) >> (8 - taken);
  }

 private:
  uint64_t ByteAt(int64_t index) const { return index < size_ ? bytes_[index] : 0; }

  const uint8_t* bytes_;
  int64_t size_;
  int64_t at_ = 0;
};

const char* TakeOrdinal(Bits* bits, int64_t* ordinal, bool* last_of_step) {
  uint64_t next = bits->Next();
  const auto* range = std::find_if(std::begin(kRanges), std::end(kRanges), [&](const Range& one) {
    return next >> (64 - one.prefix_length) == one.prefix;
  });
  if (range == std::end(kRanges)) return kNoOrdinal;
  const size_t length = range->bits.size() + 1;
  if (bits->left() < static_cast<int64_t>(length)) return kEndsEarly;
  int64_t distance = 0;
  for (const char wanted : range->bits) {
    const bool bit = next >> 63 != 0;
    next <<= 1;
    if (wanted == 'x') {
      distance = distance * 2 + (bit ? 1 : 0);
    } else if (bit != (wanted == '1')) {
      return kNoOrdinal;
    }
  }
  *last_of_step = next >> 63 != 0;
  *ordinal = range->lowest + distance - (*last_of_step ? 0 : 1);
  bits->Skip(length);
  return *ordinal < kRanges[0].lowest ? kNoOrdinal : nullptr;
}

}  // namespace

const char* AppendHierarchyPath(const uint8_t* bytes, int64_t size, std::string* path) {
  Bits bits(bytes, size);
  path->push_back('/');
  bool within_step = false;
  // Zeros up to a whole byte begin no ordinal.
  while (within_step || bits.left() >= 8 || bits.Next() != 0) {
    int64_t ordinal = 0;
    bool last_of_step = false;
    if (const char* wrong = TakeOrdinal(&bits, &ordinal, &last_of_step); wrong != nullptr) {
      return wrong;
    }
    fmt::format_to(std::back_inserter(*path), "{}{}", ordinal, last_of_step ? '/' : '.');
    within_step = !last_of_step;
  }
  return nullptr;
}

}  // namespace cdc::columns
