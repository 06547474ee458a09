#include "base/events.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

namespace cdc {
namespace {

using nlohmann::json;

const UtcTime kAt{std::chrono::microseconds(1'763'870'706'789'999)};

Event Made(const std::vector<Field>& fields) { return {kAt, Level::kWarn, "gap", fields}; }

TEST(Events, quote_values_that_a_reader_could_not_tell_apart) {
  const std::vector<Field> fields = {
      {"table", "dbo.T"}, {"why", "it is \"gone\"\n\x1b[2J"}, {"rows", 3}, {"none", ""}};
  EXPECT_EQ(FormatEvent("gap", fields),
            R"(gap table=dbo.T why="it is \"gone\"\n\x1b[2J" rows=3 none="")");
}

TEST(Events, steer_no_terminal_in_either_form) {
  const std::vector<Field> fields = {
      {"why", "\u009b31m\u202E\u2028\x7f"}, {"table", "S\xE3o"}, {"host", "db1\\shop"}};
  EXPECT_EQ(FormatEvent("gap", fields),
            "gap why=\"\\u009b31m\\u202e\\u2028\\x7f\" table=S\uFFFDo host=db1\\shop");
  const std::string line = JsonLine(Made(fields));
  for (const char* steers : {"\u009b", "\u202E", "\u2028", "\x7f"}) {
    EXPECT_EQ(line.find(steers), std::string::npos);
  }
  EXPECT_EQ(json::parse(line)["why"], "\u009b31m\u202E\u2028\x7f");
}

TEST(Events, begin_with_time_and_level_as_text) {
  EXPECT_EQ(TextLine(Made({})), "2025-11-23T04:05:06.789Z warn  gap");
}

TEST(Events, are_one_json_object_a_line_with_numbers_as_numbers) {
  const std::vector<Field> fields = {{"table", "a\"b\nc"},
                                     {"rows", int64_t{-5}},
                                     {"whole", true},
                                     {"seconds", 0.25},
                                     {"digits", "17"}};
  const std::string line = JsonLine(Made(fields));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const json read = json::parse(line);
  EXPECT_EQ(read["time"], "2025-11-23T04:05:06.789Z");
  EXPECT_EQ(read["level"], "warn");
  EXPECT_EQ(read["event"], "gap");
  EXPECT_EQ(read["table"], "a\"b\nc");
  EXPECT_TRUE(read["rows"].is_number_integer());
  EXPECT_EQ(read["rows"], -5);
  EXPECT_EQ(read["whole"], true);
  EXPECT_EQ(read["seconds"], 0.25);
  EXPECT_EQ(read["digits"], "17");
}

TEST(Events, stay_valid_json_whatever_a_field_holds) {
  const std::vector<Field> fields = {{"bytes", "\xff\xfe"},
                                     {"none", std::numeric_limits<double>::quiet_NaN()}};
  const json read = json::parse(JsonLine(Made(fields)));
  EXPECT_EQ(read["bytes"], "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(read["none"], "nan");
}

TEST(Events, go_to_a_sink_while_there_is_one_and_only_from_the_level_on) {
  std::vector<std::string> seen;
  SetEventSink([&](const Event& event) { seen.push_back(FormatEvent(event.name, event.fields)); });
  LogEvent(Level::kDebug, "quiet", {});
  LogEvent(Level::kInfo, "loud", {{"rows", 2}});
  SetEventSink(nullptr);
  LogEvent(Level::kDebug, "after", {});
  EXPECT_EQ(seen, std::vector<std::string>{"loud rows=2"});
}

}  // namespace
}  // namespace cdc
