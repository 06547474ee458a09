#include "store/credentials/shared_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "store/files.h"
#include "store/store.h"

namespace cdc::store {
namespace {

constexpr int64_t kFileBytesMax = 1 << 20;

arrow::Status Unreadable(const std::string& path, const std::string& why) {
  return MakeError(ErrorKind::kNoCredentials, fmt::format("{}: {}", path, why));
}

// Nothing when it is not there.
arrow::Result<std::optional<std::string>> ReadIfThere(const std::string& path) {
  const auto file = OpenToRead(path);
  if (!file.ok()) {
    return Unreadable(path, file.status().message());
  }
  if (!file->is_open()) {
    return std::nullopt;
  }
  const auto size = SizeOf(*file, path);
  if (size.ok() && *size > kFileBytesMax) {
    return Unreadable(path, "too large to be what it should be");
  }
  const auto text = ReadAll(*file, path);
  if (!text.ok()) {
    return Unreadable(path, text.status().message());
  }
  return *text;
}

std::string_view Trim(std::string_view text) {
  const char* blanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// What follows the word that says of which kind the section is; "" where it is of another kind.
std::string_view NameAfter(std::string_view kind, std::string_view heading) {
  const bool named = heading.starts_with(kind) && heading.size() > kind.size() &&
                     (heading[kind.size()] == ' ' || heading[kind.size()] == '\t');
  return named ? Trim(heading.substr(kind.size())) : std::string_view();
}

// The profile that a section's heading names; "" for sections of another kind. In the config file
// that is [default] and [profile name], in the credentials file [name].
std::string ProfileOf(std::string_view heading, bool is_config) {
  heading = Trim(heading);
  if (is_config && heading != "default") heading = NameAfter("profile", heading);
  if (heading.size() >= 2 && (heading.front() == '"' || heading.front() == '\'') &&
      heading.back() == heading.front()) {
    heading = heading.substr(1, heading.size() - 2);
  }
  return std::string(heading);
}

class Parser {
 public:
  Parser(std::string path, bool is_config, SharedFiles* files)
      : path_(std::move(path)), is_config_(is_config), files_(files) {}

  arrow::Status Parse(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      ARROW_RETURN_NOT_OK(ParseLine(text.substr(0, end)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return arrow::Status::OK();
  }

 private:
  arrow::Status ParseLine(std::string_view line) {
    const std::string_view content = Trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') {
      return arrow::Status::OK();
    }
    if (content.front() == '[') {
      const size_t close = content.find(']');
      if (close == std::string_view::npos) {
        return Bad("a heading without its ]");
      }
      Open(content.substr(1, close - 1));
      return arrow::Status::OK();
    }
    // A member of a nested setting.
    const bool is_nested = line.front() == ' ' || line.front() == '\t';
    const size_t equals = content.find_first_of("=:");
    if (equals == std::string_view::npos || equals == 0) {
      if (is_nested) return arrow::Status::OK();  // not all of them are name = value
      return Bad("not name = value");
    }
    std::string name = Lower(Trim(content.substr(0, equals)));
    if (!is_nested) nest_ = name;
    if (is_nested) name = nest_ + "." + name;
    if (section_ != nullptr) (*section_)[name] = Trim(content.substr(equals + 1));
    return arrow::Status::OK();
  }

  void Open(std::string_view heading) {
    const std::string profile = ProfileOf(heading, is_config_);
    const std::string services(is_config_ ? NameAfter("services", Trim(heading)) : "");
    section_ = !profile.empty()    ? &files_->profiles[profile]
               : !services.empty() ? &files_->services[services]
                                   : nullptr;
    nest_.clear();
  }

  // Without the line itself, which may hold a secret.
  arrow::Status Bad(const char* what) const {
    return Unreadable(fmt::format("{} line {}", path_, line_), what);
  }

  const std::string path_;
  const bool is_config_;
  SharedFiles* const files_;
  Profile* section_ = nullptr;  // null: of a kind that means nothing here
  std::string nest_;            // the setting that nested ones are members of
  int line_ = 0;
};

std::string PathOf(const Environment& environment, const char* variable, const char* file) {
  const std::string& home = ValueOf(environment, "HOME");
  std::string path = ValueOf(environment, variable);
  if (path.empty()) {
    return home.empty() ? "" : fmt::format("{}/.aws/{}", home, file);
  }
  if (path.starts_with("~/")) {
    path.replace(0, 1, home);
  }
  return path;
}

arrow::Status AddFile(const std::string& path, bool is_config, SharedFiles* files) {
  if (path.empty()) {
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto text, ReadIfThere(path));
  files->looked_at +=
      fmt::format("{}{}{}", files->looked_at.empty() ? "" : ", ", path, text ? "" : " (not there)");
  return text ? Parser(path, is_config, files).Parse(*text) : arrow::Status::OK();
}

}  // namespace

const std::string& ValueOf(const Environment& environment, const std::string& name) {
  static const std::string kNone;
  const auto found = environment.find(name);
  return found == environment.end() ? kNone : found->second;
}

arrow::Result<SharedFiles> ReadSharedFiles(const Environment& environment) {
  SharedFiles files;
  // The later one wins.
  ARROW_RETURN_NOT_OK(AddFile(PathOf(environment, "AWS_CONFIG_FILE", "config"), true, &files));
  ARROW_RETURN_NOT_OK(
      AddFile(PathOf(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials"), false, &files));
  if (files.looked_at.empty()) {
    files.looked_at = "HOME is not set, nor AWS_CONFIG_FILE";
  }
  return files;
}

arrow::Result<std::string> ReadSmallFile(const std::string& path, const std::string& variable) {
  ARROW_ASSIGN_OR_RAISE(const auto text, ReadIfThere(path));
  const std::string content(text ? Trim(*text) : "");
  if (content.empty()) {
    return Unreadable(
        path, fmt::format("{}; {} names it", text ? "the file is empty" : "there is no such file",
                          variable));
  }
  return content;
}

}  // namespace cdc::store
