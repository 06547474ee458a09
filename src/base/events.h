#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace cdc {

// Log lines are events: a time, a level, a stable name and key=value pairs, on stderr. Values with
// blanks, quotes or control characters are quoted. Never a secret. Only capture and app log.
enum class Level { kDebug, kInfo, kWarn, kError };

struct Field {
  std::string_view name;
  std::string value;

  Field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  template <typename T>
  requires std::is_arithmetic_v<T> Field(std::string_view n, T v)
      : name(n), value(std::to_string(v)) {}
};

void LogEvent(Level level, std::string_view event, std::initializer_list<Field> fields);
void SetLogLevel(Level at_least);
// The line without time and level; what LogEvent prints.
std::string FormatEvent(std::string_view event, std::initializer_list<Field> fields);

}  // namespace cdc
