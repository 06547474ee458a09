#include "app/type_mapping.h"

#include <arrow/util/logging.h>

#include <algorithm>

#include "base/glob.h"
#include "columns/column.h"
#include "columns/parquet_forms.h"
#include "columns/type_table.h"

namespace cdc::app {

namespace {

using columns::Options;
using Words = std::map<std::string, std::string>;

Options OptionsOf(const Words& words) {
  Options options;
  for (const auto& [name, word] : words) {
    if (name != "mask") options.Set(name, word);  // not a matter of the type
  }
  return options;
}

Options With(Options options, std::string_view name, std::string_view word) {
  options.Set(name, word);
  return options;
}

std::string SqlText(const columns::SqlType& type) {
  const std::string name(type.name);
  switch (type.arguments) {
    case columns::Arguments::kNone:
      return name.empty() ? "other CLR types" : name;
    case columns::Arguments::kPrecisionAndScale:
      return name + "(p,s)";
    case columns::Arguments::kBytes:
    case columns::Arguments::kUtf16Units:
    case columns::Arguments::kScale:
      return name + "(n)";
  }
  return name;
}

columns::SourceColumn ExampleOf(const columns::SqlType& type, const Options& options) {
  columns::SourceColumn column;
  column.name = "column";
  column.type_name = type.name.empty() ? "some_clr_type" : type.name;
  column.is_clr = type.name.empty();
  column.max_length_bytes = 100;
  if (type.arguments == columns::Arguments::kPrecisionAndScale) {
    column.precision = 38;
    column.scale = 10;
  } else if (type.arguments == columns::Arguments::kScale) {
    column.scale = 7;
  }
  column.options = options;
  return column;
}

MappedForm CapturedForm(const columns::SqlType& type, const Options& options) {
  const auto decoder = columns::ColumnDecoder::Make(ExampleOf(type, options));
  ARROW_CHECK_OK(decoder.status());
  return {{}, (*decoder)->fields(), std::string(columns::FormOf(type, options).note)};
}

bool SameFields(const MappedForm& a, const MappedForm& b) {
  return std::ranges::equal(a.fields, b.fields, [](const auto& one, const auto& other) {
    return one->Equals(*other, /*check_metadata=*/true);
  });
}

// The form in effect, then one for each word of an option that would change it.
template <typename Make>
std::vector<MappedForm> FormsOf(const Options& in_effect, const Make& make) {
  std::vector<MappedForm> forms = {make(in_effect)};
  for (const auto& key : columns::OptionKeys()) {
    if (key.name == "mask") continue;
    for (const std::string_view word : key.words) {
      MappedForm other = make(With(in_effect, key.name, word));
      if (SameFields(other, forms.front())) continue;
      other.words[std::string(key.name)] = word;
      forms.push_back(std::move(other));
    }
  }
  return forms;
}

// "datetime2(7)" asks for datetime2.
bool Fits(std::string_view name, const std::vector<std::string>& patterns) {
  return patterns.empty() || std::ranges::any_of(patterns, [&](const std::string& pattern) {
           return MatchesGlob(pattern.substr(0, pattern.find('(')), name);
         });
}

}  // namespace

std::vector<MappedType> MappedTypes(const Words& settings,
                                    const std::vector<std::string>& patterns) {
  const Options in_effect = OptionsOf(settings);
  std::vector<MappedType> types;
  for (const columns::SqlType& type : columns::SqlTypes()) {
    if (!Fits(type.name, patterns)) continue;
    types.push_back({std::string(type.name), SqlText(type),
                     type.arguments == columns::Arguments::kPrecisionAndScale,
                     FormsOf(in_effect, [&](const Options& o) { return CapturedForm(type, o); })});
  }
  return types;
}

std::vector<MappedType> MappedMetadata(const Words& settings) {
  const Options in_effect = OptionsOf(settings);
  std::vector<MappedType> types;
  for (int i = 0; i < columns::kMetadataColumns; ++i) {
    const auto column = static_cast<columns::MetadataColumn>(i);
    auto forms = FormsOf(in_effect, [&](const Options& options) {
      return MappedForm{{}, columns::ColumnDecoder::MakeMetadata(column, options)->fields(), ""};
    });
    const std::string name = forms.front().fields.front()->name();
    types.push_back({name, name, false, std::move(forms)});
  }
  return types;
}

std::string ParquetText(const MappedType& type, const arrow::Field& field) {
  if (type.symbolic && field.type()->id() == arrow::Type::DECIMAL128) return "DECIMAL(p,s)";
  return columns::ParquetTypeText(field);
}

}  // namespace cdc::app
