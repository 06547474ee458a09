#include "columns/wkb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "columns/testing/spatial_values.h"

namespace cdc::columns {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests
using ::testing::StartsWith;

TEST(Wkb, known_geometries_have_the_text_that_the_server_prints) {
  for (const auto& [hex, text] : kGeometries) EXPECT_EQ(TextOf(FromHex(hex)), text) << hex;
}

TEST(Wkb, a_geography_has_its_longitude_first) {
  for (const auto& [hex, text] : kGeographies) {
    const Outcome outcome = Convert(FromHex(hex), kGeography);
    EXPECT_EQ(outcome.text, text);
    EXPECT_EQ(outcome.srid, 4326);
  }
}

TEST(Wkb, rows_of_adventure_works_are_where_their_city_is) {
  // Person.Address 1: 1970 Napa Ct., Bothell, Washington.
  const Outcome outcome =
      Convert(FromHex("E6100000010CAE8BFC28BCE4474067A89189898A5EC0"), kGeography);
  EXPECT_EQ(outcome.text, "POINT (-122.164644615406 47.7869921906598)");
  EXPECT_EQ(outcome.wkb, FromHex("010100000067A89189898A5EC0AE8BFC28BCE44740"));
}

// As the documentation of AsBinaryZM has it: 'Point(1 1 2 3)'.
TEST(Wkb, its_bytes_are_those_of_the_server) {
  EXPECT_EQ(Convert(Bytes(0, uint8_t{1}, uint8_t{0x0F}, 1.0, 1.0, 2.0, 3.0), kGeometry).wkb,
            FromHex("01B90B0000000000000000F03F000000000000F03F00000000000000400000000000000840"));
}

TEST(Wkb, the_srid_is_the_value_s) {
  for (const int32_t srid : {0, 4326, 3857, -1}) {
    EXPECT_EQ(Convert(Bytes(srid, uint8_t{1}, uint8_t{0x0C}, 1.0, 2.0), kGeometry).srid, srid);
  }
}

TEST(Wkb, what_it_appends_to_stays) {
  const std::string bytes = Bytes(0, uint8_t{1}, uint8_t{0x0C}, 1.0, 2.0);
  std::string wkb = "before";
  int32_t srid = 7;
  EXPECT_EQ(AppendWkb(reinterpret_cast<const uint8_t*>(bytes.data()),
                      static_cast<int64_t>(bytes.size()), kGeometry, &wkb, &srid),
            nullptr);
  EXPECT_THAT(wkb, StartsWith("before\x01"));
  EXPECT_EQ(wkb.size(), 6 + 21);
}

TEST(Wkb, z_and_m_go_with_their_points) {
  Value value = Square();
  value.zs = {10, 11, 12, 13, 14, 15, 16, 17};
  EXPECT_EQ(TextOf(value.Serialised()),
            "POLYGON Z ((0 0 10, 9 0 11, 9 9 12, 0 0 13), (1 1 14, 1 2 15, 2 2 16, 1 1 17))");
  value.ms = {-1, -2, -3, -4, -5, -6, -7, -8};
  EXPECT_EQ(TextOf(value.Serialised(), kGeography),
            "POLYGON ZM ((0 0 10 -1, 0 9 11 -2, 9 9 12 -3, 0 0 13 -4), "
            "(1 1 14 -5, 2 1 15 -6, 2 2 16 -7, 1 1 17 -8))");
  value.zs.clear();
  EXPECT_EQ(TextOf(value.Serialised()),
            "POLYGON M ((0 0 -1, 9 0 -2, 9 9 -3, 0 0 -4), (1 1 -5, 1 2 -6, 2 2 -7, 1 1 -8))");
}

TEST(Wkb, a_missing_z_among_others_is_nan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(TextOf(Bytes(0, uint8_t{1}, uint8_t{0x15}, 0.0, 0.0, 0.0, 1.0, nan, 2.0)),
            "LINESTRING Z (0 0 nan, 0 1 2)");
}

TEST(Wkb, empty_shapes_of_every_kind_are_empty) {
  const char* const names[] = {
      "",           "POINT",           "LINESTRING",   "POLYGON",
      "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"};
  for (uint8_t version = 1; version <= 2; ++version) {
    for (uint8_t type = 1; type <= 7; ++type) {
      const Value value = {.shapes = {{-1, -1, type}}, .version = version};
      EXPECT_EQ(TextOf(value.Serialised()), std::string(names[type]) + " EMPTY");
    }
  }
}

TEST(Wkb, empty_points_have_nan_for_each_coordinate) {
  const Value value = {.points = {{1, 2}},
                       .zs = {3},
                       .ms = {4},
                       .figures = {{1, 0}},
                       .shapes = {{-1, 0, 4}, {0, -1, 1}, {0, 0, 1}}};
  const Outcome outcome = Convert(value.Serialised(), kGeometry);
  EXPECT_EQ(outcome.text, "MULTIPOINT ZM (EMPTY, (1 2 3 4))");
  EXPECT_EQ(outcome.wkb.size(), 9 + 2 * (5 + 4 * 8));
}

TEST(Wkb, empty_shapes_among_others_take_no_figures) {
  const Value value = {.points = {{0, 0}, {1, 1}, {5, 5}, {6, 5}, {6, 6}, {5, 5}},
                       .figures = {{1, 0}, {2, 2}},
                       .shapes = {{-1, 0, 7},
                                  {0, -1, 1},
                                  {0, -1, 6},
                                  {0, 0, 5},
                                  {3, -1, 2},
                                  {3, 0, 2},
                                  {0, -1, 7},
                                  {0, 1, 3},
                                  {0, -1, 3}}};
  EXPECT_EQ(TextOf(value.Serialised()),
            "GEOMETRYCOLLECTION (POINT EMPTY, MULTIPOLYGON EMPTY, MULTILINESTRING (EMPTY, (0 0, 1 "
            "1)), GEOMETRYCOLLECTION EMPTY, POLYGON ((5 5, 6 5, 6 6, 5 5)), POLYGON EMPTY)");
}

TEST(Wkb, what_an_empty_collection_says_of_figures_does_not_matter) {
  for (const int32_t figure : {-1, 0, 1}) {
    const Value value = {.points = {{1, 1}, {2, 2}},
                         .figures = {{1, 0}},
                         .shapes = {{-1, 0, 7}, {0, 0, 2}, {0, figure, 7}}};
    EXPECT_EQ(TextOf(value.Serialised()),
              "GEOMETRYCOLLECTION (LINESTRING (1 1, 2 2), GEOMETRYCOLLECTION EMPTY)");
  }
}

TEST(Wkb, collections_in_collections_close_where_they_should) {
  const Value value = {
      .points = {{1, 1}, {2, 2}, {3, 3}, {4, 4}},
      .figures = {{1, 0}, {1, 1}, {1, 2}, {1, 3}},
      .shapes = {
          {-1, 0, 7}, {0, 0, 7}, {1, 0, 7}, {2, 0, 1}, {2, 1, 1}, {1, 2, 1}, {0, 3, 4}, {6, 3, 1}}};
  EXPECT_EQ(TextOf(value.Serialised()),
            "GEOMETRYCOLLECTION (GEOMETRYCOLLECTION (GEOMETRYCOLLECTION (POINT (1 1), POINT (2 "
            "2)), POINT (3 3)), MULTIPOINT ((4 4)))");
}

// Version 2 calls every ring a line; the first is the outer one.
TEST(Wkb, rings_of_version_2_are_lines) {
  Value value = Square();
  value.version = 2;
  for (auto& figure : value.figures) figure.attribute = 1;
  EXPECT_EQ(TextOf(value.Serialised()), "POLYGON ((0 0, 9 0, 9 9, 0 0), (1 1, 1 2, 2 2, 1 1))");
}

}  // namespace
}  // namespace cdc::columns
