#pragma once

#include <arrow/result.h>
#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "columns/column.h"
#include "columns/type_table.h"

// Personal data: columns whose values do not reach the target.
//
// mask = "hash" writes a token in place of a value: HMAC-SHA256 with the key of the settings over
// the value's canonical form, as 64 lower-case hex digits; NULL stays NULL. The same value gives
// the same token in whatever type of column it stands, so that masked columns can be joined:
//   text (all types, xml, json)      its UTF-8 bytes, trailing blanks too
//   bit, integers, decimals, money   decimal text without zeros that end the fraction: "-0.5", "10"
//   real, float                      likewise: a whole number exactly, else the fewest digits that
//                                    read back exactly, never an exponent: "0.1", "100000"
//   date                             "2024-02-29"
//   other dates and times            their text, the fraction without zeros that end it:
//                                    "18:44:15.5", "2024-02-29 18:44:15", "… 18:44:15.5 +05:30"
//   uniqueidentifier                 its text, upper case
//   bytes of every kind              as they are
//   sql_variant                      as a column of its base type
namespace cdc::columns {

// Makes tokens with one column's key.
class Tokens {
 public:
  static constexpr size_t kTokenBytes = 64;

  static arrow::Result<Tokens> Make(const SourceColumn& column);
  // Writes kTokenBytes.
  arrow::Status Put(std::string_view canonical, char* target);

 private:
  struct Free {
    void operator()(EVP_MAC_CTX* context) const;
  };
  std::unique_ptr<EVP_MAC_CTX, Free> context_;
};

// `inner` decodes the column's values without losing anything.
std::unique_ptr<ColumnDecoder> MaskWithTokens(Tokens tokens, Token token,
                                              std::unique_ptr<ColumnDecoder> inner);
// Fields that are always NULL, whatever the cells hold; the SELECT asks for none of them.
std::unique_ptr<ColumnDecoder> MaskWithNulls(arrow::FieldVector fields);

}  // namespace cdc::columns
