#include "odbc/small_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "odbc/statement.h"
#include "odbc/utf16.h"

namespace cdc::odbc {
namespace {

constexpr std::string_view kReading = "read a result";
constexpr int64_t kPieceBytes = 32768;         // most values come in one piece
constexpr int64_t kValueBytesMax = 64 << 20;   // a small result has no such values
constexpr SQLSMALLINT kDateTimeOffset = -155;  // SQL_SS_TIMESTAMPOFFSET (msodbcsql.h)

// How a column's values are asked for and shown. Drivers agree on the bytes of these forms, not on
// the text that they make of numbers and times.
enum class Form { kInteger, kTimestamp, kBytes, kUtf16, kDriverText };

struct ColumnForm {
  Form form = Form::kDriverText;
  SQLSMALLINT c_type = SQL_C_WCHAR;
  SQLSMALLINT digits = 0;
};

ColumnForm FormOf(SQLSMALLINT sql_type, SQLSMALLINT digits) {
  switch (sql_type) {
    case SQL_BIT:
    case SQL_TINYINT:
    case SQL_SMALLINT:
    case SQL_INTEGER:
    case SQL_BIGINT:
      return {Form::kInteger, SQL_C_SBIGINT, 0};
    case SQL_TYPE_TIMESTAMP:
      return {Form::kTimestamp, SQL_C_TYPE_TIMESTAMP, digits};
    case SQL_BINARY:
    case SQL_VARBINARY:
    case SQL_LONGVARBINARY:
      return {Form::kBytes, SQL_C_BINARY, 0};
    case SQL_WCHAR:
    case SQL_WVARCHAR:
    case SQL_WLONGVARCHAR:
      return {Form::kUtf16, SQL_C_BINARY, 0};
    case kDateTimeOffset:
    default:
      return {};
  }
}

// Reads the results of one statement.
class Reader {
 public:
  Reader(Statement* statement, int64_t max_rows) : statement_(*statement), max_rows_(max_rows) {}

  arrow::Result<std::vector<SmallResult>> ReadAll() {
    std::vector<SmallResult> results;
    for (bool more = true; more;) {
      ARROW_ASSIGN_OR_RAISE(const int columns, statement_.ColumnCount());
      if (columns > 0) {
        ARROW_ASSIGN_OR_RAISE(SmallResult result, ReadResult(columns));
        results.push_back(std::move(result));
      }
      ARROW_ASSIGN_OR_RAISE(more, statement_.NextResult());
    }
    return results;
  }

 private:
  SQLHANDLE handle() const { return statement_.handle(); }
  arrow::Status Check(SQLRETURN result) {
    return statement_.session().Check(result, handle(), kReading);
  }

  arrow::Result<SmallResult> ReadResult(int columns) {
    SmallResult result;
    std::vector<ColumnForm> forms;
    for (int i = 1; i <= columns; ++i) ARROW_RETURN_NOT_OK(Describe(i, &result.columns, &forms));
    while (true) {
      if (statement_.session().cancelled()) {
        return MakeErrorWithText("cancelled", {}, Retry::kNextRound, 0);
      }
      const SQLRETURN fetched = statement_.Fetch();
      if (fetched == SQL_NO_DATA) break;
      ARROW_RETURN_NOT_OK(Check(fetched));
      if (static_cast<int64_t>(result.rows.size()) == max_rows_) {
        return arrow::Status::Invalid("a statement returned more than ", max_rows_, " rows");
      }
      auto& row = result.rows.emplace_back();
      for (size_t i = 0; i < forms.size(); ++i) {
        ARROW_ASSIGN_OR_RAISE(auto value, ReadValue(static_cast<SQLUSMALLINT>(i + 1), forms[i]));
        row.push_back(std::move(value));
      }
    }
    ARROW_RETURN_NOT_OK(statement_.CheckRowCount(static_cast<int64_t>(result.rows.size())));
    return result;
  }

  arrow::Status Describe(int number, std::vector<std::string>* names,
                         std::vector<ColumnForm>* forms) {
    std::array<SQLWCHAR, 257> name{};
    SQLSMALLINT units = 0;
    SQLSMALLINT type = 0;
    SQLSMALLINT digits = 0;
    SQLSMALLINT nullable = 0;
    SQLULEN size = 0;
    ARROW_RETURN_NOT_OK(Check(SQLDescribeColW(handle(), static_cast<SQLUSMALLINT>(number),
                                              name.data(), static_cast<SQLSMALLINT>(name.size()),
                                              &units, &type, &size, &digits, &nullable)));
    names->push_back(
        ToUtf8({reinterpret_cast<const char16_t*>(name.data()), static_cast<size_t>(units)}));
    forms->push_back(FormOf(type, digits));
    return arrow::Status::OK();
  }

  arrow::Result<std::optional<std::string>> ReadValue(SQLUSMALLINT column, const ColumnForm& form) {
    switch (form.form) {
      case Form::kInteger:
        return ReadInteger(column);
      case Form::kTimestamp:
        return ReadTimestamp(column, form.digits);
      case Form::kBytes:
        return ReadPieces(column, form.c_type, 0);
      case Form::kUtf16:
        return ReadText(column, form.c_type, 0);
      case Form::kDriverText:
        return ReadText(column, form.c_type, 2);
    }
    return std::nullopt;
  }

  arrow::Result<std::optional<std::string>> ReadInteger(SQLUSMALLINT column) {
    int64_t number = 0;
    SQLLEN length = 0;
    ARROW_RETURN_NOT_OK(
        Check(SQLGetData(handle(), column, SQL_C_SBIGINT, &number, sizeof(number), &length)));
    if (length == SQL_NULL_DATA) return std::nullopt;
    return std::to_string(number);
  }

  arrow::Result<std::optional<std::string>> ReadTimestamp(SQLUSMALLINT column, int digits) {
    SQL_TIMESTAMP_STRUCT at{};
    SQLLEN length = 0;
    ARROW_RETURN_NOT_OK(
        Check(SQLGetData(handle(), column, SQL_C_TYPE_TIMESTAMP, &at, sizeof(at), &length)));
    if (length == SQL_NULL_DATA) return std::nullopt;
    std::string text = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:09}", at.year, at.month,
                                   at.day, at.hour, at.minute, at.second, at.fraction);
    constexpr size_t kWholeSeconds = 19;
    text.resize(digits <= 0 ? kWholeSeconds
                            : kWholeSeconds + 1 + static_cast<size_t>(std::min(digits, 9)));
    return text;
  }

  arrow::Result<std::optional<std::string>> ReadText(SQLUSMALLINT column, SQLSMALLINT c_type,
                                                     int64_t terminator) {
    ARROW_ASSIGN_OR_RAISE(const auto bytes, ReadPieces(column, c_type, terminator));
    if (!bytes.has_value()) return std::nullopt;
    std::u16string text(bytes->size() / 2, u'\0');
    std::copy_n(bytes->data(), text.size() * 2, reinterpret_cast<char*>(text.data()));
    return ToUtf8(text);
  }

  // A value of any length: as long as the indicator says that there is more than the piece held.
  arrow::Result<std::optional<std::string>> ReadPieces(SQLUSMALLINT column, SQLSMALLINT c_type,
                                                       int64_t terminator) {
    std::string value;
    while (static_cast<int64_t>(value.size()) < kValueBytesMax) {
      SQLLEN length = 0;
      const SQLRETURN result =
          SQLGetData(handle(), column, c_type, piece_.data(), kPieceBytes, &length);
      if (result == SQL_NO_DATA) return value;
      ARROW_RETURN_NOT_OK(Check(result));
      if (length == SQL_NULL_DATA) return std::nullopt;
      const int64_t room = kPieceBytes - terminator;
      const bool more = length == SQL_NO_TOTAL || length > room;
      value.append(piece_.data(), static_cast<size_t>(more ? room : length));
      if (!more) return value;
    }
    return arrow::Status::Invalid("a value is longer than ", kValueBytesMax, " bytes");
  }

  Statement& statement_;
  const int64_t max_rows_;
  std::vector<char> piece_ = std::vector<char>(kPieceBytes);
};

}  // namespace

arrow::Result<std::vector<SmallResult>> RunSmallQuery(const std::shared_ptr<Session>& session,
                                                      const std::string& sql,
                                                      const std::vector<Parameter>& parameters,
                                                      int64_t max_rows) {
  ARROW_ASSIGN_OR_RAISE(std::unique_ptr<Statement> statement,
                        Statement::Execute(session, sql, parameters));
  auto results = Reader(statement.get(), max_rows).ReadAll();
  arrow::Status closed = statement->Close();
  if (!results.ok()) return session->Confirm(results.status());
  ARROW_RETURN_NOT_OK(closed);
  return results;
}

}  // namespace cdc::odbc
