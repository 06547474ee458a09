#pragma once

#include <arrow/result.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/position.h"
#include "odbc/connection.h"

namespace cdc::source::testing {

inline Lsn L(int number) {
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

  int64_t terminator = 0;
  bool tells_length = true;
  std::atomic<int> questions = 0;
  std::function<void()> on_close = [] {};

  arrow::Result<std::vector<odbc::SmallResult>> Query(const std::string&,
                                                      const std::vector<odbc::Parameter>&,
                                                      int64_t) override {
    cancelled_ = false;
    ++questions;
    return std::vector<odbc::SmallResult>();
  }

  arrow::Result<std::unique_ptr<odbc::Cursor>> Open(const std::string& sql,
                                                    const std::vector<odbc::Parameter>& parameters,
                                                    const std::vector<odbc::ColumnBinding>& columns,
                                                    int64_t rows_per_block) override {
    cancelled_ = false;
    ++statements;
    std::vector<StoredRow> result;
    for (const StoredRow& row : rows) {
      if (Selected(sql, parameters, row.key)) result.push_back(row);
    }
    if (swap_rows && result.size() > 1) std::swap(result[0], result[1]);
    largest_slot = std::max(largest_slot, columns.back().slot_bytes);
    return std::make_unique<Block>(std::move(result), columns, rows_per_block, *this);
  }

  void Cancel() override { cancelled_ = true; }
  bool cancelled() const override { return cancelled_; }
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
          int64_t rows_per_block, const FakeServer& server)
        : rows_(std::move(rows)),
          columns_(std::move(columns)),
          per_block_(rows_per_block),
          terminator_(server.terminator),
          tells_length_(server.tells_length),
          fail_after_blocks_(server.fail_after_blocks),
          on_close_(server.on_close) {
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
    arrow::Status Close() override {
      on_close_();
      return arrow::Status::OK();
    }

   private:
    void Put(size_t column, int64_t row, const void* bytes, int64_t size) {
      const int64_t slot = columns_[column].slot_bytes;
      const int64_t needed = size + (column == 6 ? terminator_ : 0);
      if (needed > slot && !overflow_) {
        overflow_ = odbc::Overflow{row, static_cast<int>(column), tells_length_ ? needed : 0};
      }
      std::memcpy(data_[column].data() + row * slot, bytes,
                  static_cast<size_t>(std::min(size, slot)));
      lengths_[column][static_cast<size_t>(row)] = size;
    }

    const std::vector<StoredRow> rows_;
    const std::vector<odbc::ColumnBinding> columns_;
    const int64_t per_block_;
    const int64_t terminator_;
    const bool tells_length_;
    int64_t fail_after_blocks_;
    const std::function<void()> on_close_;
    size_t at_ = 0;
    std::vector<std::vector<uint8_t>> data_;
    std::vector<std::vector<int64_t>> lengths_;
    std::optional<odbc::Overflow> overflow_;
  };

  std::atomic<bool> cancelled_ = false;
};

}  // namespace cdc::source::testing
