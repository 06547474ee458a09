// Two hierarchyids of any bytes: each has a path or is refused; equal paths have equal bytes, and
// paths are in the order of their bytes, parents before children.

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "columns/hierarchy_path.h"
#include "tests/fuzz/fuzz.h"

namespace cdc::fuzz {
namespace {

// "/1/3.1/" as {{1}, {3, 1}}.
using Path = std::vector<std::vector<int64_t>>;

Path ParsePath(std::string_view text) {
  Path path;
  Require(text.starts_with('/') && text.ends_with('/'), "a path begins and ends with /");
  text.remove_prefix(1);
  while (!text.empty()) {
    std::vector<int64_t>& label = path.emplace_back();
    while (true) {
      int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      Require(error == std::errc(), "a label is made of numbers");
      label.push_back(number);
      text.remove_prefix(static_cast<size_t>(end - text.data()));
      const char separator = text.front();
      Require(separator == '.' || separator == '/', "numbers are parted by . and labels by /");
      text.remove_prefix(1);
      if (separator == '/') break;
    }
  }
  return path;
}

}  // namespace
}  // namespace cdc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cdc::fuzz::Require;
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t middle = std::min<size_t>(data[0], bytes.size());
  const std::string halves[] = {bytes.substr(0, middle), bytes.substr(middle)};
  std::string texts[2];
  for (int i = 0; i < 2; ++i) {
    const auto* half = reinterpret_cast<const uint8_t*>(halves[i].data());
    const auto half_size = static_cast<int64_t>(halves[i].size());
    if (cdc::columns::AppendHierarchyPath(half, half_size, &texts[i]) != nullptr) return 0;
    Require(texts[i].size() <= 4 * halves[i].size() + 1, "no longer than was promised");
  }
  Require((texts[0] == texts[1]) == (halves[0] == halves[1]), "one encoding a path");
  const auto first = cdc::fuzz::ParsePath(texts[0]);
  const auto second = cdc::fuzz::ParsePath(texts[1]);
  Require((first < second) == (halves[0] < halves[1]), "paths are in the order of their bytes");
  return 0;
}
