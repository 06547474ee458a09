#include "columns/hierarchy_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cdc::columns {
namespace {

using ::testing::HasSubstr;

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// The path, or "error: …".
std::string PathOf(std::string_view bytes) {
  std::string path;
  const char* wrong = AppendHierarchyPath(reinterpret_cast<const uint8_t*>(bytes.data()),
                                          static_cast<int64_t>(bytes.size()), &path);
  return wrong == nullptr ? path : std::string("error: ") + wrong;
}

using Path = std::vector<std::vector<int64_t>>;  // steps of dotted ordinals

std::string TextOf(const Path& path) {
  std::string text = "/";
  for (const auto& step : path) {
    for (const int64_t ordinal : step) text += std::to_string(ordinal) + ".";
    text.back() = '/';
  }
  return text;
}

// An encoder of its own, after [MS-SSCLRT] 2.2 but for its layout of the table: a range's prefix
// and the widths of the groups of its value. Groups are parted by a 0, the last two by a 1 if there
// are several.
struct Range {
  int64_t lowest;
  int64_t highest;
  std::string prefix;
  std::vector<int> groups;
};
const std::vector<Range> kRanges = {
    {-281479271682120, -4294971465, "000100", {14, 21, 6, 3, 1, 3}},
    {-4294971464, -4169, "000101", {19, 6, 3, 1, 3}},
    {-4168, -73, "000110", {5, 3, 1, 3}},
    {-72, -9, "0010", {2, 1, 3}},
    {-8, -1, "00111", {3}},
    {0, 3, "01", {2}},
    {4, 7, "100", {2}},
    {8, 15, "101", {3}},
    {16, 79, "110", {2, 1, 3}},
    {80, 1103, "1110", {3, 3, 1, 3}},
    {1104, 5199, "11110", {5, 3, 1, 3}},
    {5200, 4294972495, "111110", {19, 6, 3, 1, 3}},
    {4294972496, 281479271683151, "111111", {14, 21, 6, 3, 1, 3}},
};

std::string BitsOf(int64_t ordinal, bool last_of_step) {
  const int64_t value = last_of_step ? ordinal : ordinal + 1;
  const auto range = std::find_if(kRanges.begin(), kRanges.end(),
                                  [&](const Range& one) { return value <= one.highest; });
  int left = 0;
  for (const int width : range->groups) left += width;
  std::string bits = range->prefix;
  for (size_t group = 0; group < range->groups.size(); ++group) {
    if (group > 0) bits += group + 1 == range->groups.size() ? "1" : "0";
    for (int i = 0; i < range->groups[group]; ++i) {
      bits += ((value - range->lowest) >> --left & 1) != 0 ? "1" : "0";
    }
  }
  return bits + (last_of_step ? "1" : "0");
}

std::string Packed(std::string bits) {
  while (bits.size() % 8 != 0) bits += "0";
  std::string bytes;
  for (size_t i = 0; i < bits.size(); i += 8) {
    bytes.push_back(static_cast<char>(std::stoi(bits.substr(i, 8), nullptr, 2)));
  }
  return bytes;
}

std::string Encode(const Path& path) {
  std::string bits;
  for (const auto& step : path) {
    for (size_t i = 0; i < step.size(); ++i) bits += BitsOf(step[i], i + 1 == step.size());
  }
  return Packed(bits);
}

class RandomPaths {
 public:
  explicit RandomPaths(uint32_t seed) : random_(seed) {}

  Path Next() {
    Path path(Below(6));
    for (auto& step : path) {
      step.resize(1 + (Below(3) == 0 ? Below(3) + 1 : 0));
      for (int64_t& ordinal : step) ordinal = Ordinal();
      // Before a '.' stands the ordinal plus one, so the highest cannot.
      for (size_t i = 0; i + 1 < step.size(); ++i) {
        step[i] = std::min(step[i], kRanges.back().highest - 1);
      }
    }
    return path;
  }
  size_t Below(size_t end) { return random_() % end; }

 private:
  // Of every range alike, its ends often.
  int64_t Ordinal() {
    const Range& range = kRanges[Below(kRanges.size())];
    const size_t kind = Below(4);
    if (kind < 2) return kind == 0 ? range.lowest : range.highest;
    return std::uniform_int_distribution<int64_t>(range.lowest, range.highest)(random_);
  }

  std::mt19937_64 random_;
};

// What SQL Server itself gives for these (2025, and rows of AdventureWorks).
TEST(HierarchyPath, known_values_have_the_paths_that_the_server_prints) {
  const std::vector<std::pair<std::string, std::string>> known = {
      {"", "/"},
      {"48", "/0/"},
      {"58", "/1/"},
      {"84", "/4/"},
      {"BE", "/15/"},
      {"C110", "/16/"},
      {"DBF0", "/79/"},
      {"E00440", "/80/"},
      {"EEEFC0", "/1103/"},
      {"F00088", "/1104/"},
      {"F7DDF8", "/5199/"},
      {"F80000000220", "/5200/"},
      {"FBFFFFBF77E0", "/4294972495/"},
      {"FC00000000000110", "/4294972496/"},
      {"FFFFF7FFFFDFBBF0", "/281479271683151/"},
      {"3F80", "/-1/"},
      {"3880", "/-8/"},
      {"2DF8", "/-9/"},
      {"2088", "/-72/"},
      {"1BEEFC", "/-73/"},
      {"180044", "/-4168/"},
      {"17FFFFBF77E0", "/-4169/"},
      {"140000000220", "/-4294971464/"},
      {"13FFF7FFFFDFBBF0", "/-4294971465/"},
      {"1000000000000110", "/-281479271682120/"},
      {"62C0", "/1.1/"},
      {"61FC", "/1.-1/"},
      {"5BA084", "/1/2.3.4/"},
      {"447380", "/-1.5/7/"},
      {"59FB0540", "/1/-2.18/"},
      {"1000000000000128C0", "/-281479271682120.5/"},
      {"5AC0", "/1/1/"},
      {"5B40", "/1/2/"},
      {"5AE158", "/1/1/4/1/"},
      {"7C20", "/3/4/"},
  };
  for (const auto& [hex, path] : known) EXPECT_EQ(PathOf(FromHex(hex)), path) << hex;
}

TEST(HierarchyPath, every_path_comes_back_from_its_bytes) {
  RandomPaths paths(20250109);
  for (int i = 0; i < 20000; ++i) {
    const Path path = paths.Next();
    ASSERT_EQ(PathOf(Encode(path)), TextOf(path));
  }
}

TEST(HierarchyPath, the_order_of_bytes_is_the_order_of_nodes) {
  // Depth first: a node, what is below it, then its dotted siblings, then the next ordinal.
  const auto node_order = [](const Path& left, const Path& right) {
    for (size_t step = 0; step < std::min(left.size(), right.size()); ++step) {
      for (size_t i = 0;; ++i) {
        const bool left_ends = i == left[step].size();
        const bool right_ends = i == right[step].size();
        if (left_ends && right_ends) break;
        if (left_ends || right_ends) return left_ends;
        if (left[step][i] != right[step][i]) return left[step][i] < right[step][i];
      }
    }
    return left.size() < right.size();
  };
  RandomPaths paths(42);
  for (int i = 0; i < 20000; ++i) {
    const Path left = paths.Next();
    Path right = paths.Next();
    // Unrelated paths differ in their first ordinal nearly always.
    const size_t common = paths.Below(left.size() + 1);
    right.insert(right.begin(), left.begin(), left.begin() + static_cast<int64_t>(common));
    ASSERT_EQ(Encode(left) < Encode(right), node_order(left, right))
        << TextOf(left) << " and " << TextOf(right);
  }
}

TEST(HierarchyPath, what_it_appends_to_stays) {
  std::string text = "Node ";
  const uint8_t bytes[] = {0x58};
  EXPECT_EQ(AppendHierarchyPath(bytes, 1, &text), nullptr);
  EXPECT_EQ(text, "Node /1/");
}

TEST(HierarchyPath, bytes_that_end_within_an_ordinal_are_wrong) {
  EXPECT_THAT(PathOf(FromHex("FFFFF7FFFFDFBB")), HasSubstr("ends within an ordinal"));
  EXPECT_THAT(PathOf(FromHex("C1")), HasSubstr("ends within an ordinal"));
}

TEST(HierarchyPath, after_a_dot_an_ordinal_must_follow) {
  // "/1." with padding, and "/-1.0.4." which ends with a byte.
  EXPECT_THAT(PathOf(FromHex("60")), HasSubstr("bits that are no ordinal"));
  EXPECT_THAT(PathOf(Packed(BitsOf(-1, false) + BitsOf(0, false) + BitsOf(4, false))),
              HasSubstr("bits that are no ordinal"));
}

TEST(HierarchyPath, anything_but_zeros_in_the_padding_is_wrong) {
  for (const char* hex : {"59", "5A", "5C", "5AC1", "5AE15C", "FFFFF7FFFFDFBBF1"}) {
    EXPECT_THAT(PathOf(FromHex(hex)), HasSubstr("error: ")) << hex;
  }
}

TEST(HierarchyPath, a_whole_byte_of_padding_is_wrong) {
  for (const char* hex : {"00", "5800", "5AC000", "BE0000"}) {
    EXPECT_THAT(PathOf(FromHex(hex)), HasSubstr("bits that are no ordinal")) << hex;
  }
}

TEST(HierarchyPath, a_fixed_bit_that_is_turned_is_wrong) {
  EXPECT_EQ(PathOf(FromHex("C110")), "/16/");
  // 110 00 0 0 1 000 1: the 0 before the 4th digit, the 1 before the last three.
  EXPECT_THAT(PathOf(FromHex("C510")), HasSubstr("bits that are no ordinal"));
  EXPECT_THAT(PathOf(FromHex("C010")), HasSubstr("bits that are no ordinal"));
}

TEST(HierarchyPath, an_ordinal_below_the_lowest_is_wrong) {
  EXPECT_THAT(PathOf(Packed(BitsOf(-281479271682121, false) + BitsOf(1, true))),
              HasSubstr("bits that are no ordinal"));
}

// Bytes that are taken are the encoding of the path that came out: nothing is read loosely.
TEST(HierarchyPath, random_bytes_are_wrong_or_the_encoding_of_their_path) {
  std::mt19937_64 random(7);
  int taken = 0;
  for (int i = 0; i < 100000; ++i) {
    std::string bytes(random() % 6, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const std::string text = PathOf(bytes);
    if (text.starts_with("error: ")) continue;
    ++taken;
    Path path;
    std::vector<int64_t> step;
    for (size_t at = 1; at < text.size();) {
      size_t digits = 0;
      step.push_back(std::stoll(text.substr(at), &digits));
      at += digits;
      if (text[at++] == '/') path.push_back(std::exchange(step, {}));
    }
    ASSERT_EQ(Encode(path), bytes) << text;
  }
  EXPECT_GT(taken, 1000);
}

}  // namespace
}  // namespace cdc::columns
