#include "rules/object_form.h"

#include <arrow/api.h>
#include <arrow/extension/uuid.h>
#include <arrow/util/key_value_metadata.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "columns/column.h"
#include "columns/parquet_forms.h"
#include "parquet/object_reader.h"
#include "parquet/object_writer.h"

namespace cdc::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

ObjectForm Form(const arrow::FieldVector& fields, std::map<std::string, std::string> options = {}) {
  return {fields, std::move(options)};
}

// One column of each form that a column can have.
arrow::FieldVector EveryForm() {
  using Unit = arrow::TimeUnit;
  const std::shared_ptr<arrow::DataType> types[] = {
      arrow::boolean(),
      arrow::int16(),
      arrow::int32(),
      arrow::int64(),
      arrow::float32(),
      arrow::float64(),
      arrow::decimal128(5, 2),
      arrow::decimal128(18, 4),
      arrow::decimal128(38, 10),
      arrow::date32(),
      arrow::timestamp(Unit::MICRO),
      arrow::timestamp(Unit::MICRO, "UTC"),
      arrow::timestamp(Unit::MILLI),
      arrow::timestamp(Unit::MILLI, "UTC"),
      arrow::timestamp(Unit::NANO),
      arrow::time64(Unit::MICRO),
      arrow::utf8(),
      arrow::binary(),
      arrow::extension::uuid(),
  };
  arrow::FieldVector fields;
  for (const auto& type : types) {
    fields.push_back(arrow::field("c" + std::to_string(fields.size()), type));
  }
  const auto wkb = arrow::key_value_metadata({std::string(columns::kGeoKey)}, {"planar"});
  fields.push_back(arrow::field("shape", arrow::binary(), true, wkb));
  return fields;
}

const auto kPrice = arrow::field("Price", arrow::int32());
const auto kName = arrow::field("Name", arrow::utf8());

TEST(ObjectForm, the_first_object_of_a_folder_changes_nothing) {
  const FormChange change = ChangeOf({}, std::nullopt, Form({kPrice}, {{"time", "time"}}));
  EXPECT_THAT(change.types, IsEmpty());
  EXPECT_THAT(change.options, IsEmpty());
  EXPECT_EQ(change.form.last.size(), 16u);
  EXPECT_THAT(change.form.earlier_types, IsEmpty());
}

TEST(ObjectForm, an_object_looks_as_it_was_written) {
  std::set<std::string_view> forms;
  for (const auto& field : EveryForm()) forms.insert(columns::ParquetFormOf(*field)->name);
  ASSERT_EQ(forms.size(), columns::ParquetForms().size());

  const auto schema = arrow::schema(EveryForm());
  auto writer =
      pq::ObjectWriter::Open(schema, Spool::Create("/tmp", 1 << 20), 1 << 20).ValueOrDie();
  const auto bytes = writer->Close(pq::FooterRecord{}).ValueOrDie();
  const auto read = pq::ReadSchema(pq::OpenSpool(*bytes));
  ASSERT_TRUE(read.ok()) << read.status();
  const FormChange change = ChangeOf({}, Form((*read)->fields()), Form(schema->fields()));
  EXPECT_EQ(TextOf(change.types), "");
  EXPECT_EQ(DigestOf(Form((*read)->fields())), DigestOf(Form(schema->fields())));
}

TEST(ObjectForm, a_digest_tells_names_types_and_options_apart_but_not_how_a_default_is_set) {
  const std::string plain = DigestOf(Form({kPrice}));
  EXPECT_EQ(DigestOf(Form({kPrice}, {{"lsn", "hex"}})), plain);
  EXPECT_NE(DigestOf(Form({kPrice}, {{"lsn", "bytes"}})), plain);
  EXPECT_NE(DigestOf(Form({kPrice->WithName("price")})), plain);
  EXPECT_NE(DigestOf(Form({kPrice->WithType(arrow::int64())})), plain);
  EXPECT_NE(DigestOf(Form({kPrice, kName})), plain);
}

TEST(ObjectForm, a_column_that_is_gone_is_remembered_until_it_comes_back) {
  const FormChange gone = ChangeOf({}, Form({kPrice, kName}), Form({kPrice}));
  EXPECT_THAT(gone.form.earlier_types, ElementsAre(Pair("Name", "STRING")));
  const FormChange back = ChangeOf(gone.form, Form({kPrice}), Form({kPrice, kName}));
  EXPECT_THAT(back.types, IsEmpty());
  EXPECT_THAT(back.form.earlier_types, IsEmpty());
  const FormChange other =
      ChangeOf(gone.form, Form({kPrice}), Form({kPrice, kName->WithType(arrow::date32())}));
  EXPECT_EQ(TextOf(other.types), "Name from STRING to DATE");
}

TEST(ObjectForm, a_wider_type_of_an_earlier_object_stays_the_folders) {
  const auto wide = kPrice->WithType(arrow::int64());
  const FormChange narrower = ChangeOf({}, Form({wide}), Form({kPrice}));
  EXPECT_THAT(narrower.form.earlier_types, ElementsAre(Pair("Price", "INT64")));
  EXPECT_THAT(narrower.alone.earlier_types, IsEmpty());
  // Whatever the case of its letters is.
  const FormChange renamed =
      ChangeOf(narrower.form, Form({kPrice}), Form({wide->WithName("PRICE")}));
  EXPECT_THAT(renamed.types, IsEmpty());
  EXPECT_THAT(renamed.form.earlier_types, IsEmpty());
}

TEST(ObjectForm, cdcs_own_columns_count_too) {
  const auto lsn = arrow::field("__$start_lsn", arrow::fixed_size_binary(10));
  const FormChange change = ChangeOf({}, Form({lsn}, {{"lsn", "bytes"}}),
                                     Form({lsn->WithType(arrow::utf8())}, {{"lsn", "hex"}}));
  EXPECT_EQ(TextOf(change.types), "__$start_lsn from FIXED_LEN_BYTE_ARRAY(10) to STRING");
  EXPECT_EQ(TextOf(change.options), "lsn from bytes to hex");
}

TEST(ObjectForm, where_the_last_object_is_not_known_only_what_is_remembered_is_judged) {
  const state::FolderForm folder{"x", {{"Name", "STRING"}, {"Note", "STRING"}}};
  const FormChange change =
      NotCompared(folder, Form({kPrice, kName->WithType(arrow::date32())}), "moved");
  EXPECT_EQ(TextOf(change.types), "Name from STRING to DATE");
  EXPECT_EQ(change.not_compared, "moved");
  EXPECT_THAT(change.form.earlier_types, UnorderedElementsAre(Pair("Note", "STRING")));
}

}  // namespace
}  // namespace cdc::rules
