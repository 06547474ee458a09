// A geometry or geography of any bytes: refused, or well-known binary that a second, strict reading
// of its grammar consumes to the last byte.

#include <cstring>

#include "columns/wkb.h"
#include "tests/fuzz/fuzz.h"

namespace cdc::fuzz {
namespace {

enum Kind : uint32_t {
  kAny,
  kPoint,
  kLine,
  kPolygon,
  kMultiPoint,
  kMultiLine,
  kMultiPolygon,
  kMany
};

class Reading {
 public:
  explicit Reading(std::string_view wkb)
      : input_(reinterpret_cast<const uint8_t*>(wkb.data()), wkb.size()) {}

  // The kind of a part of a multi-something is given by it; its dimensions are those of the whole.
  void Geometry(uint32_t wanted, uint32_t wanted_dimensions) {
    Require(input_.Byte() == 1, "little-endian");
    const uint32_t type = Number();
    const uint32_t kind = type % 1000;
    const uint32_t dimensions = type / 1000;
    Require(kind >= kPoint && kind <= kMany && dimensions <= 3, "a known type");
    Require(wanted == kAny || kind == wanted, "a part of the right kind");
    Require(wanted_dimensions > 3 || dimensions == wanted_dimensions, "dimensions are one");
    const uint32_t coordinates = dimensions == 0 ? 2 : dimensions == 3 ? 4 : 3;
    switch (kind) {
      case kPoint:
        return Points(1, coordinates);
      case kLine:
        return Points(Number(), coordinates);
      case kPolygon:
        for (uint32_t rings = Number(); rings > 0; --rings) Points(Number(), coordinates);
        return;
      default:
        for (uint32_t parts = Number(); parts > 0; --parts) {
          Geometry(kind == kMany ? uint32_t{kAny} : kind - kMultiPoint + kPoint, dimensions);
        }
    }
  }
  bool at_end() const { return input_.rest().empty(); }

 private:
  uint32_t Number() {
    const std::string_view bytes = input_.Take(4);
    Require(bytes.size() == 4, "a whole number");
    uint32_t number;
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  }
  void Points(uint32_t count, uint32_t coordinates) {
    const uint64_t bytes = uint64_t{8} * count * coordinates;
    Require(input_.Take(bytes).size() == bytes, "all points are there");
  }

  Input input_;
};

}  // namespace
}  // namespace cdc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cdc::fuzz::Require;
  if (size == 0) return 0;
  std::string wkb;
  int32_t srid = 0;
  const bool geography = (data[0] & 1) != 0;
  const auto bytes = static_cast<int64_t>(size - 1);
  if (cdc::columns::AppendWkb(data + 1, bytes, geography, &wkb, &srid) != nullptr) return 0;
  Require(wkb.size() <= 5 * (size - 1), "no longer than was promised");
  cdc::fuzz::Reading reading(wkb);
  reading.Geometry(0, 4);
  Require(reading.at_end(), "nothing follows");
  return 0;
}
