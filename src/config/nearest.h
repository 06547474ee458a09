#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cdc::config {

// The candidate with the fewest letters to insert, delete, replace or swap; case does not count. ""
// when there is none.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace cdc::config
