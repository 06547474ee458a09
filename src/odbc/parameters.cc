#include "odbc/parameters.h"

#include "odbc/utf16.h"

namespace cdc::odbc {
namespace {

constexpr size_t kNvarcharUnitsMax = 4000;  // beyond it the type is nvarchar(max)

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

Parameters::Parameters(const std::vector<Parameter>& values) {
  for (const Parameter& value : values) Fill(&slots_.emplace_back(), value);
}

void Parameters::Fill(Slot* slot, const Parameter& value) {
  const auto set = [&](SQLSMALLINT c_type, SQLSMALLINT sql_type, size_t column_size, void* data,
                       size_t bytes) {
    slot->c_type = c_type;
    slot->sql_type = sql_type;
    slot->column_size = column_size;
    slot->data = data;
    slot->length = static_cast<SQLLEN>(bytes);
  };
  const auto set_text = [&](const std::string& text) {
    slot->text = ToUtf16(text);
    const bool is_long = slot->text.size() > kNvarcharUnitsMax;
    set(SQL_C_WCHAR, is_long ? SQL_WLONGVARCHAR : SQL_WVARCHAR,
        is_long ? slot->text.size() : kNvarcharUnitsMax, slot->text.data(), slot->text.size() * 2);
  };
  // Little-endian: the low half of `number` is the int32 itself.
  std::visit(Overloaded{[&](int32_t number) {
                          slot->number = number;
                          set(SQL_C_SLONG, SQL_INTEGER, 0, &slot->number, sizeof(number));
                        },
                        [&](int64_t number) {
                          slot->number = number;
                          set(SQL_C_SBIGINT, SQL_BIGINT, 0, &slot->number, sizeof(number));
                        },
                        [&](const Lsn& lsn) {
                          slot->lsn = lsn;
                          set(SQL_C_BINARY, SQL_BINARY, sizeof(lsn.bytes), slot->lsn.bytes.data(),
                              sizeof(lsn.bytes));
                        },
                        set_text,
                        [&](std::nullopt_t) {
                          set(SQL_C_SLONG, SQL_INTEGER, 0, &slot->number, 0);
                          slot->length = SQL_NULL_DATA;
                        }},
             value);
}

SQLRETURN Parameters::Bind(SQLHANDLE statement) {
  SQLUSMALLINT number = 0;
  for (Slot& slot : slots_) {
    const SQLRETURN result =
        SQLBindParameter(statement, ++number, SQL_PARAM_INPUT, slot.c_type, slot.sql_type,
                         slot.column_size, 0, slot.data, slot.length, &slot.length);
    if (!SQL_SUCCEEDED(result)) return result;
  }
  return SQL_SUCCESS;
}

}  // namespace cdc::odbc
