#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/clock.h"

namespace cdc {

// Log lines are events: a time, a level, a stable name and fields, one line each on stderr. Never a
// secret. Only capture and app log. Any thread may.
enum class Level { kDebug, kInfo, kWarn, kError };
enum class LogFormat {
  kText,  // 2026-11-23T04:05:06.789Z info  delivered table=dbo.Orders rows=3
  kJson,  // {"time":"…","level":"info","event":"delivered","table":"dbo.Orders","rows":3}
};

struct Field {
  std::string_view name;
  std::string value;
  bool bare = false;  // a number or a truth value: JSON has it without quotes

  Field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, bool v) : name(n), value(v ? "true" : "false"), bare(true) {}
  Field(std::string_view n, double v);  // the shortest text that reads back as v
  template <std::integral T>
  requires(!std::same_as<T, bool>) Field(std::string_view n, T v)
      : name(n), value(std::to_string(v)), bare(true) {}
};

struct Event {
  UtcTime at;
  Level level;
  std::string_view name;
  std::span<const Field> fields;
};

void LogEvent(Level level, std::string_view event, std::initializer_list<Field> fields);
void SetLogLevel(Level at_least);
void SetLogFormat(LogFormat format);

// Where events go instead of to stderr; nothing: to stderr again. It is called by one thread at a
// time and must not log. After SetEventSink returned, the earlier one is not called any more.
using EventSink = std::function<void(const Event&)>;
void SetEventSink(EventSink sink);

// One line in the format that is set, to stderr.
void WriteEvent(const Event& event);

std::string_view LevelName(Level level);  // debug, info, warn, error
// Values with blanks, quotes or control characters are quoted. No line break at the end.
std::string TextLine(const Event& event);
// Fields follow under their names. What is no UTF-8 becomes U+FFFD.
std::string JsonLine(const Event& event);
// The text without time and level.
std::string FormatEvent(std::string_view event, std::span<const Field> fields);

}  // namespace cdc
