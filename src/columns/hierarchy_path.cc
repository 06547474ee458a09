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
  int64_t lowest;
  std::string_view bits;
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
  Bits(const uint8_t* bytes, int64_t size) : bytes_(bytes), count_(size * 8) {}

  int64_t left() const { return count_ - at_; }
  // Of the bits not yet taken.
  bool Peek(int64_t index) const {
    const int64_t bit = at_ + index;
    return (bytes_[bit / 8] >> (7 - bit % 8) & 1) != 0;
  }
  bool Take() {
    const bool bit = Peek(0);
    ++at_;
    return bit;
  }
  bool OnlyZerosLeft() const {
    for (int64_t i = 0; i < left(); ++i) {
      if (Peek(i)) return false;
    }
    return true;
  }

 private:
  const uint8_t* bytes_;
  int64_t count_;
  int64_t at_ = 0;
};

// Whether as many of the range's prefix bits as are left agree.
bool BeginsWith(const Bits& bits, const Range& range) {
  const auto prefix = static_cast<int64_t>(range.bits.find('x'));
  for (int64_t i = 0; i < std::min(prefix, bits.left()); ++i) {
    if (bits.Peek(i) != (range.bits[static_cast<size_t>(i)] == '1')) return false;
  }
  return true;
}

const char* TakeOrdinal(Bits* bits, int64_t* ordinal, bool* last_of_step) {
  const auto* range = std::find_if(std::begin(kRanges), std::end(kRanges),
                                   [&](const Range& one) { return BeginsWith(*bits, one); });
  if (range == std::end(kRanges)) return kNoOrdinal;
  if (bits->left() < static_cast<int64_t>(range->bits.size()) + 1) return kEndsEarly;
  int64_t distance = 0;
  for (const char wanted : range->bits) {
    const bool bit = bits->Take();
    if (wanted == 'x') {
      distance = distance * 2 + (bit ? 1 : 0);
    } else if (bit != (wanted == '1')) {
      return kNoOrdinal;
    }
  }
  *last_of_step = bits->Take();
  *ordinal = range->lowest + distance - (*last_of_step ? 0 : 1);
  return *ordinal < kRanges[0].lowest ? kNoOrdinal : nullptr;
}

}  // namespace

const char* AppendHierarchyPath(const uint8_t* bytes, int64_t size, std::string* path) {
  Bits bits(bytes, size);
  path->push_back('/');
  bool within_step = false;
  // Seven zeros begin no ordinal, so what is shorter and all zeros is the end.
  while (within_step || bits.left() >= 8 || !bits.OnlyZerosLeft()) {
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
