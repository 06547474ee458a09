#include "app/human.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/units.h"
#include "base/utc_text.h"
#include "status/words.h"

namespace cdc::app {

namespace {

using std::chrono::seconds;

constexpr size_t kNarrowest = 40;  // a terminal below that is left to break lines itself

size_t Width(const std::string& text) { return status::Columns(text); }

std::string Broken(const std::string& text, size_t indent, size_t width) {
  std::string out;
  size_t column = indent;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (column > indent && column + 1 + Width(word) > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (at > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += Width(word);
    at = end + 1;
  }
  return out;
}

}  // namespace

std::string Ago(UtcTime time, UtcTime now) {
  const auto age = std::chrono::floor<seconds>(now - time);
  if (age.count() <= -1) return "in " + HumanDuration(-age);
  return age.count() == 0 ? "now" : HumanDuration(age) + " ago";
}

std::optional<UtcTime> FromServerTime(const std::string& text, int32_t offset_minutes) {
  const int32_t minutes = std::abs(offset_minutes);
  const auto time = ParseUtc(fmt::format("{}{}{:02}:{:02}", text, offset_minutes < 0 ? '-' : '+',
                                         minutes / 60, minutes % 60));
  return time.ok() ? std::optional(*time) : std::nullopt;
}

std::string UtcText(const std::string& server_time, int32_t offset_minutes) {
  const auto time = FromServerTime(server_time, offset_minutes);
  return time ? FormatUtc(*time) : "";
}

size_t TerminalWidth() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

Lines Wrap(const std::string& text, size_t indent) {
  const size_t width = TerminalWidth();
  Lines lines = PrintableLines(text, indent);
  if (width >= kNarrowest) lines.text = Broken(lines.text, indent, width);
  return lines;
}

void Columns::Row(const std::vector<std::string>& cells) {
  rows_.emplace_back();
  for (const std::string& cell : cells) rows_.back().push_back(Printable(cell));
}

Lines Columns::ToString(size_t indent) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return {out};
}

}  // namespace cdc::app
