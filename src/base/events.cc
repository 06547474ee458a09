#include "base/events.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cmath>

#include "base/json_text.h"
#include "base/mutex.h"
#include "base/printable.h"
#include "base/utc_text.h"

namespace cdc {

namespace {

std::atomic<Level> least{Level::kInfo};
std::atomic<LogFormat> format_set{LogFormat::kText};

// Made at first use and never taken down: threads may log until the process ends.
struct Output {
  Mutex mutex;
  EventSink sink GUARDED_BY(mutex);
};

Output& TheOutput() {
  static Output& output = *new Output;
  return output;
}

bool NeedsQuotes(std::string_view value) {
  if (value.empty()) return true;
  while (!value.empty()) {
    const char32_t point = NextCodePoint(&value);
    if (point == U' ' || point == U'"' || point == U'=' || SteersTerminal(point)) return true;
  }
  return false;
}

std::string Quoted(std::string_view value) {
  std::string out = "\"";
  while (!value.empty()) {
    const char32_t point = NextCodePoint(&value);
    const auto number = static_cast<uint32_t>(point);
    if (point == U'"' || point == U'\\') {
      out += '\\';
      AppendUtf8(&out, point);
    } else if (point == U'\n') {
      out += "\\n";
    } else if (SteersTerminal(point)) {
      out += number < 0x80 ? fmt::format("\\x{:02x}", number) : fmt::format("\\u{:04x}", number);
    } else {
      AppendUtf8(&out, point);
    }
  }
  return out + '"';
}

std::string TimeText(UtcTime at) {
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()) %
                      std::chrono::seconds(1);
  return fmt::format("{}.{:03}Z", FormatUtc(at).substr(0, 19), millis.count());
}

}  // namespace

Field::Field(std::string_view n, double v)
    : name(n), value(fmt::format("{}", v)), bare(std::isfinite(v)) {}

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
  }
  return "info";
}

std::string FormatEvent(std::string_view event, std::span<const Field> fields) {
  std::string line(event);
  for (const Field& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    line += NeedsQuotes(field.value) ? Quoted(field.value) : Printable(field.value);
  }
  return line;
}

std::string TextLine(const Event& event) {
  return fmt::format("{} {:<5} {}", TimeText(event.at), LevelName(event.level),
                     FormatEvent(event.name, event.fields));
}

std::string JsonLine(const Event& event) {
  Json line;
  line["time"] = TimeText(event.at);
  line["level"] = LevelName(event.level);
  line["event"] = event.name;
  for (const Field& field : event.fields) {
    const std::string name(field.name);
    if (field.bare) {
      line[name] = ParseJson(field.value).ValueOr(Json(field.value));
    } else {
      line[name] = field.value;
    }
  }
  return EscapeInJson(line.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace));
}

void WriteEvent(const Event& event) {
  const std::string line =
      (format_set == LogFormat::kJson ? JsonLine(event) : TextLine(event)) + '\n';
  // One write a line, so that lines of several processes on one pipe do not mix.
  for (size_t done = 0; done < line.size();) {
    const ssize_t wrote = write(STDERR_FILENO, line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return;  // nobody listens, and there is nowhere to say so
    done += static_cast<size_t>(wrote);
  }
}

void LogEvent(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (level < least) return;
  Output& output = TheOutput();
  const MutexLock lock(output.mutex);
  const Event made{Clock::System().UtcNow(), level, event, fields};
  output.sink ? output.sink(made) : WriteEvent(made);
}

void SetLogLevel(Level at_least) { least = at_least; }
void SetLogFormat(LogFormat format) { format_set = format; }

void SetEventSink(EventSink sink) {
  Output& output = TheOutput();
  const MutexLock lock(output.mutex);
  output.sink = std::move(sink);
}

}  // namespace cdc
