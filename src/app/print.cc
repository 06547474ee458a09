#include "app/print.h"

#include <algorithm>

namespace cdc::app {

Lines PrintableLines(std::string_view text, size_t indent) {
  Lines lines;
  for (bool first = true;; first = false) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size());
    if (!first && !line.empty()) {
      const size_t blanks = std::min(line.find_first_not_of(' '), line.size());
      if (blanks < indent) lines.text.append(indent - blanks, ' ');
    }
    lines.text += Printable(line);
    if (text.empty()) return lines;
    lines.text += '\n';
    text.remove_prefix(1);
  }
}

}  // namespace cdc::app
