#include "source/change_reader.h"

#include <arrow/array.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <mutex>
#include <thread>

#include "columns/column.h"
#include "source/testing/fake_server.h"
#include "source/value_fault.h"

namespace cdc::source {
namespace {

using ::testing::EndsWith;
using testing::FakeServer;
using ::testing::HasSubstr;
using testing::L;
using ::testing::Not;
using testing::StoredRow;

class ChangeReaderTest : public ::testing::Test {
 protected:
  ChangeReaderTest() {
    table_.instance.schema = "dbo";
    table_.instance.table = "T";
    table_.instance.change_table = "dbo_T_CT";
    columns::SourceColumn column;
    column.name = "v";
    column.type_name = "varbinary";
    column.max_length_bytes = -1;
    column.column_id = column.ordinal = 1;
    table_.columns = {column};
    commit_time_.mode = sql::CommitTime::Mode::kServerZone;
    limits_.block_bytes = 1 << 20;
  }

  void AddTransaction(int lsn, int count, size_t value_bytes = 10) {
    for (int i = 0; i < count; ++i) {
      const RowKey key{L(lsn), i / 3, L(200 - i), 2};
      server_.rows.push_back({key, std::string(value_bytes, static_cast<char>('a' + i % 26))});
    }
    std::sort(server_.rows.begin(), server_.rows.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
  }

  std::unique_ptr<ChangeReader> Open(const Position& from, const Position& to) {
    return *OpenChangeReader(server_, table_, commit_time_, from, to, limits_);
  }

  // All rows of a window in batches; "" or an error text.
  std::string ReadAll(ChangeReader& reader, std::vector<StoredRow>* out,
                      bool pause_every_time = false, int64_t max_rows = 7) {
    for (;;) {
      const auto peeked = reader.Peek();
      if (!peeked.ok()) return peeked.status().message();
      auto batch = reader.Next(max_rows);
      if (!batch.ok()) return batch.status().message();
      if (peeked->has_value() != batch->has_value()) return "Peek and Next disagree";
      if (!*batch) return "";
      if ((*batch)->keys[0] != **peeked) return "Peek and Next disagree about the key";
      const auto& values = static_cast<const arrow::BinaryArray&>(*(*batch)->rows->column(6));
      for (size_t i = 0; i < (*batch)->keys.size(); ++i) {
        out->push_back({(*batch)->keys[i], values.GetString(static_cast<int64_t>(i))});
      }
      if (pause_every_time && !reader.Pause().ok()) return "Pause failed";
    }
  }

  void ExpectRows(const std::vector<StoredRow>& got, const std::vector<StoredRow>& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].key, wanted[i].key) << i;
      ASSERT_EQ(got[i].value, wanted[i].value) << i;
    }
  }

  FakeServer server_;
  TableDescription table_;
  sql::CommitTime commit_time_;
  ReadLimits limits_;
};

TEST_F(ChangeReaderTest, a_window_begins_behind_its_start_and_ends_with_its_end) {
  for (int lsn = 1; lsn <= 5; ++lsn) AddTransaction(lsn, 4);
  const auto reader = Open(Position::After(L(1)), Position::After(L(4)));
  std::vector<StoredRow> rows;
  ASSERT_EQ(ReadAll(*reader, &rows), "");
  ExpectRows(rows, {server_.rows.begin() + 4, server_.rows.begin() + 16});
}

TEST_F(ChangeReaderTest, a_place_inside_a_transaction_is_finished_first) {
  AddTransaction(1, 9);
  AddTransaction(2, 3);
  for (int at = 0; at < 9; ++at) {
    const auto reader =
        Open(Position::AfterRow(server_.rows[static_cast<size_t>(at)].key), Position::After(L(9)));
    std::vector<StoredRow> rows;
    ASSERT_EQ(ReadAll(*reader, &rows), "");
    ExpectRows(rows, {server_.rows.begin() + at + 1, server_.rows.end()});
  }
}

TEST_F(ChangeReaderTest, rows_without_a_command_id_come_first_and_can_be_resumed_from) {
  AddTransaction(1, 6);
  server_.rows[0].key.command_id.reset();
  server_.rows[1].key.command_id.reset();
  server_.rows[0].key.seqval = L(1);
  server_.rows[1].key.seqval = L(2);
  for (int at = 0; at < 6; ++at) {
    const auto reader =
        Open(Position::AfterRow(server_.rows[static_cast<size_t>(at)].key), Position::After(L(9)));
    std::vector<StoredRow> rows;
    ASSERT_EQ(ReadAll(*reader, &rows), "");
    ExpectRows(rows, {server_.rows.begin() + at + 1, server_.rows.end()});
  }
}

TEST_F(ChangeReaderTest, a_window_may_end_inside_a_transaction) {
  AddTransaction(1, 5);
  AddTransaction(2, 9);
  const auto reader = Open(Position(), Position::AfterRow(server_.rows[8].key));
  std::vector<StoredRow> rows;
  ASSERT_EQ(ReadAll(*reader, &rows), "");
  ExpectRows(rows, {server_.rows.begin(), server_.rows.begin() + 9});
}

TEST_F(ChangeReaderTest, pausing_after_every_batch_changes_nothing) {
  for (int lsn = 1; lsn <= 4; ++lsn) AddTransaction(lsn, 10);
  const auto reader = Open(Position(), Position::After(L(9)));
  std::vector<StoredRow> rows;
  ASSERT_EQ(ReadAll(*reader, &rows, /*pause_every_time=*/true), "");
  ExpectRows(rows, server_.rows);
}

TEST_F(ChangeReaderTest, long_values_among_short_ones_arrive_whole_and_slots_shrink_again) {
  AddTransaction(1, 40);
  AddTransaction(2, 2, 300'000);
  AddTransaction(3, 120);
  AddTransaction(4, 120);
  AddTransaction(5, 120);
  AddTransaction(6, 1, 50'000);
  AddTransaction(7, 10);
  const auto reader = Open(Position(), Position::After(L(9)));
  std::vector<StoredRow> rows;
  ASSERT_EQ(ReadAll(*reader, &rows, false, 1000), "");
  ExpectRows(rows, server_.rows);
  EXPECT_GE(server_.largest_slot, 300'000);
  EXPECT_LT(server_.statements, 12);
}

TEST_F(ChangeReaderTest, a_value_above_the_limit_names_column_lsn_length_and_setting) {
  limits_.max_value_bytes = 100'000;
  AddTransaction(1, 3);
  AddTransaction(2, 1, 100'000);  // just fits
  AddTransaction(3, 1, 100'001);
  const auto reader = Open(Position(), Position::After(L(9)));
  std::vector<StoredRow> rows;
  const std::string error = ReadAll(*reader, &rows);
  EXPECT_EQ(rows.size(), 4u);
  EXPECT_THAT(error, HasSubstr("dbo.T"));
  EXPECT_THAT(error, HasSubstr("column v"));
  EXPECT_THAT(error, HasSubstr(L(3).ToString()));
  EXPECT_THAT(error, HasSubstr("a value of 100001 bytes"));
  EXPECT_THAT(error, HasSubstr("max_value_bytes (100000)"));
  // Above 512 MiB no setting helps.
  EXPECT_THAT(error, EndsWith("; to go on without the column: [table.\"dbo.T\"] exclude_columns = "
                              "[\"v\"]; then start again"));
}

TEST_F(ChangeReaderTest, a_value_that_the_server_may_have_cut_is_at_least_so_long) {
  limits_.max_value_bytes = 100'000;
  AddTransaction(1, 1, static_cast<size_t>(sql::TextSizeBytes(100'000)));
  EXPECT_THAT(Open(Position(), Position::After(L(9)))->Next(1).status().message(),
              HasSubstr("a value of at least 1248576 bytes, above max_value_bytes (100000)"));
}

// Text as it is bound: UTF-16.
class LongTextTest : public ChangeReaderTest {
 protected:
  LongTextTest() {
    table_.columns[0].type_name = "varchar";
    limits_.max_value_bytes = 100'000;
  }
  std::string ReadTextOf(const std::string& collation, const std::u16string& text) {
    table_.columns[0].collation = collation;
    server_.rows.clear();
    const std::string bound(reinterpret_cast<const char*>(text.data()), 2 * text.size());
    server_.rows.push_back({{L(1), 1, L(1), 2}, bound});
    const auto reader = Open(Position(), Position::After(L(9)));
    const auto batch = reader->Next(10);
    return batch.ok() ? std::string() : batch.status().message();
  }
};

TEST_F(LongTextTest, the_limit_counts_the_bytes_that_the_server_keeps) {
  for (const bool known : {true, false}) {
    server_.tells_length = known;
    const std::string latin = "SQL_Latin1_General_CP1_CI_AS";
    EXPECT_EQ(ReadTextOf(latin, std::u16string(100'000, u'é')), "");
    EXPECT_THAT(ReadTextOf(latin, std::u16string(100'001, u'é')),
                HasSubstr(known ? "a value of 100001 bytes" : "a value of more than 100000 bytes"));
    const std::string utf8 = "Latin1_General_100_CI_AS_SC_UTF8";
    EXPECT_EQ(ReadTextOf(utf8, std::u16string(50'000, u'é')), "");
    EXPECT_THAT(ReadTextOf(utf8, std::u16string(50'001, u'é')),
                HasSubstr("a value of 100002 bytes"));
    EXPECT_EQ(ReadTextOf(utf8, std::u16string(100'000, u'e')), "");
    EXPECT_THAT(ReadTextOf(utf8, std::u16string(100'001, u'e')),
                HasSubstr(known ? "at least 100001 bytes" : "more than 100000 bytes"));
  }
}

TEST_F(LongTextTest, the_limit_counts_two_bytes_for_each_unit_of_a_document) {
  table_.columns[0].type_name = "xml";
  server_.terminator = 2;  // of text that the driver converts
  EXPECT_EQ(ReadTextOf("", std::u16string(50'000, u'x')), "");
  EXPECT_THAT(ReadTextOf("", std::u16string(50'001, u'x')), HasSubstr("a value of 100002 bytes"));
}

TEST_F(ChangeReaderTest, large_rows_are_read_by_one_reader_at_a_time) {
  limits_.large_row_bytes = 200'000;
  AddTransaction(1, 10);
  AddTransaction(2, 1, 300'000);
  AddTransaction(3, 10);
  std::vector<StoredRow> rows;
  {
    const auto reader = Open(Position(), Position::After(L(9)));
    ASSERT_EQ(ReadAll(*reader, &rows), "");
    const auto is_free = [&] {
      return std::async(std::launch::async,
                        [&] {
                          const std::unique_lock lock(*limits_.large_rows, std::try_to_lock);
                          return lock.owns_lock();
                        })
          .get();
    };
    EXPECT_FALSE(is_free()) << "until the reader pauses or ends";
    ASSERT_TRUE(reader->Pause().ok());
    EXPECT_TRUE(is_free());
  }
  std::unique_lock first(*limits_.large_rows);
  // Another one waits, with its statement closed, and goes on where it was.
  std::vector<StoredRow> again;
  std::string error;
  std::thread second([&] {
    const auto reader = Open(Position(), Position::After(L(9)));
    error = ReadAll(*reader, &again);
  });
  for (int i = 0; i < 10'000 && server_.questions == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(server_.questions, 1) << "it waits, and made the driver forget its last row";
  first.unlock();
  second.join();
  EXPECT_EQ(error, "");
  ExpectRows(again, rows);
}

// The program stops, or has lost its lease: nothing is asked of the server any more.
TEST_F(ChangeReaderTest, a_reader_that_is_cancelled_while_it_waits_for_others_reads_no_more) {
  limits_.large_row_bytes = 200'000;
  AddTransaction(1, 1, 300'000);
  std::unique_lock first(*limits_.large_rows);
  std::vector<StoredRow> rows;
  std::string error;
  std::thread second([&] {
    const auto reader = Open(Position(), Position::After(L(9)));
    error = ReadAll(*reader, &rows);
  });
  for (int i = 0; i < 10'000 && server_.questions == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const int statements = server_.statements;
  server_.Cancel();
  first.unlock();
  second.join();
  EXPECT_THAT(error, HasSubstr("cancelled"));
  EXPECT_EQ(server_.statements, statements);
  EXPECT_TRUE(rows.empty());
}

// It is cancelled once, and that may be just between two of its statements.
TEST_F(ChangeReaderTest, a_reader_that_is_cancelled_between_two_statements_begins_no_other) {
  limits_.large_row_bytes = 200'000;
  AddTransaction(1, 1, 300'000);
  server_.on_close = [this] { server_.Cancel(); };
  for (const bool turn_is_taken : {false, true}) {
    ASSERT_TRUE(server_.Query("a borrowed connection is asked first", {}, 1).ok());
    server_.statements = server_.questions = 0;
    std::unique_lock other(*limits_.large_rows, std::defer_lock);
    if (turn_is_taken) other.lock();
    auto read = std::async(std::launch::async, [this] {
      std::vector<StoredRow> rows;
      return ReadAll(*Open(Position(), Position::After(L(9))), &rows);
    });
    EXPECT_EQ(read.wait_for(std::chrono::seconds(10)), std::future_status::ready);
    if (turn_is_taken) other.unlock();
    EXPECT_THAT(read.get(), HasSubstr("cancelled"));
    EXPECT_EQ(server_.statements, 1);
    EXPECT_EQ(server_.questions, 0);
  }
}

TEST_F(ChangeReaderTest, a_pause_before_a_value_that_does_not_fit_loses_no_rows) {
  limits_.max_value_bytes = 400'000;
  AddTransaction(1, 6);
  for (const auto& [length, error] : {std::pair(300'000, ""), std::pair(400'001, "a value of")}) {
    server_.rows[4].value.resize(static_cast<size_t>(length));
    std::vector<StoredRow> rows;
    const auto before = Open(Position(), Position::AfterRow(server_.rows[3].key));
    EXPECT_EQ(ReadAll(*before, &rows, /*pause_every_time=*/true, 1), "");
    ExpectRows(rows, {server_.rows.begin(), server_.rows.begin() + 4});
    rows.clear();
    const auto all = Open(Position(), Position::After(L(9)));
    EXPECT_THAT(ReadAll(*all, &rows, /*pause_every_time=*/true, 1), HasSubstr(error));
    ExpectRows(rows, {server_.rows.begin(), server_.rows.begin() + (*error == 0 ? 6 : 4)});
  }
}

TEST_F(ChangeReaderTest, a_window_may_end_before_a_value_above_the_limit) {
  limits_.max_value_bytes = 100'000;
  AddTransaction(1, 3);
  server_.rows[2].value.resize(200'000);
  const auto reader = Open(Position(), Position::AfterRow(server_.rows[1].key));
  std::vector<StoredRow> rows;
  EXPECT_EQ(ReadAll(*reader, &rows), "");
  ExpectRows(rows, {server_.rows.begin(), server_.rows.begin() + 2});
}

TEST_F(ChangeReaderTest, a_value_that_cannot_be_decoded_is_an_error_after_all_rows_before_it) {
  table_.columns[0].type_name = "nvarchar";
  AddTransaction(1, 20);
  AddTransaction(2, 20);
  server_.rows[33].value = "odd";
  server_.rows[35].value = "odd too";
  for (const int64_t max_rows : {1, 7, 100}) {
    const auto reader = Open(Position(), Position::After(L(9)));
    std::vector<StoredRow> rows;
    EXPECT_THAT(
        ReadAll(*reader, &rows, false, max_rows),
        EndsWith("read dbo.T at LSN " + L(2).ToString() +
                 ": column v nvarchar(max) holds text with half a UTF-16 unit; to "
                 "go on without the column: [table.\"dbo.T\"] exclude_columns = [\"v\"]; then "
                 "start again"));
    ASSERT_EQ(rows.size(), 33u);
    for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].key, server_.rows[i].key);
    EXPECT_EQ(FaultyRow(reader->Next(1).status()), server_.rows[33].key);
  }
  const auto ends_before = Open(Position(), Position::AfterRow(server_.rows[32].key));
  std::vector<StoredRow> rows;
  EXPECT_EQ(ReadAll(*ends_before, &rows, false, 100), "");
  EXPECT_EQ(rows.size(), 33u);
}

TEST_F(ChangeReaderTest, a_cut_stream_is_an_error_after_the_rows_that_came) {
  limits_.rows_per_block = 5;
  AddTransaction(1, 20);
  server_.fail_after_blocks = 2;
  const auto reader = Open(Position(), Position::After(L(9)));
  std::vector<StoredRow> rows;
  EXPECT_THAT(ReadAll(*reader, &rows), HasSubstr("the stream was cut"));
  ExpectRows(rows, {server_.rows.begin(), server_.rows.begin() + 10});
}

TEST_F(ChangeReaderTest, rows_out_of_order_are_refused) {
  AddTransaction(1, 4);
  server_.swap_rows = true;
  const auto reader = Open(Position(), Position::After(L(9)));
  std::vector<StoredRow> rows;
  EXPECT_THAT(ReadAll(*reader, &rows), HasSubstr("out of order"));
}

TEST_F(ChangeReaderTest, an_unknown_type_is_refused_with_the_setting_that_delivers_the_others) {
  columns::SourceColumn odd;
  odd.name = "it's \"odd\"";
  odd.type_name = "made_up";
  table_.columns.push_back(odd);
  odd.name = "odder";
  table_.columns.push_back(odd);
  const auto reader =
      OpenChangeReader(server_, table_, commit_time_, Position(), Position::After(L(1)), limits_);
  ASSERT_FALSE(reader.ok());
  const std::string message = reader.status().message();
  EXPECT_THAT(message, HasSubstr("column it's \"odd\" has type made_up"));
  EXPECT_THAT(message,
              EndsWith("; to go on without the columns: [table.\"dbo.T\"] "
                       "exclude_columns = [\"it's \\\"odd\\\"\", \"odder\"]; then start again"));
}

TEST_F(ChangeReaderTest, where_no_column_can_be_read_no_other_columns_are_proposed) {
  table_.columns[0].type_name = "made_up";
  const auto reader =
      OpenChangeReader(server_, table_, commit_time_, Position(), Position::After(L(1)), limits_);
  ASSERT_FALSE(reader.ok());
  EXPECT_THAT(reader.status().message(), HasSubstr("column v has type made_up"));
  EXPECT_THAT(reader.status().message(), Not(HasSubstr("exclude_columns")));
}

}  // namespace
}  // namespace cdc::source
