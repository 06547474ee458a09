#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "status/progress_lines.h"

namespace cdc::status {

// Live progress on a terminal: lines that a thread redraws in place a few times a second, with room
// above them for lines that stay. The cursor stands below them at all times, so that a process
// that ends without a word leaves a tidy screen too.
class Terminal {
 public:
  // `lines` gives the picture for a look; it is called by the thread of the terminal.
  using Lines = std::function<std::vector<std::string>(const Look&)>;

  // `file` is a file descriptor of a terminal. It outlives this.
  Terminal(int file, Lines lines);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Writes a line above the picture, where it stays.
  void Above(const std::string& line);
  // Takes the picture away and writes `last` in its place, for good. Nothing is drawn any more.
  void End(const std::string& last);

  // Whether live progress makes sense there: a terminal that can move its cursor.
  static bool IsUsable(int file);

 private:
  void Run();
  void Draw() REQUIRES(mutex_);
  // What takes the picture away, given the width that the terminal has now.
  std::string Erasure(size_t columns) const REQUIRES(mutex_);
  Look CurrentLook() const;
  void Write(const std::string& text) const;

  const int file_;
  const Lines lines_;
  Mutex mutex_;
  CondVar wake_;
  bool over_ GUARDED_BY(mutex_) = false;
  std::vector<size_t> drawn_ GUARDED_BY(mutex_);  // columns of each line that stands there
  std::thread thread_;
};

}  // namespace cdc::status
