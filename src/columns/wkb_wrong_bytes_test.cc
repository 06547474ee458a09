#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "columns/testing/spatial_values.h"
#include "columns/wkb.h"

namespace cdc::columns {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(WkbOfWrongBytes, curves_are_refused_with_the_setting_that_helps) {
  const std::vector<Known> curves = {
      {"0000000002040300000000000000000000000000000000000000000000000000F03F000000000000F03F0000000"
       "0"
       "00000040000000000000000001000000020000000001000000FFFFFFFF0000000008",
       "curve (CircularString)"},
      {"0000000002040400000000000000000000000000000000000000000000000000F03F00000000000000000000000"
       "00"
       "0000040000000000000F03F0000000000000840000000000000000001000000030000000001000000FFFFFFFF00"
       "00"
       "000009020000000203",
       "curve (CompoundCurve)"},
      {"000000000204050000000000000000000040000000000000F03F000000000000F03F00000000000000400000000"
       "00000"
       "0000000000000000F03F000000000000F03F00000000000000000000000000000040000000000000F03F0100000"
       "00200"
       "00000001000000FFFFFFFF000000000A",
       "curve (CurvePolygon)"},
      {"E61000000224000000000000000001000000FFFFFFFFFFFFFFFF0B", "FullGlobe"},
  };
  for (const auto& [hex, name] : curves) {
    const std::string text = TextOf(FromHex(hex));
    EXPECT_THAT(text, HasSubstr(name));
    EXPECT_THAT(text, HasSubstr("set spatial = \"binary\""));
  }
  Value arc = Square();
  arc.version = 2;
  arc.figures[0].attribute = 2;
  EXPECT_THAT(TextOf(arc.Serialised()), HasSubstr("a curve, which"));
}

TEST(WkbOfWrongBytes, bytes_cut_anywhere_are_wrong) {
  std::vector<std::string> values = {Square().Serialised()};
  for (const auto& known : kGeometries) values.push_back(FromHex(known.hex));
  for (const auto& value : values) {
    for (size_t size = 0; size < value.size(); ++size) {
      EXPECT_THAT(TextOf(value.substr(0, size)), StartsWith("error: "));
    }
    EXPECT_THAT(TextOf(value + '\0'), HasSubstr("bytes after its end"));
  }
}

TEST(WkbOfWrongBytes, counts_beyond_the_bytes_are_wrong) {
  for (const uint32_t count : {9U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU}) {
    std::string bytes = Square().Serialised();
    const size_t points = 6;
    const size_t figures = points + 4 + 8 * 16;
    const size_t shapes = figures + 4 + 2 * 5;
    for (const size_t at : {points, figures, shapes}) {
      EXPECT_THAT(TextOf(std::string(bytes).replace(at, 4, Bytes(count))), StartsWith("error: "));
    }
  }
}

TEST(WkbOfWrongBytes, versions_and_properties_that_are_not_known_are_wrong) {
  for (const int version : {0, 3, 255}) {
    EXPECT_THAT(TextOf(Bytes(0, static_cast<uint8_t>(version), uint8_t{0x0C}, 1.0, 2.0)),
                HasSubstr("unknown version"));
  }
  for (const int properties : {0x2C, 0x4C, 0x8C, 0x1C}) {
    EXPECT_THAT(TextOf(Bytes(0, uint8_t{1}, static_cast<uint8_t>(properties), 1.0, 2.0)),
                HasSubstr("unknown prop"));
  }
}

TEST(WkbOfWrongBytes, offsets_that_do_not_follow_each_other_are_wrong) {
  const auto changed = [](auto change) {
    Value value = Square();
    change(&value);
    return TextOf(value.Serialised());
  };
  const char* order = "not one after the other";
  EXPECT_THAT(changed([](Value* v) { v->figures[1].first_point = -1; }), HasSubstr(order));
  EXPECT_THAT(changed([](Value* v) { v->figures[1].first_point = 9; }), HasSubstr(order));
  EXPECT_THAT(changed([](Value* v) { v->figures[0].first_point = 1; }), HasSubstr(order));
  EXPECT_THAT(changed([](Value* v) { v->shapes[0].first_figure = 1; }), HasSubstr(order));
  EXPECT_THAT(changed([](Value* v) { v->shapes[0].first_figure = -1; }), HasSubstr(order));
  EXPECT_THAT(changed([](Value* v) { v->shapes[0].first_figure = -2; }), HasSubstr(order));
  EXPECT_THAT(changed([](Value* v) { v->figures.clear(); }), HasSubstr(order));
  EXPECT_THAT(changed([](Value* v) { v->shapes.clear(); }), HasSubstr(order));
  const Value figure_of_nobody = {.figures = {{2, 0}}, .shapes = {{-1, -1, 3}}};
  EXPECT_THAT(TextOf(figure_of_nobody.Serialised()), HasSubstr(order));
}

TEST(WkbOfWrongBytes, shapes_that_are_no_tree_are_wrong) {
  const auto with_shapes = [](std::vector<ShapeOf> shapes) {
    const Value value = {.points = {{1, 1}}, .figures = {{1, 0}}, .shapes = std::move(shapes)};
    return TextOf(value.Serialised());
  };
  EXPECT_EQ(with_shapes({{-1, 0, 7}, {0, 0, 1}}), "GEOMETRYCOLLECTION (POINT (1 1))");
  const char* order = "not one after the other";
  EXPECT_THAT(with_shapes({{0, 0, 7}, {0, 0, 1}}), HasSubstr(order));
  EXPECT_THAT(with_shapes({{-1, 0, 7}, {-1, 0, 1}}), HasSubstr(order));
  EXPECT_THAT(with_shapes({{-1, 0, 7}, {1, 0, 1}}), HasSubstr(order));
  EXPECT_THAT(with_shapes({{-1, 0, 7}, {-2, 0, 1}}), HasSubstr(order));
  EXPECT_THAT(with_shapes({{-1, 0, 7}, {99, 0, 1}}), HasSubstr(order));
  // The first collection is closed by the second.
  EXPECT_THAT(with_shapes({{-1, 0, 7}, {0, 0, 7}, {0, 0, 7}, {1, 0, 1}}), HasSubstr(order));
  const char* holder = "cannot hold it";
  EXPECT_THAT(with_shapes({{-1, -1, 1}, {0, 0, 1}}), HasSubstr(holder));
  EXPECT_THAT(with_shapes({{-1, 0, 5}, {0, 0, 1}}), HasSubstr(holder));
  EXPECT_THAT(with_shapes({{-1, 0, 4}, {0, 0, 4}}), HasSubstr(holder));
  EXPECT_THAT(with_shapes({{-1, 0, 0}}), HasSubstr("unknown type"));
  EXPECT_THAT(with_shapes({{-1, 0, 12}}), HasSubstr("unknown type"));
}

TEST(WkbOfWrongBytes, points_and_lines_have_one_figure) {
  Value value = {.points = {{1, 1}, {2, 2}}, .figures = {{1, 0}, {1, 1}}, .shapes = {{-1, 0, 2}}};
  EXPECT_THAT(TextOf(value.Serialised()), HasSubstr("several figures"));
  value.figures.pop_back();
  value.shapes[0].type = 1;
  EXPECT_THAT(TextOf(value.Serialised()), HasSubstr("a point that is not one"));
  value.figures[0].attribute = 3;
  EXPECT_THAT(TextOf(value.Serialised()), HasSubstr("figure of an unknown kind"));
}

// What comes out of damaged bytes is an error, or well-formed and bounded.
TEST(WkbOfWrongBytes, damaged_bytes_never_give_anything_but_an_error_or_whole_wkb) {
  std::vector<std::string> values = {Square().Serialised()};
  for (const auto& known : kGeometries) values.push_back(FromHex(known.hex));
  std::mt19937_64 random(11);
  for (int i = 0; i < 50000; ++i) {
    std::string bytes = values[random() % values.size()];
    const size_t damages = 1 + random() % 3;
    for (size_t j = 0; j < damages; ++j) {
      bytes[random() % bytes.size()] =
          static_cast<char>(random() % 4 == 0 ? random() : random() % 9);
    }
    ASSERT_THAT(TextOf(bytes), ::testing::Not(HasSubstr("and more bytes")));
  }
}

TEST(WkbOfWrongBytes, a_deep_nest_and_a_wide_one_take_linear_time) {
  constexpr int32_t kShapes = 200'000;
  Value deep = {.shapes = {{-1, -1, 7}}};
  Value wide = deep;
  for (int32_t i = 0; i < kShapes; ++i) {
    deep.shapes.push_back({i, -1, 7});
    wide.shapes.push_back({0, -1, 3});
  }
  for (const Value& value : {deep, wide}) {
    const std::string bytes = value.Serialised();
    std::string wkb;
    int32_t srid = 0;
    EXPECT_EQ(AppendWkb(reinterpret_cast<const uint8_t*>(bytes.data()),
                        static_cast<int64_t>(bytes.size()), kGeometry, &wkb, &srid),
              nullptr);
    EXPECT_EQ(wkb.size(), (kShapes + 1) * 9U);
  }
}

}  // namespace
}  // namespace cdc::columns
