#include "columns/wkb.h"

#include <bit>
#include <cstring>
#include <limits>
#include <vector>

// SQL Server keeps a value as flat lists: all points (then all their Zs, then all their Ms), the
// figures (a line or a ring each: where its points begin), and the shapes (where its figures begin,
// which shape it is in). WKB is the same tree, written depth first. The lists are in that order
// already: a shape stands after the shape that it is in, figures and points follow each other as
// the shapes do. So they are copied in one pass, each list from where the last shape left it; that
// the offsets say nothing else is checked, because this is what decides which point belongs where.
// A single point, and a line of two points, are kept without figures and shapes.

namespace cdc::columns {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

enum Properties : uint8_t {
  kHasZ = 0x01,
  kHasM = 0x02,
  kIsValid = 0x04,
  kIsSinglePoint = 0x08,
  kIsSingleLine = 0x10,
  kIsLargerThanHemisphere = 0x20,  // version 2
};
constexpr uint8_t kPropertiesOfVersion1 = 0x1F;
constexpr uint8_t kPropertiesOfVersion2 = 0x3F;

// OpenGIS types, the same numbers in WKB.
enum Type : uint8_t {
  kPoint = 1,
  kLineString = 2,
  kPolygon = 3,
  kMultiPoint = 4,
  kMultiLineString = 5,
  kMultiPolygon = 6,
  kGeometryCollection = 7,
  kCircularString = 8,
  kCompoundCurve = 9,
  kCurvePolygon = 10,
  kFullGlobe = 11,
};

// Figure attributes of version 1 are interior ring, stroke, exterior ring; those of version 2
// point, line, arc, composite curve.
constexpr uint8_t kHighestOfVersion1 = 2;
constexpr uint8_t kLineOfVersion2 = 1;
constexpr uint8_t kCompositeCurve = 3;

constexpr int64_t kNone = -1;
constexpr int64_t kPointBytes = 16;
constexpr int64_t kNumberBytes = 8;
constexpr int64_t kFigureBytes = 5;  // attribute, first point
constexpr int64_t kShapeBytes = 9;   // parent, first figure, type

constexpr const char* kEndsEarly = "a spatial value that is cut short";
constexpr const char* kOrder = "a spatial value whose parts are not one after the other";
constexpr const char* kCurveFigure =
    "a curve, which WKB readers do not know: set spatial = \"binary\"";

// Why a type has no WKB; nullptr if it has.
const char* WrongType(uint8_t type) {
  switch (type) {
    case kCircularString:
      return "a curve (CircularString), which WKB readers do not know: set spatial = \"binary\"";
    case kCompoundCurve:
      return "a curve (CompoundCurve), which WKB readers do not know: set spatial = \"binary\"";
    case kCurvePolygon:
      return "a curve (CurvePolygon), which WKB readers do not know: set spatial = \"binary\"";
    case kFullGlobe:
      return "the whole globe (FullGlobe), which WKB cannot say: set spatial = \"binary\"";
    default:
      return type >= kPoint && type <= kGeometryCollection
                 ? nullptr
                 : "a spatial value with a shape of an unknown type";
  }
}

template <typename Number>
Number Read(const uint8_t* at) {
  Number number;
  std::memcpy(&number, at, sizeof(number));
  return number;
}

struct Shape {
  explicit Shape(const uint8_t* at)
      : parent(Read<int32_t>(at)), figure(Read<int32_t>(at + 4)), type(at[8]) {}
  bool has_children() const { return type >= kMultiPoint; }

  int64_t parent;
  int64_t figure;
  uint8_t type;
};

class Converter {
 public:
  Converter(const uint8_t* bytes, int64_t size, bool geography, std::string* wkb)
      : at_(bytes), left_(size), geography_(geography), wkb_(*wkb) {}

  const char* Convert(int32_t* srid) {
    if (left_ < 6) return kEndsEarly;
    *srid = Read<int32_t>(Take(4));
    version_ = *Take(1);
    properties_ = *Take(1);
    if (version_ != 1 && version_ != 2) return "a spatial value of an unknown version";
    const uint8_t known = version_ == 1 ? kPropertiesOfVersion1 : kPropertiesOfVersion2;
    if ((properties_ & ~known) != 0 || (Has(kIsSinglePoint) && Has(kIsSingleLine))) {
      return "a spatial value with unknown properties";
    }
    return Has(kIsSinglePoint)  ? ConvertShort(kPoint, 1)
           : Has(kIsSingleLine) ? ConvertShort(kLineString, 2)
                                : ConvertShapes();
  }

 private:
  // A list of the bytes.
  struct List {
    const uint8_t* begin = nullptr;
    int64_t count = 0;
  };

  bool Has(Properties property) const { return (properties_ & property) != 0; }

  const uint8_t* Take(int64_t bytes) {
    at_ += bytes;
    left_ -= bytes;
    return at_ - bytes;
  }

  const char* TakeList(int64_t count, int64_t element_bytes, List* list) {
    if (count > left_ / element_bytes) return kEndsEarly;
    *list = {Take(count * element_bytes), count};
    return nullptr;
  }
  const char* TakeCountedList(int64_t element_bytes, List* list) {
    if (left_ < 4) return kEndsEarly;
    return TakeList(Read<uint32_t>(Take(4)), element_bytes, list);
  }
  const char* TakeHeights() {
    if (Has(kHasZ)) {
      if (const char* wrong = TakeList(points_.count, kNumberBytes, &zs_)) return wrong;
    }
    return Has(kHasM) ? TakeList(points_.count, kNumberBytes, &ms_) : nullptr;
  }

  const char* ConvertShort(Type type, int64_t points) {
    if (const char* wrong = TakeList(points, kPointBytes, &points_)) return wrong;
    if (const char* wrong = TakeHeights()) return wrong;
    if (left_ > 0) return kTrailing;
    PutType(type);
    if (type == kLineString) PutCount(points);
    PutPoints(0, points);
    return nullptr;
  }

  const char* ConvertShapes() {
    if (const char* wrong = TakeCountedList(kPointBytes, &points_)) return wrong;
    if (const char* wrong = TakeHeights()) return wrong;
    if (const char* wrong = TakeCountedList(kFigureBytes, &figures_)) return wrong;
    if (const char* wrong = TakeCountedList(kShapeBytes, &shapes_)) return wrong;
    if (const char* wrong = CheckTypes()) return wrong;
    if (left_ > 0) return kTrailing;
    if (const char* wrong = CountChildren()) return wrong;
    for (int64_t i = 0; i < shapes_.count; ++i) {
      if (const char* wrong = PutShape(i)) return wrong;
    }
    return next_figure_ == figures_.count && next_point_ == points_.count ? nullptr : kOrder;
  }

  Shape ShapeAt(int64_t index) const { return Shape(shapes_.begin + index * kShapeBytes); }
  int64_t FirstPointOf(int64_t figure) const {
    return figure == figures_.count ? points_.count
                                    : Read<int32_t>(figures_.begin + figure * kFigureBytes + 1);
  }

  // Types first: their texts say more than an arc among the figures.
  const char* CheckTypes() const {
    for (int64_t i = 0; i < shapes_.count; ++i) {
      if (const char* wrong = WrongType(ShapeAt(i).type)) return wrong;
    }
    for (int64_t i = 0; i < figures_.count; ++i) {
      const uint8_t attribute = figures_.begin[i * kFigureBytes];
      if (version_ == 2 && attribute > kLineOfVersion2 && attribute <= kCompositeCurve) {
        return kCurveFigure;
      }
      if (attribute > kHighestOfVersion1) return "a spatial value with a figure of an unknown kind";
    }
    return nullptr;
  }

  // Also checks that the shapes are one tree in depth-first order: each is in the one before it, or
  // in one that that one is in.
  const char* CountChildren() {
    if (shapes_.count == 0 || ShapeAt(0).parent != kNone) return kOrder;
    children_.assign(static_cast<size_t>(shapes_.count), 0);
    for (int64_t i = 1; i < shapes_.count; ++i) {
      const Shape shape = ShapeAt(i);
      int64_t parent = i - 1;
      while (parent != kNone && parent != shape.parent) parent = ShapeAt(parent).parent;
      if (parent == kNone) return kOrder;
      if (const char* wrong = CheckChild(ShapeAt(parent), shape)) return wrong;
      ++children_[static_cast<size_t>(parent)];
    }
    return nullptr;
  }
  static const char* CheckChild(const Shape& parent, const Shape& child) {
    constexpr int kFromMultiToSingle = kMultiPoint - kPoint;
    const bool right = parent.type == kGeometryCollection ||
                       (parent.has_children() && parent.type - kFromMultiToSingle == child.type);
    return right ? nullptr : "a spatial value with a shape in another that cannot hold it";
  }

  const char* PutShape(int64_t index) {
    const Shape shape = ShapeAt(index);
    PutType(shape.type);
    if (shape.has_children()) {
      PutCount(children_[static_cast<size_t>(index)]);
      return nullptr;
    }
    const int64_t end = shape.figure == kNone ? next_figure_ : EndOfFigures(index);
    if (shape.figure != kNone && shape.figure != next_figure_) return kOrder;
    if (end < next_figure_ || end > figures_.count) return kOrder;
    const int64_t figures = end - next_figure_;
    if (shape.type == kPolygon) {
      PutCount(figures);
    } else if (figures > 1) {
      return "a spatial value with several figures for a point or a line";
    } else if (figures == 0) {
      PutEmpty(shape.type);
    }
    while (next_figure_ < end) {
      if (const char* wrong = PutFigure(shape.type)) return wrong;
    }
    return nullptr;
  }

  // Where the figures of the next shape that has some begin. What collections say of figures is
  // what their first members say.
  int64_t EndOfFigures(int64_t index) const {
    for (int64_t next = index + 1; next < shapes_.count; ++next) {
      const Shape shape = ShapeAt(next);
      if (!shape.has_children() && shape.figure != kNone) return shape.figure;
    }
    return figures_.count;
  }

  const char* PutFigure(uint8_t type) {
    const int64_t end = FirstPointOf(next_figure_ + 1);
    if (FirstPointOf(next_figure_) != next_point_ || end < next_point_ || end > points_.count) {
      return kOrder;
    }
    const int64_t points = end - next_point_;
    if (type != kPoint) {
      PutCount(points);
    } else if (points != 1) {
      return "a spatial value with a point that is not one";
    }
    PutPoints(next_point_, points);
    next_point_ = end;
    ++next_figure_;
    return nullptr;
  }

  void Put(const void* bytes, size_t size) { wkb_.append(static_cast<const char*>(bytes), size); }
  void PutCount(int64_t count) {
    const auto number = static_cast<uint32_t>(count);
    Put(&number, sizeof(number));
  }
  void PutType(uint8_t type) {
    wkb_.push_back(1);  // little-endian
    PutCount(type + (Has(kHasZ) ? 1000 : 0) + (Has(kHasM) ? 2000 : 0));
  }
  void PutEmpty(uint8_t type) {
    if (type != kPoint) return PutCount(0);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const int coordinates = 2 + (Has(kHasZ) ? 1 : 0) + (Has(kHasM) ? 1 : 0);
    for (int i = 0; i < coordinates; ++i) Put(&nan, sizeof(nan));
  }
  void PutPoints(int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i) {
      const uint8_t* point = points_.begin + i * kPointBytes;
      Put(point + (geography_ ? kNumberBytes : 0), kNumberBytes);
      Put(point + (geography_ ? 0 : kNumberBytes), kNumberBytes);
      if (Has(kHasZ)) Put(zs_.begin + i * kNumberBytes, kNumberBytes);
      if (Has(kHasM)) Put(ms_.begin + i * kNumberBytes, kNumberBytes);
    }
  }

  static constexpr const char* kTrailing = "a spatial value with bytes after its end";

  const uint8_t* at_;
  int64_t left_;
  const bool geography_;
  std::string& wkb_;
  uint8_t version_ = 0;
  uint8_t properties_ = 0;
  List points_;
  List zs_;
  List ms_;
  List figures_;
  List shapes_;
  std::vector<uint32_t> children_;  // of each shape
  int64_t next_figure_ = 0;
  int64_t next_point_ = 0;
};

}  // namespace

const char* AppendWkb(const uint8_t* bytes, int64_t size, bool geography, std::string* wkb,
                      int32_t* srid) {
  return Converter(bytes, size, geography, wkb).Convert(srid);
}

}  // namespace cdc::columns
