#include "rules/naming.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/text.h"

namespace cdc::rules {

namespace {

constexpr int kSuffixMax = 9999;
// Stands for {date} in a filled template: no path segment holds a control character.
constexpr std::string_view kDateMark = "\x01";

void Replace(std::string* text, std::string_view what, const std::string& with) {
  for (size_t at = text->find(what); at != std::string::npos;
       at = text->find(what, at + with.size())) {
    text->replace(at, what.size(), with);
  }
}

std::tm Utc(std::chrono::sys_seconds time) {
  return fmt::gmtime(std::chrono::system_clock::to_time_t(time));
}

std::optional<int> Digits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// "20250109_143015" or "20250109_143015_0001"
std::optional<Stamp> ParseStamp(std::string_view text) {
  if (text.size() != 15 && text.size() != 20) return std::nullopt;
  if (text[8] != '_' || (text.size() == 20 && text[15] != '_')) return std::nullopt;
  const auto year = Digits(text.substr(0, 4)), month = Digits(text.substr(4, 2)),
             day = Digits(text.substr(6, 2)), hour = Digits(text.substr(9, 2)),
             minute = Digits(text.substr(11, 2)), second = Digits(text.substr(13, 2));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  Stamp stamp{std::chrono::sys_days(date) + std::chrono::hours(*hour) +
                  std::chrono::minutes(*minute) + std::chrono::seconds(*second),
              0};
  if (text.size() == 20) {
    const auto suffix = Digits(text.substr(16));
    if (!suffix || *suffix == 0) return std::nullopt;
    stamp.suffix = *suffix;
  }
  return stamp;
}

}  // namespace

std::string Stamp::ToString() const {
  const std::string base = fmt::format("{:%Y%m%d_%H%M%S}", Utc(time));
  return suffix == 0 ? base : fmt::format("{}_{:04}", base, suffix);
}

arrow::Result<TableNames> TableNames::Make(const std::string& path, const std::string& database,
                                           const std::string& schema, const std::string& table) {
  TableNames names;
  names.table_ = PathSegment(table);
  std::string filled;
  for (size_t at = 0; at < path.size();) {
    const size_t open = path.find('{', at);
    filled += path.substr(at, open - at);
    if (open == std::string::npos) break;
    const size_t close = path.find('}', open);
    const std::string name =
        close == std::string::npos ? path.substr(open) : path.substr(open, close - open + 1);
    if (name == "{database}") {
      filled += PathSegment(database);
    } else if (name == "{schema}") {
      filled += PathSegment(schema);
    } else if (name == "{table}") {
      filled += names.table_;
    } else if (name == "{date}") {
      filled += kDateMark;
    } else {
      return arrow::Status::Invalid("[target] path has the unknown placeholder ", name,
                                    "; known are {database} {schema} {table} {date}");
    }
    at = open + name.size();
  }
  while (!filled.empty() && filled.back() == '/') filled.pop_back();
  names.template_ = filled + "/";
  names.folder_ = names.template_.substr(0, names.template_.find(kDateMark));
  names.folder_.resize(names.folder_.rfind('/') + 1);
  names.first_folder_ = names.folder_.substr(0, names.folder_.size() - 1);
  return names;
}

TableNames TableNames::InFolder(int number) const {
  TableNames names = *this;
  names.folder_ = first_folder_ + (number == 1 ? "/" : "_" + std::to_string(number) + "/");
  names.template_ = names.folder_ + template_.substr(folder_.size());
  return names;
}

int TableNames::FolderNumber(std::string_view folder) const {
  if (folder == InFolder(1).folder()) return 1;
  if (!folder.starts_with(FurtherFolders())) return 0;
  folder.remove_prefix(FurtherFolders().size());
  int number = 0;
  const auto [end, error] = std::from_chars(folder.data(), folder.data() + folder.size(), number);
  const bool is_number =
      error == std::errc() && number > 1 && std::to_string(number) + "/" == std::string(folder);
  return is_number ? number : 0;
}

std::string TableNames::FurtherFolders() const { return first_folder_ + "_"; }

std::string TableNames::Key(const Stamp& stamp) const {
  std::string folder = template_;
  Replace(&folder, kDateMark, fmt::format("{:%Y-%m-%d}", Utc(stamp.time)));
  return folder + table_ + "_cdc_" + stamp.ToString() + ".parquet";
}

std::string TableNames::Next(UtcTime now, const std::string& last_key) const {
  Stamp stamp{std::chrono::floor<std::chrono::seconds>(now), 0};
  const std::optional<Stamp> last = StampOf(last_key);
  if (last && stamp <= *last) {
    stamp = *last;
    if (++stamp.suffix > kSuffixMax) stamp = {last->time + std::chrono::seconds(1), 0};
  }
  return Key(stamp);
}

arrow::Status TableNames::CheckFits(const store::KeyLimits& limits, const std::string& url) const {
  const std::string longest =
      Key({std::chrono::sys_days(std::chrono::year(2026) / 1 / 1), kSuffixMax});
  const size_t slash = longest.rfind('/');
  for (size_t begin = 0; begin < longest.size();) {
    const size_t end = std::min(longest.find('/', begin), longest.size());
    const auto bytes = static_cast<int64_t>(end - begin);
    if (bytes > limits.name_bytes_max) {
      return arrow::Status::Invalid(fmt::format(
          "{} {} would have {} bytes (UTF-8), and {} keeps names of at most {}. What helps: {}",
          begin > slash ? "the names of its objects," : "the folder",
          longest.substr(begin, end - begin), bytes, url, limits.name_bytes_max,
          begin > slash ? "they begin with the table's name, so only another kind of target does "
                          "(s3://: 1,024 bytes a key), or leaving it out with [source] exclude"
                        : "a [target] path without it"));
    }
    begin = end + 1;
  }
  if (std::ssize(longest) > limits.key_bytes_max) {
    return arrow::Status::Invalid(fmt::format(
        "the keys of its objects, {}, would have {} bytes (UTF-8), and {} keeps keys of at most {} "
        "below it. What helps: a shorter [target] path (\"{{table}}\" is the shortest), or a "
        "shorter [target] url",
        longest, longest.size(), url, limits.key_bytes_max));
  }
  return arrow::Status::OK();
}

std::optional<Stamp> TableNames::StampOf(std::string_view key) const {
  std::string_view name = key.substr(key.rfind('/') + 1);  // npos + 1 is 0
  const std::string prefix = table_ + "_cdc_";
  constexpr std::string_view kSuffix = ".parquet";
  if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(kSuffix.size());
  return ParseStamp(name);
}

bool TellsDatabasesApart(const std::string& path) {
  return path.find("{database}") != std::string::npos;
}

}  // namespace cdc::rules
