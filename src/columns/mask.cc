#include "columns/mask.h"

#include <arrow/array/util.h>
#include <arrow/util/key_value_metadata.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <utility>

#include "columns/bytes_builder.h"
#include "columns/canonical.h"

namespace cdc::columns {
namespace {

using arrow::Result;
using arrow::Status;

constexpr size_t kHashBytes = Tokens::kTokenBytes / 2;

// Everything but the array that comes out is the inner decoder's.
class TokenDecoder : public ColumnDecoder {
 public:
  TokenDecoder(Tokens tokens, Token token, std::unique_ptr<ColumnDecoder> inner)
      : tokens_(std::move(tokens)), token_(token), inner_(std::move(inner)) {
    const arrow::Field& field = *inner_->fields()[0];
    auto metadata = field.metadata()->Copy();
    (void)metadata->Delete(kEncodingKey);  // tokens are short, whatever the values are
    fields_ = {arrow::field(field.name(), arrow::utf8(), field.nullable(), std::move(metadata))};
  }

  const arrow::FieldVector& fields() const override { return fields_; }
  odbc::ColumnBinding binding() const override { return inner_->binding(); }
  bool grows() const override { return inner_->grows(); }
  int64_t failed_row() const override { return inner_->failed_row(); }
  int64_t altered_values() const override { return inner_->altered_values(); }
  Status Append(const odbc::ColumnSlice& cells, int64_t first_row, int64_t rows) override {
    return inner_->Append(cells, first_row, rows);
  }

  Status Finish(arrow::ArrayVector* out) override {
    arrow::ArrayVector values;
    ARROW_RETURN_NOT_OK(inner_->Finish(&values));
    const int64_t rows = values[0]->length();
    BytesBuilder builder;
    ARROW_RETURN_NOT_OK(builder.Reserve(rows, rows * int64_t{Tokens::kTokenBytes}));
    std::string text;
    for (int64_t row = 0; row < rows; ++row) {
      if (values[0]->IsNull(row)) {
        builder.AppendNull();
        continue;
      }
      const std::string_view canonical = CanonicalForm(token_, values, row, &text);
      ARROW_RETURN_NOT_OK(tokens_.Put(canonical, builder.target()));
      builder.Commit(Tokens::kTokenBytes);
    }
    ARROW_ASSIGN_OR_RAISE(auto array, builder.Finish(arrow::utf8()));
    *out = {std::move(array)};
    return Status::OK();
  }

 private:
  Tokens tokens_;
  const Token token_;
  const std::unique_ptr<ColumnDecoder> inner_;
  arrow::FieldVector fields_;
};

class NullDecoder : public ColumnDecoder {
 public:
  explicit NullDecoder(arrow::FieldVector fields) : fields_(std::move(fields)) {}

  const arrow::FieldVector& fields() const override { return fields_; }
  odbc::ColumnBinding binding() const override { return {odbc::CType::kBinary, 1}; }
  bool grows() const override { return false; }
  int64_t failed_row() const override { return -1; }
  int64_t altered_values() const override { return 0; }
  Status Append(const odbc::ColumnSlice&, int64_t, int64_t rows) override {
    rows_ += rows;
    return Status::OK();
  }
  Status Finish(arrow::ArrayVector* out) override {
    out->clear();
    for (const auto& field : fields_) {
      ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(field->type(), rows_));
      out->push_back(std::move(nulls));
    }
    rows_ = 0;
    return Status::OK();
  }

 private:
  const arrow::FieldVector fields_;
  int64_t rows_ = 0;
};

}  // namespace

void Tokens::Free::operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }

Result<Tokens> Tokens::Make(const SourceColumn& column) {
  const auto& key = column.options.mask_key;
  if (key == nullptr || key->empty()) {
    return Status::Invalid("column ", column.name, " is to be masked without a key");
  }
  Tokens tokens;
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  tokens.context_.reset(EVP_MAC_CTX_new(mac));  // keeps the algorithm alive
  EVP_MAC_free(mac);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  if (tokens.context_ == nullptr ||
      EVP_MAC_init(tokens.context_.get(), reinterpret_cast<const unsigned char*>(key->data()),
                   key->size(), parameters) != 1) {
    return Status::UnknownError("OpenSSL has no HMAC-SHA256");
  }
  return tokens;
}

Status Tokens::Put(std::string_view canonical, char* target) {
  std::array<unsigned char, kHashBytes> hash;
  size_t size = 0;
  EVP_MAC_CTX* context = context_.get();
  const bool made =
      EVP_MAC_init(context, nullptr, 0, nullptr) == 1 &&  // the same key
      EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(canonical.data()),
                     canonical.size()) == 1 &&
      EVP_MAC_final(context, hash.data(), &size, hash.size()) == 1;
  if (!made || size != hash.size()) return Status::UnknownError("OpenSSL made no HMAC-SHA256");
  constexpr char kDigits[] = "0123456789abcdef";
  for (const unsigned char byte : hash) {
    *target++ = kDigits[byte >> 4];
    *target++ = kDigits[byte & 0xF];
  }
  return Status::OK();
}

std::unique_ptr<ColumnDecoder> MaskWithTokens(Tokens tokens, Token token,
                                              std::unique_ptr<ColumnDecoder> inner) {
  return std::make_unique<TokenDecoder>(std::move(tokens), token, std::move(inner));
}

std::unique_ptr<ColumnDecoder> MaskWithNulls(arrow::FieldVector fields) {
  return std::make_unique<NullDecoder>(std::move(fields));
}

}  // namespace cdc::columns
