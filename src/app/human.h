#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/print.h"
#include "base/clock.h"

// How verbs write for people.
namespace cdc::app {

// "now", "45 s ago", "3 min 12 s ago", "5 d 2 h ago"; a time to come: "in 3 min".
std::string Ago(UtcTime time, UtcTime now);

// A time as the server writes it, in its own zone, `offset_minutes` ahead of UTC. Nothing when it
// is none.
std::optional<UtcTime> FromServerTime(const std::string& text, int32_t offset_minutes);
// The same as UTC text, "2026-11-23T04:05:06Z"; "" when it is none.
std::string UtcText(const std::string& server_time, int32_t offset_minutes);

// Columns of the terminal; 0 where stdout is none.
size_t TerminalWidth();

// The text broken into lines that fit the terminal, every line but the first indented by `indent`
// blanks. Printable, and with its own line breaks alone where stdout is no terminal, so that other programs find their words.
Lines Wrap(const std::string& text, size_t indent);

// Rows with columns of equal width, two blanks between them, the last one ragged.
class Columns {
 public:
  void Row(const std::vector<std::string>& cells);
  bool empty() const { return rows_.empty(); }
  // Every line begins with `indent` blanks and ends with a line break.
  Lines ToString(size_t indent) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace cdc::app
