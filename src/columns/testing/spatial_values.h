#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "columns/testing/cells.h"
#include "columns/wkb.h"

// What the tests of WKB share: values as SQL Server keeps them, and a reader of WKB.

namespace cdc::columns::testing {

inline constexpr bool kGeometry = false;
inline constexpr bool kGeography = true;

inline std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Reads WKB back, and says it as well-known text.
class WkbText {
 public:
  explicit WkbText(std::string_view wkb) : left_(wkb) {}

  std::string Whole() {
    const std::string text = One(/*named=*/true);
    return left_.empty() ? text : text + " and more bytes";
  }

 private:
  template <typename Number>
  Number Take() {
    Number number;
    EXPECT_GE(left_.size(), sizeof(number));
    std::memcpy(&number, left_.data(), sizeof(number));
    left_.remove_prefix(sizeof(number));
    return number;
  }

  std::string One(bool named) {
    static const char* const kNames[] = {
        "",           "POINT",           "LINESTRING",   "POLYGON",
        "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"};
    EXPECT_EQ(Take<uint8_t>(), 1);
    const auto code = Take<uint32_t>();
    const uint32_t type = code % 1000;
    static const char* const kDimensions[] = {"", "Z ", "M ", "ZM "};
    coordinates_ = code / 1000 == 0 ? 2 : code / 1000 == 3 ? 4 : 3;
    const std::string name = fmt::format("{} {}", kNames[type], kDimensions[code / 1000]);
    return (named ? name : "") + Body(type);
  }

  std::string Body(uint32_t type) {
    if (type == 1) {
      const std::string point = Point();
      return point.starts_with("nan") ? "EMPTY" : "(" + point + ")";
    }
    const auto count = Take<uint32_t>();
    if (count == 0) return "EMPTY";
    std::string text = "(";
    for (uint32_t i = 0; i < count; ++i) {
      text += i == 0 ? "" : ", ";
      text += type == 2 ? Point() : type == 3 ? Body(2) : One(/*named=*/type == 7);
    }
    return text + ")";
  }

  std::string Point() {
    std::string text;
    for (int i = 0; i < coordinates_; ++i) {
      text += fmt::format("{}{}", i == 0 ? "" : " ", Take<double>());
    }
    return text;
  }

  std::string_view left_;
  int coordinates_ = 2;
};

struct Outcome {
  std::string wkb;
  int32_t srid = 0;
  std::string text;  // well-known text, or "error: …"
};

inline Outcome Convert(const std::string& bytes, bool geography) {
  Outcome outcome;
  const char* wrong =
      AppendWkb(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int64_t>(bytes.size()),
                geography, &outcome.wkb, &outcome.srid);
  EXPECT_LE(outcome.wkb.size(), 5 * bytes.size());
  outcome.text = wrong == nullptr ? WkbText(outcome.wkb).Whole() : std::string("error: ") + wrong;
  return outcome;
}
inline std::string TextOf(const std::string& bytes, bool geography = kGeometry) {
  return Convert(bytes, geography).text;
}

struct FigureOf {
  uint8_t attribute;
  int32_t first_point;
};
struct ShapeOf {
  int32_t parent;
  int32_t first_figure;
  uint8_t type;
};
// A value as the server keeps it. Points are x, y as they lie in the bytes.
struct Value {
  std::vector<std::pair<double, double>> points = {};
  std::vector<double> zs = {};
  std::vector<double> ms = {};
  std::vector<FigureOf> figures = {};
  std::vector<ShapeOf> shapes = {};
  std::string segments = {};
  uint8_t version = 1;
  int32_t srid = 0;

  std::string Serialised() const {
    const auto flags = static_cast<uint8_t>(4 + (zs.empty() ? 0 : 1) + (ms.empty() ? 0 : 2));
    std::string bytes = Bytes(srid, version, flags, static_cast<uint32_t>(points.size()));
    for (const auto& [x, y] : points) bytes += Bytes(x, y);
    for (const double z : zs) bytes += Bytes(z);
    for (const double m : ms) bytes += Bytes(m);
    bytes += Bytes(static_cast<uint32_t>(figures.size()));
    for (const auto& figure : figures) bytes += Bytes(figure.attribute, figure.first_point);
    bytes += Bytes(static_cast<uint32_t>(shapes.size()));
    for (const auto& shape : shapes) bytes += Bytes(shape.parent, shape.first_figure, shape.type);
    return bytes + segments;
  }
};

inline Value Square() {
  return {.points = {{0, 0}, {9, 0}, {9, 9}, {0, 0}, {1, 1}, {1, 2}, {2, 2}, {1, 1}},
          .figures = {{2, 0}, {0, 4}},
          .shapes = {{-1, 0, 3}}};
}

// Bytes and text of SQL Server itself.
struct Known {
  const char* hex;
  const char* text;
};

inline const std::vector<Known> kGeometries = {
    {"00000000010C00000000000008400000000000001040", "POINT (3 4)"},
    {"00000000010D000000000000F03F00000000000000400000000000000840", "POINT Z (1 2 3)"},
    {"00000000010F0000000000000840000000000000104000000000000014400000000000001840",
     "POINT ZM (3 4 5 6)"},
    {"E6100000010E17D9CEF753D34740D34D6210585936C00000000000001040", "POINT M (47.651 -22.349 4)"},
    {"000000000114000000000000000000000000000000000000000000000000000000000000F03F",
     "LINESTRING (0 0, 0 1)"},
    {"000000000115000000000000000000000000000000000000000000000000000000000000F03F000000000000F03F"
     "0000000000000040",
     "LINESTRING Z (0 0 1, 0 1 2)"},
    {"0000000001040300000000000000000000000000000000000000000000000000F03F000000000000F03F00000000"
     "00000040000000000000104001000000010000000001000000FFFFFFFF0000000002",
     "LINESTRING (0 0, 1 1, 2 4)"},
    {"0000000001040A000000000000000000000000000000000000000000000000002440000000000000000000000000"
     "00002440000000000000244000000000000000000000000000002440000000000000000000000000000000000000"
     "00000000004000000000000000400000000000000040000000000000104000000000000010400000000000001040"
     "0000000000001040000000000000004000000000000000400000000000000040020000000200000000000500000"
     "001000000FFFFFFFF0000000003",
     "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 2 4, 4 4, 4 2, 2 2))"},
    {"00000000010402000000000000000000F03F000000000000004000000000000008400000000000001040020000000"
     "100000000010100000003000000FFFFFFFF0000000004000000000000000001000000000100000001",
     "MULTIPOINT ((1 2), (3 4))"},
    {"0000000001040400000000000000000000000000000000000000000000000000F03F000000000000F03F00000000"
     "0000004000000000000000400000000000000840000000000000084002000000010000000001020000000300000"
     "0FFFFFFFF0000000005000000000000000002000000000100000002",
     "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))"},
    {"0000000001040800000000000000000000000000000000000000000000000000F03F000000000000000000000000"
     "0000F03F000000000000F03F00000000000000000000000000000000000000000000244000000000000024400000"
     "00000000284000000000000024400000000000002840000000000000284000000000000024400000000000002440"
     "020000000200000000020400000003000000FFFFFFFF000000000600000000000000000300000000010000000"
     "3",
     "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((10 10, 12 10, 12 12, 10 10)))"},
    {"00000000010403000000000000000000F03F000000000000F03F0000000000000040000000000000004000000000"
     "000008400000000000000840020000000100000000010100000003000000FFFFFFFF000000000700000000000000"
     "0001000000000100000002",
     "GEOMETRYCOLLECTION (POINT (1 1), LINESTRING (2 2, 3 3))"},
    {"00000000010402000000000000000000000000000000000000000000000000000000000000000000F03F02000000"
     "0100000000010100000004000000FFFFFFFF000000000700000000000000000100000000010000000702000000"
     "0100000001",
     "GEOMETRYCOLLECTION (POINT (0 0), GEOMETRYCOLLECTION (POINT (0 1)))"},
    {"000000000104000000000000000001000000FFFFFFFFFFFFFFFF01", "POINT EMPTY"},
    {"000000000104000000000000000001000000FFFFFFFFFFFFFFFF02", "LINESTRING EMPTY"},
    {"000000000104000000000000000001000000FFFFFFFFFFFFFFFF03", "POLYGON EMPTY"},
    {"000000000104000000000000000001000000FFFFFFFFFFFFFFFF07", "GEOMETRYCOLLECTION EMPTY"},
};

inline const std::vector<Known> kGeographies = {
    {"E6100000010CCDCCCCCCCCCC47403333333333935EC0", "POINT (-122.3 47.6)"},
    {"E6100000011400000000008047400000000000805EC000000000000047400000000000405EC0",
     "LINESTRING (-122 47, -121 46)"},
    {"E610000001040500000000000000008047400000000000805EC000000000008047400000000000405EC000000000"
     "000048400000000000405EC000000000000048400000000000805EC000000000008047400000000000805EC00100"
     "0000020000000001000000FFFFFFFF0000000003",
     "POLYGON ((-122 47, -121 47, -121 48, -122 48, -122 47))"},
    {"E610000001040200000000000000008047400000000000805EC000000000000047400000000000405EC002000000"
     "0100000000010100000003000000FFFFFFFF0000000004000000000000000001000000000100000001",
     "MULTIPOINT ((-122 47), (-121 46))"},
    // Larger than a hemisphere, so version 2.
    {"E610000002240400000000000000000000000000000000000000000000000000F03F0000000000000000000000000"
     "0"
     "00F03F000000000000F03F0000000000000000000000000000000001000000010000000001000000FFFFFFFF00000"
     "00003",
     "POLYGON ((0 0, 0 1, 1 1, 0 0))"},
};

}  // namespace cdc::columns::testing
