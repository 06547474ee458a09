#include "status/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "status/metrics.h"
#include "status/pages.h"
#include "status/testing/filled_board.h"

namespace cdc::status {
namespace {

using testing::FilledBoard;
using ::testing::HasSubstr;
using testing::kNow;
using ::testing::Not;
using testing::TableOf;

constexpr char kNasty[] = "dbo.<script>alert(\"x\")</script>\n\\";

std::unique_ptr<Board> WithNastyTable(const Clock& clock) {
  auto board = FilledBoard(3, clock);
  TableFacts table = TableOf(1);
  table.name = kNasty;
  table.condition = Condition::kStopped;
  table.why = "<b>gap</b>";
  table.altered_values = {{"c", 3}, {"d", 2}};
  board->OnTable(table);
  return board;
}

TEST(StatusPage, escapes_every_name_and_lets_nothing_foreign_run) {
  const FakeClock clock(kNow);
  const auto board = WithNastyTable(clock);
  const Page page = StatusPage(board->Take());
  EXPECT_THAT(page.body, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page.body, Not(HasSubstr("<b>gap</b>")));
  EXPECT_THAT(page.body, HasSubstr("dbo.&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;"));
  EXPECT_THAT(page.policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page.policy, Not(HasSubstr("unsafe")));
  EXPECT_NE(StatusPage(board->Take()).policy, page.policy) << "a nonce is used once";
}

TEST(StatusPage, has_the_stopped_tables_before_all_others) {
  const FakeClock clock(kNow);
  const Page page = StatusPage(WithNastyTable(clock)->Take());
  EXPECT_LT(page.body.find("&lt;b&gt;gap&lt;/b&gt;"), page.body.find("tables complete"));
  EXPECT_LT(page.body.find("data-name=\"dbo.&lt;script"), page.body.find("data-name=\"Sales."));
}

TEST(StatusJson, is_json_with_the_same_figures_whatever_names_hold) {
  const FakeClock clock(kNow);
  const auto board = WithNastyTable(clock);
  TableFacts broken = TableOf(2);
  broken.name = "\xff";
  board->OnTable(broken);
  const auto json = nlohmann::json::parse(StatusJson(board->Take()));
  EXPECT_EQ(json["tables"].size(), 5U);
  EXPECT_EQ(json["tables"][3]["name"], kNasty);
  EXPECT_EQ(json["conditions"]["stopped"], 1);
  EXPECT_EQ(json["rows"], 9'000);
  EXPECT_EQ(json["altered_values"], 5);
  EXPECT_EQ(json["tables"][0]["altered_values"], nlohmann::json::object());
  EXPECT_EQ(json["tables"][3]["altered_values"], (nlohmann::json{{"c", 3}, {"d", 2}}));
  EXPECT_EQ(json["lag_seconds"], 10.0);
  EXPECT_EQ(json["history"]["rows_per_second"].size(), Board::kHistoryPoints);
  EXPECT_TRUE(json["health"].is_null());
}

TEST(StatusPage, names_columns_that_lost_something_but_not_without_end) {
  const FakeClock clock(kNow);
  const auto board = FilledBoard(20, clock);
  TableFacts table = TableOf(1);
  table.altered_values = {{"<i>", 1'234}, {"b", 2}};
  table.altered_how = {{"b", "a \"7th\" digit"}};
  board->OnTable(table);
  EXPECT_THAT(StatusPage(board->Take()).body,
              HasSubstr("<li><b>Sales.Table0001</b>: 1,234 of &lt;i&gt;, 2 of b (a &quot;7th&quot; "
                        "digit)</li></ul>"));
  for (int i = 0; i < 100; ++i) table.altered_values["c" + std::to_string(i)] = 1;
  for (int i = 1; i <= 20; ++i) {
    table.name = TableOf(i).name;
    board->OnTable(table);
  }
  EXPECT_THAT(StatusPage(board->Take()).body, HasSubstr(" and of 97 more columns</li>"));
  EXPECT_THAT(StatusPage(board->Take()).body, HasSubstr("<li>and 10 more tables</li>"));
}

TEST(Metrics, count_altered_values_by_column_and_only_where_there_are_any) {
  const FakeClock clock(kNow);
  const auto board = FilledBoard(2, clock);
  TableFacts table = TableOf(1);
  table.altered_values = {{"a \"b\"", 7}, {"c", 1}};
  board->OnTable(table);
  EXPECT_THAT(Metrics(board->Take()),
              HasSubstr("# TYPE cdc_to_s3_altered_values_total counter\n"
                        "cdc_to_s3_altered_values_total{table=\"Sales.Table0001\","
                        "column=\"a \\\"b\\\"\"} 7\n"
                        "cdc_to_s3_altered_values_total{table=\"Sales.Table0001\",column=\"c\"} 1\n"
                        "# HELP"));
  EXPECT_EQ(board->Take().altered_values, 8);
}

TEST(Metrics, escape_labels) {
  const FakeClock clock(kNow);
  EXPECT_THAT(Metrics(WithNastyTable(clock)->Take()),
              HasSubstr(R"(rows_total{table="dbo.<script>alert(\"x\")</script>\n\\"} 1000)"));
}

TEST(Pages, know_four_paths) {
  const FakeClock clock(kNow);
  const auto board = FilledBoard(2, clock);
  const Pages pages = PagesOf(*board);
  for (const char* path : {"/", "/status.json", "/metrics", "/healthz"}) {
    EXPECT_EQ(pages(path).code, 200) << path;
  }
  EXPECT_EQ(pages("/metrics/").code, 404);
}

TEST(Pages, of_a_board_without_anything_are_there_too) {
  const FakeClock clock(kNow);
  Board board(testing::IdentityOf(), clock);
  const Pages pages = PagesOf(board);
  EXPECT_EQ(pages("/").code, 200);
  EXPECT_EQ(pages("/healthz").code, 503);
}

}  // namespace
}  // namespace cdc::status
