#include "status/terminal.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include "base/printable.h"
#include "status/testing/filled_board.h"
#include "status/words.h"

namespace cdc::status {
namespace {

using ::testing::ElementsAre;
using testing::FilledBoard;
using ::testing::HasSubstr;
using testing::kNow;
using testing::TableOf;

// A terminal of 60 columns; what was written to it can be read.
class Pty {
 public:
  Pty() {
    winsize size{24, 60, 0, 0};
    EXPECT_EQ(openpty(&outside_, &inside_, nullptr, nullptr, &size), 0);
    fcntl(outside_, F_SETFL, O_NONBLOCK);
  }
  ~Pty() {
    close(inside_);
    close(outside_);
  }
  int file() const { return inside_; }

  std::string Written() {
    std::string text;
    char part[4096];
    pollfd ready{outside_, POLLIN, 0};
    while (poll(&ready, 1, 50) > 0) {
      const ssize_t got = read(outside_, part, sizeof(part));
      if (got <= 0) break;
      text.append(part, static_cast<size_t>(got));
    }
    return text;
  }

 private:
  int outside_ = -1;
  int inside_ = -1;
};

TEST(Terminal, redraws_in_place_and_leaves_only_what_should_stay) {
  Pty pty;
  {
    Terminal terminal(pty.file(), [](const Look& look) {
      return std::vector<std::string>{"one", std::to_string(look.columns)};
    });
    EXPECT_EQ(pty.Written().substr(0, 9), "one\r\n60\r\n");
    terminal.Above("gap\x1b[2J");
    EXPECT_THAT(pty.Written(), HasSubstr("\x1b[2A\r\x1b[Jgap\uFFFD[2J\r\none\r\n60\r\n"));
    terminal.End("done");
    EXPECT_THAT(pty.Written(), HasSubstr("\x1b[2A\r\x1b[Jdone\r\n"));
    terminal.End("again");
    terminal.Above("late");
  }
  EXPECT_EQ(pty.Written(), "late\r\n");
}

TEST(Terminal, is_not_used_where_the_cursor_cannot_move) {
  Pty pty;
  setenv("TERM", "xterm", 1);
  EXPECT_TRUE(Terminal::IsUsable(pty.file()));
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(Terminal::IsUsable(pty.file()));
  setenv("TERM", "xterm", 1);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_FALSE(Terminal::IsUsable(ends[1]));
  close(ends[0]);
  close(ends[1]);
}

TEST(ProgressLines, fit_the_width_whatever_it_is) {
  const FakeClock clock(kNow);
  const auto board = FilledBoard(200, clock);
  TableFacts table = TableOf(1);
  table.name = "dbo.注文明細テーブル";
  table.condition = Condition::kStopped;
  table.why = "gap\x1b[2J: " + std::string(300, 'x');
  board->OnTable(table);
  for (const size_t columns : {1, 5, 20, 60, 80, 200}) {
    for (const std::string& line : ProgressLines(board->Take(), {columns, false})) {
      EXPECT_LE(Columns(line), std::max<size_t>(columns - 1, 1)) << columns << ": " << line;
      EXPECT_EQ(line, Printable(line));
    }
  }
}

TEST(ProgressLines, say_how_it_stands) {
  const FakeClock clock(kNow);
  const auto board = FilledBoard(3, clock);
  TableFacts table = TableOf(2);
  table.condition = Condition::kStopped;
  table.why = "gap";
  board->OnTable(table);
  EXPECT_THAT(
      ProgressLines(board->Take(), {80, false}),
      ElementsAre("Shop → s3://lake/raw  round 1 took 1.2 s", "tables  2 complete · 1 stopped",
                  HasSubstr("rows    6,000 · "), "lag     nothing is left over · as of 0 s ago",
                  HasSubstr("last    2 s ago  Table0002_cdc_"), "stopped Sales.Table0002: gap"));
  EXPECT_EQ(Summary(board->Take()),
            "Shop: 6,000 rows in 6 objects (72.3 KiB) in 0 s; 2 of 3 tables complete, 1 stopped");
  table.altered_values = {{"a", 1'000}, {"b", 1}, {"c", 1}, {"d", 1}};
  board->OnTable(table);
  EXPECT_THAT(ProgressLines(board->Take(), {120, false}),
              ::testing::Contains("altered 1,003 values of Sales.Table0002.a, Sales.Table0002.b, "
                                  "Sales.Table0002.c and 1 more"));
  EXPECT_THAT(Summary(board->Take()), ::testing::EndsWith("1 stopped, 1,003 values altered"));
}

}  // namespace
}  // namespace cdc::status
