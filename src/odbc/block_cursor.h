#pragma once

#include <arrow/result.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "odbc/connection.h"
#include "odbc/statement.h"

namespace cdc::odbc {

// A result fetched in blocks into one array per column.
class BlockCursor : public Cursor {
 public:
  static arrow::Result<std::unique_ptr<Cursor>> Open(std::shared_ptr<Session> session,
                                                     const std::string& sql,
                                                     const std::vector<Parameter>& parameters,
                                                     const std::vector<ColumnBinding>& columns,
                                                     int64_t rows_per_block);

  arrow::Result<int64_t> Fetch() override;
  ColumnSlice column(int index) const override;
  std::optional<Overflow> FirstOverflow() const override { return overflow_; }
  void ForgetCells() override;
  arrow::Status Close() override {
    return statement_ != nullptr ? statement_->Close() : arrow::Status::OK();
  }

 private:
  struct FreeDeleter {
    void operator()(uint8_t* memory) const { std::free(memory); }  // NOLINT: from aligned_alloc
  };
  struct BoundColumn {
    ColumnBinding binding;
    SQLSMALLINT c_type = SQL_C_BINARY;
    bool is_fixed = false;
    int64_t bytes_max = 0;  // the longest value that fits the slot
    std::unique_ptr<uint8_t, FreeDeleter> data;
    std::vector<SQLLEN> lengths;
  };

  BlockCursor() = default;
  arrow::Status Allocate(const std::vector<ColumnBinding>& columns, int64_t rows_per_block);
  arrow::Status Bind();
  arrow::Status CheckColumnCount();
  void ForgetLastBlock();
  arrow::Result<int64_t> FetchBlock();
  void NoteRefusedValue(const std::vector<Diagnostic>& records);
  arrow::Status CheckLengths(int64_t rows);
  arrow::Status CheckColumnLengths(int index, int64_t rows);
  arrow::Status CheckStatuses(int64_t rows);
  arrow::Status CheckComplete();
  arrow::Status GiveUp(arrow::Status error);

  std::unique_ptr<Statement> statement_;
  std::shared_ptr<Session> session_;
  std::vector<BoundColumn> columns_;
  std::vector<SQLUSMALLINT> statuses_;
  SQLULEN rows_fetched_ = 0;
  int64_t rows_total_ = 0;
  std::optional<Overflow> overflow_;
  bool ended_ = false;
  arrow::Status failure_;  // the error that ended this cursor, said again by every later Fetch
};

}  // namespace cdc::odbc
