#include "store/sidecar.h"

#include <fmt/format.h>

#include <sstream>

namespace cdc::store {
namespace {

constexpr char kFirstLine[] = "cdc-to-s3 sidecar 1";
constexpr char kObject[] = "object ";
constexpr char kMeta[] = "meta ";

}  // namespace

// Lines "object <version> <size>", each followed by its "meta <name> <value>": neither names nor
// values have line breaks, and names have no blanks.
std::string FormatSidecar(const std::vector<SidecarEntry>& entries) {
  std::string text = fmt::format("{}\n", kFirstLine);
  for (const auto& entry : entries) {
    text += fmt::format("{}{} {}\n", kObject, entry.version, entry.size_bytes);
    for (const auto& [name, value] : entry.metadata) {
      text += fmt::format("{}{} {}\n", kMeta, name, value);
    }
  }
  return text;
}

arrow::Result<std::vector<SidecarEntry>> ParseSidecar(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  bool good = line == kFirstLine;
  std::vector<SidecarEntry> entries;
  while (good && std::getline(lines, line)) {
    if (line.starts_with(kObject)) {
      std::istringstream words(line.substr(sizeof(kObject) - 1));
      SidecarEntry entry;
      good = static_cast<bool>(words >> entry.version >> entry.size_bytes);
      entries.push_back(std::move(entry));
      continue;
    }
    const size_t blank = line.find(' ', sizeof(kMeta) - 1);
    good = line.starts_with(kMeta) && blank != std::string::npos && !entries.empty();
    if (good) {
      const std::string name = line.substr(sizeof(kMeta) - 1, blank - (sizeof(kMeta) - 1));
      entries.back().metadata[name] = line.substr(blank + 1);
    }
  }
  if (!good) {
    return MakeError(ErrorKind::kPermanent, fmt::format("not a sidecar: \"{}\"", line));
  }
  return entries;
}

}  // namespace cdc::store
