#include "odbc/connection.h"

#include "odbc/block_cursor.h"
#include "odbc/session.h"
#include "odbc/small_query.h"

namespace cdc::odbc {
namespace {

class DriverConnection : public Connection {
 public:
  explicit DriverConnection(std::shared_ptr<Session> session) : session_(std::move(session)) {}

  arrow::Result<std::vector<SmallResult>> Query(const std::string& sql,
                                                const std::vector<Parameter>& parameters,
                                                int64_t max_rows) override {
    return RunSmallQuery(session_, sql, parameters, max_rows);
  }
  arrow::Result<std::unique_ptr<Cursor>> Open(const std::string& sql,
                                              const std::vector<Parameter>& parameters,
                                              const std::vector<ColumnBinding>& columns,
                                              int64_t rows_per_block) override {
    return BlockCursor::Open(session_, sql, parameters, columns, rows_per_block);
  }
  void Cancel() override { session_->Cancel(); }
  bool cancelled() const override { return session_->cancelled(); }
  bool broken() const override { return session_->broken(); }
  std::string driver_description() const override { return session_->DriverDescription(); }
  ConnectionSecurity security() const override { return session_->security(); }

 private:
  std::shared_ptr<Session> session_;
};

}  // namespace

arrow::Result<std::unique_ptr<Connection>> Connection::Open(const ConnectOptions& options) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<Session> session, Session::Connect(options));
  return std::make_unique<DriverConnection>(std::move(session));
}

}  // namespace cdc::odbc
