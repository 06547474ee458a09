#include "status/terminal.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "base/printable.h"
#include "status/words.h"

namespace cdc::status {

namespace {

constexpr std::chrono::milliseconds kRedraw{250};
constexpr size_t kColumnsOtherwise = 80;  // where the terminal does not tell

std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Columns without what only colours.
size_t ShownColumns(std::string_view line) {
  std::string plain;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\x1b') {
      plain += line[i];
    } else {
      i = std::min(line.find('m', i), line.size());
    }
  }
  return Columns(plain);
}

}  // namespace

bool Terminal::IsUsable(int file) {
  const std::string_view kind = Environment("TERM");
  return isatty(file) == 1 && !kind.empty() && kind != "dumb";
}

Terminal::Terminal(int file, Lines lines) : file_(file), lines_(std::move(lines)) {
  // Signals are for the thread that waits for them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { Run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Terminal::~Terminal() {
  {
    const MutexLock lock(mutex_);
    over_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void Terminal::Run() {
  MutexLock lock(mutex_);
  while (!over_) {
    Draw();
    wake_.WaitFor(mutex_, kRedraw, [this]() REQUIRES(mutex_) { return over_; });
  }
}

void Terminal::Draw() {
  const Look look = CurrentLook();
  std::string text = Erasure(look.columns);
  drawn_.clear();
  for (const std::string& line : lines_(look)) {
    text += line + "\n";
    drawn_.push_back(ShownColumns(line));
  }
  Write(text);
}

void Terminal::Above(const std::string& line) {
  const MutexLock lock(mutex_);
  const std::string erasure = over_ ? "" : Erasure(CurrentLook().columns);
  drawn_.clear();
  Write(erasure + Printable(line) + "\n");
  if (!over_) Draw();
}

void Terminal::End(const std::string& last) {
  const MutexLock lock(mutex_);
  if (over_) return;
  over_ = true;
  const std::string erasure = Erasure(CurrentLook().columns);
  drawn_.clear();
  Write(erasure + (last.empty() ? "" : last + "\n"));
  wake_.NotifyAll();
}

std::string Terminal::Erasure(size_t columns) const {
  // A terminal that became narrower has broken longer lines into several rows.
  size_t rows = 0;
  for (const size_t width : drawn_) rows += width <= columns ? 1 : (width + columns - 1) / columns;
  return rows == 0 ? "" : fmt::format("\x1b[{}A\r\x1b[J", rows);
}

Look Terminal::CurrentLook() const {
  Look look;
  winsize size{};
  look.columns =
      ioctl(file_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kColumnsOtherwise;
  look.colours = Environment("NO_COLOR").empty();
  return look;
}

void Terminal::Write(const std::string& text) const {
  for (size_t done = 0; done < text.size();) {
    const ssize_t wrote = write(file_, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return;  // the terminal is gone; the work goes on
    done += static_cast<size_t>(wrote);
  }
}

}  // namespace cdc::status
