#include "columns/column.h"

#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include "columns/mask.h"
#include "columns/type_table.h"

namespace cdc::columns {
namespace {

// How a catalogue's numbers can be wrong; "" if they are right.
std::string_view WrongArguments(const SourceColumn& column, const SqlType& type) {
  switch (type.arguments) {
    case Arguments::kPrecisionAndScale: {
      const bool right = column.precision >= 1 && column.precision <= 38 && column.scale >= 0 &&
                         column.scale <= column.precision;
      return right ? "" : "has an impossible precision or scale";
    }
    case Arguments::kScale:
      return column.scale >= 0 && column.scale <= 7 ? "" : "has an impossible scale";
    case Arguments::kBytes:
    case Arguments::kUtf16Units: {
      const bool right = column.max_length_bytes == -1 ||
                         (column.max_length_bytes >= 1 && column.max_length_bytes <= 8000);
      return right ? "" : "has an impossible length";
    }
    case Arguments::kNone:
      break;
  }
  return type.slot(column).bytes > 0 ? "" : "has an impossible length";
}

std::shared_ptr<arrow::Field> CapturedField(const SourceColumn& column, const Form& form) {
  auto metadata = std::make_shared<arrow::KeyValueMetadata>();
  if (!form.geo.empty()) metadata->Append(kGeoKey, std::string(form.geo));
  return arrow::field(column.name, form.arrow_type(column), /*nullable=*/true, std::move(metadata));
}

std::unique_ptr<ColumnDecoder> MakeForm(const SourceColumn& column, const SqlType& type,
                                        const Form& form) {
  const Slot slot = type.slot(column);
  DecoderShape shape;
  shape.column_text = column.name + " " + column.TypeText();
  shape.fields.push_back(CapturedField(column, form));
  if (const SecondField& second = form.second; !second.suffix.empty()) {
    shape.fields.push_back(
        arrow::field(column.name + std::string(second.suffix), second.arrow_type(column)));
  }
  shape.binding = {type.c_type, slot.bytes};
  shape.grows = slot.grows;
  if (shape.grows) {
    shape.fields[0] = shape.fields[0]->WithMergedMetadata(
        arrow::key_value_metadata({std::string(kEncodingKey)}, {"long"}));
  }
  return form.make(column, std::move(shape));
}

}  // namespace

std::string SourceColumn::TypeText() const {
  const SqlType* type = FindSqlType(*this);
  switch (type == nullptr ? Arguments::kNone : type->arguments) {
    case Arguments::kPrecisionAndScale:
      return fmt::format("{}({},{})", type_name, precision, scale);
    case Arguments::kScale:
      return fmt::format("{}({})", type_name, scale);
    case Arguments::kBytes:
    case Arguments::kUtf16Units: {
      if (max_length_bytes < 0) return type_name + "(max)";
      const int unit = type->arguments == Arguments::kUtf16Units ? 2 : 1;
      return fmt::format("{}({})", type_name, max_length_bytes / unit);
    }
    case Arguments::kNone:
      break;
  }
  return type_name;
}

arrow::Result<std::unique_ptr<ColumnDecoder>> ColumnDecoder::Make(const SourceColumn& column) {
  const SqlType* type = FindSqlType(column);
  if (type == nullptr) {
    return arrow::Status::NotImplemented("column ", column.name, " has type ", column.TypeText(),
                                         ", which is not supported yet");
  }
  if (const std::string_view wrong = WrongArguments(column, *type); !wrong.empty()) {
    return arrow::Status::Invalid("column ", column.name, " of type ", column.type_name, " ", wrong,
                                  " in the catalogue: length ", column.max_length_bytes,
                                  ", precision ", column.precision, ", scale ", column.scale);
  }
  if (column.options.Is("mask", "hash")) {
    ARROW_ASSIGN_OR_RAISE(Tokens tokens, Tokens::Make(column));
    SourceColumn exact = column;
    exact.options = {};
    return MaskWithTokens(std::move(tokens), type->token,
                          MakeForm(exact, *type, TokenFormOf(*type)));
  }
  auto decoder = MakeForm(column, *type, FormOf(*type, column.options));
  return column.options.Is("mask", "null") ? MaskWithNulls(decoder->fields()) : std::move(decoder);
}

}  // namespace cdc::columns
