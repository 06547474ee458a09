#include "source/change_reader.h"

#include <arrow/array.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "columns/column.h"
#include "source/value_fault.h"

namespace cdc::source {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

Lsn L(int number) {
  Lsn lsn;
  lsn.bytes[9] = static_cast<uint8_t>(number);
  return lsn;
}

struct StoredRow {
  RowKey key;
  std::string value;  // varbinary(max)
};

// A server with one change table. It answers the two statements of the reader by their parameters,
// and cuts values that do not fit their slot as a driver does: the length tells, nothing else.
class FakeServer : public odbc::Connection {
 public:
  std::vector<StoredRow> rows;
  int statements = 0;
  int64_t largest_slot = 0;
  bool swap_rows = false;
  int64_t fail_after_blocks = -1;

  arrow::Result<std::vector<odbc::SmallResult>> Query(const std::string&,
                                                      const std::vector<odbc::Parameter>&,
                                                      int64_t) override {
    return arrow::Status::NotImplemented("not asked");
  }

  arrow::Result<std::unique_ptr<odbc::Cursor>> Open(const std::string& sql,
                                                    const std::vector<odbc::Parameter>& parameters,
                                                    const std::vector<odbc::ColumnBinding>& columns,
                                                    int64_t rows_per_block) override {
    ++statements;
    std::vector<StoredRow> result;
    for (const StoredRow& row : rows) {
      if (Selected(sql, parameters, row.key)) result.push_back(row);
    }
    if (swap_rows && result.size() > 1) std::swap(result[0], result[1]);
    largest_slot = std::max(largest_slot, columns.back().slot_bytes);
    return std::make_unique<Block>(std::move(result), columns, rows_per_block, fail_after_blocks);
  }

  void Cancel() override {}
  bool broken() const override { return false; }
  std::string driver_description() const override { return "fake"; }
  odbc::ConnectionSecurity security() const override { return {}; }

 private:
  static bool Selected(const std::string& sql, const std::vector<odbc::Parameter>& p,
                       const RowKey& key) {
    const Lsn first = std::get<Lsn>(p[0]);
    if (sql.find("ct.[__$start_lsn] = ?") == std::string::npos) {
      return key.start_lsn > first && key.start_lsn <= std::get<Lsn>(p[1]);
    }
    RowKey after{first, std::nullopt, {}, 0};
    size_t at = 1;
    if (sql.find("ct.[__$command_id] > ?") != std::string::npos) {
      after.command_id = std::get<int32_t>(p[1]);
      at = 3;
    }
    after.seqval = std::get<Lsn>(p[at]);
    after.operation = std::get<int32_t>(p[at + 2]);
    return key.start_lsn == first && key > after;
  }

  class Block : public odbc::Cursor {
   public:
    Block(std::vector<StoredRow> rows, std::vector<odbc::ColumnBinding> columns,
          int64_t rows_per_block, int64_t fail_after_blocks)
        : rows_(std::move(rows)),
          columns_(std::move(columns)),
          per_block_(rows_per_block),
          fail_after_blocks_(fail_after_blocks) {
      for (const auto& column : columns_) {
        data_.emplace_back(static_cast<size_t>(column.slot_bytes * per_block_));
        lengths_.emplace_back(static_cast<size_t>(per_block_));
      }
    }

    arrow::Result<int64_t> Fetch() override {
      if (fail_after_blocks_ == 0) return arrow::Status::IOError("the stream was cut");
      --fail_after_blocks_;
      overflow_.reset();
      int64_t row = 0;
      for (; row < per_block_ && at_ < rows_.size(); ++row, ++at_) {
        const RowKey& key = rows_[at_].key;
        Put(0, row, key.start_lsn.bytes.data(), 10);
        if (key.command_id) {
          Put(1, row, &*key.command_id, 4);
        } else {
          lengths_[1][static_cast<size_t>(row)] = odbc::kNull;
        }
        Put(2, row, key.seqval.bytes.data(), 10);
        Put(3, row, &key.operation, 4);
        Put(4, row, "\x01", 1);
        lengths_[5][static_cast<size_t>(row)] = odbc::kNull;
        const std::string& value = rows_[at_].value;
        Put(6, row, value.data(), static_cast<int64_t>(value.size()));
      }
      return row;
    }
    odbc::ColumnSlice column(int index) const override {
      const auto i = static_cast<size_t>(index);
      return {data_[i].data(), columns_[i].slot_bytes, lengths_[i].data()};
    }
    std::optional<odbc::Overflow> FirstOverflow() const override { return overflow_; }
    arrow::Status Close() override { return arrow::Status::OK(); }

   private:
    void Put(size_t column, int64_t row, const void* bytes, int64_t size) {
      const int64_t slot = columns_[column].slot_bytes;
      if (size > slot && !overflow_)
        overflow_ = odbc::Overflow{row, static_cast<int>(column), size};
      std::memcpy(data_[column].data() + row * slot, bytes,
                  static_cast<size_t>(std::min(size, slot)));
      lengths_[column][static_cast<size_t>(row)] = size;
    }

    const std::vector<StoredRow> rows_;
    const std::vector<odbc::ColumnBinding> columns_;
    const int64_t per_block_;
    int64_t fail_after_blocks_;
    size_t at_ = 0;
    std::vector<std::vector<uint8_t>> data_;
    std::vector<std::vector<int64_t>> lengths_;
    std::optional<odbc::Overflow> overflow_;
  };
};

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
  AddTransaction(3, 1, 100'100);
  const auto reader = Open(Position(), Position::After(L(9)));
  std::vector<StoredRow> rows;
  const std::string error = ReadAll(*reader, &rows);
  EXPECT_EQ(rows.size(), 4u);
  EXPECT_THAT(error, HasSubstr("dbo.T"));
  EXPECT_THAT(error, HasSubstr("column v"));
  EXPECT_THAT(error, HasSubstr(L(3).ToString()));
  EXPECT_THAT(error, HasSubstr("100100 bytes"));
  EXPECT_THAT(error, HasSubstr("max_value_bytes"));
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
    EXPECT_THAT(ReadAll(*reader, &rows, false, max_rows),
                EndsWith("read dbo.T at LSN " + L(2).ToString() +
                         ": column v nvarchar(max): the driver gave text with half a UTF-16 unit"));
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

TEST_F(ChangeReaderTest, an_unknown_type_is_refused_with_what_captures_the_other_columns) {
  columns::SourceColumn odd;
  odd.name = "it's odd";
  odd.type_name = "made_up";
  table_.columns.push_back(odd);
  const auto reader =
      OpenChangeReader(server_, table_, commit_time_, Position(), Position::After(L(1)), limits_);
  ASSERT_FALSE(reader.ok());
  const std::string message = reader.status().message();
  EXPECT_THAT(message, HasSubstr("column it's odd has type made_up"));
  EXPECT_THAT(message, HasSubstr("@source_schema = N'dbo', @source_name = N'T'"));
  EXPECT_THAT(message, EndsWith("@captured_column_list = N'[" + table_.columns[0].name + "]'"));
}

TEST_F(ChangeReaderTest, where_no_column_can_be_read_no_other_columns_are_proposed) {
  table_.columns[0].type_name = "made_up";
  const auto reader =
      OpenChangeReader(server_, table_, commit_time_, Position(), Position::After(L(1)), limits_);
  ASSERT_FALSE(reader.ok());
  EXPECT_THAT(reader.status().message(), HasSubstr("column v has type made_up"));
  EXPECT_THAT(reader.status().message(), Not(HasSubstr("@captured_column_list")));
}

}  // namespace
}  // namespace cdc::source
