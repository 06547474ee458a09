#pragma once

#include <filesystem>

namespace cdc::testing {

// The folder of the project, wherever the test is started. A compiler's __FILE__ may be relative to
// the folder of the build (ccache has it so), which is where the test's program lies.
inline std::filesystem::path ProjectRoot() {
  const auto build = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto file = (build / __FILE__).lexically_normal();
  return file.parent_path().parent_path().parent_path().parent_path();
}

}  // namespace cdc::testing
