// [types], its key, and the sections of tables and columns.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "config/config.h"
#include "config/table_rules.h"

namespace cdc::config {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kKey[] = "0123456789abcdef";

class TypesTest : public ::testing::Test {
 protected:
  TypesTest() {
    std::string name = (fs::temp_directory_path() / "types-test-XXXXXX").string();
    inputs_.folder = mkdtemp(name.data());
    umask(022);  // settings that others may write are refused
  }
  ~TypesTest() override { fs::remove_all(inputs_.folder); }

  void File(const std::string& name, const std::string& text) {
    std::ofstream(inputs_.folder + "/" + name, std::ios::binary) << text;
  }
  Config Good(const std::string& toml) {
    File("cdc-to-s3.toml", toml);
    return Load(inputs_).ValueOrDie();
  }
  std::string Error(const std::string& toml) {
    File("cdc-to-s3.toml", toml);
    return Load(inputs_).status().message();
  }

  Inputs inputs_;
};

TEST_F(TypesTest, every_option_is_a_key_with_an_environment_name_and_its_default) {
  inputs_.environment = {{"CDC_TYPES_DATETIME2", "nanos"}, {"CDC_TYPES_META_PREFIX", "cdc_"}};
  const Config config = Good("[types]\ntime = \"time\"\ndatetime2 = \"string\"\n");
  EXPECT_THAT(config.types.words,
              UnorderedElementsAre(Pair("datetime2", "nanos"), Pair("meta_prefix", "cdc_"),
                                   Pair("time", "time")));
  const std::string text = Describe(config);
  EXPECT_THAT(text, HasSubstr("types.datetime2 = nanos  (environment CDC_TYPES_DATETIME2)\n"));
  EXPECT_THAT(text, HasSubstr("types.time = time  (cdc-to-s3.toml line 2)\n"));
  EXPECT_THAT(text, HasSubstr("types.lsn = hex  (default)\n"));
}

TEST_F(TypesTest, a_wrong_word_is_told_with_the_right_ones) {
  EXPECT_EQ(Error("[types]\ndatetime2 = \"nano\"\n"),
            "cdc-to-s3.toml line 2: types.datetime2: \"nano\" is none of micros, nanos, string");
  EXPECT_THAT(Error("[types]\ndatetime = \"nanos\"\n"), HasSubstr("did you mean types.datetime2?"));
  EXPECT_THAT(Error("[types]\nmask = true\n"), HasSubstr("types.mask must be a text in quotes"));
  inputs_.environment = {{"CDC_TYPES_MASKS", "hash"}};
  EXPECT_THAT(Error(""), HasSubstr("did you mean CDC_TYPES_MASK?"));
  for (const char* name : {"CDC_TYPES_COLUMNS", "CDC_TYPES_EXCLUDE_COLUMNS", "CDC_TABLE_COLUMNS"}) {
    inputs_.environment = {{name, "Photo"}};
    EXPECT_THAT(Error(""), AllOf(HasSubstr(std::string("environment ") + name + ": "),
                                 HasSubstr("which columns are delivered is said by table in the "
                                           "TOML file: [table.")));
  }
}

TEST_F(TypesTest, an_empty_word_in_the_file_is_no_default_but_a_mistake) {
  EXPECT_EQ(Error("[types]\ndatetime2 = \"\"\n"),
            "cdc-to-s3.toml line 2: types.datetime2: \"\" is none of micros, nanos, string");
  EXPECT_THAT(Error("[types]\nmeta_prefix = \"\"\n"),
              HasSubstr("types.meta_prefix: \"\" is not 1 to 32 visible ASCII characters"));
  EXPECT_EQ(Good("[types]\nmask_key_file = \"\"\n").types.mask_key, "");
  inputs_.environment = {{"CDC_TYPES_DATETIME2", ""}};  // as everywhere: not set
  EXPECT_EQ(Good("").types.words.size(), 0U);
}

TEST_F(TypesTest, what_toml_refuses_is_told_in_words_of_the_file) {
  EXPECT_EQ(Error("[types]\ndatetime2 = nanos # all of it\n"),
            "cdc-to-s3.toml line 2: a text stands in quotes: datetime2 = \"…\"");
  EXPECT_EQ(
      Error("[table.\"dbo.*\"]\ntime = \"time\"\n[table.\"dbo.*\"] # again\nlsn = \"hex\"\n"),
      "cdc-to-s3.toml line 3: [table.\"dbo.*\"] stands there twice: put its settings together");
  EXPECT_EQ(Error("[types]\ntime = \"time\"\ntime = \"string\"\n"),
            "cdc-to-s3.toml line 3: time stands there twice: leave one of them out");
  for (const char* section :
       {"[table.dbo.*]", "[ table.*.column.id ]", "[table.T.column.e-mail?]"}) {
    EXPECT_EQ(Error(section + std::string("\nmask = \"null\"\n")),
              "cdc-to-s3.toml line 1: a pattern stands in quotes, as in [table.\"Person.*\"] or "
              "[table.\"Person.*\".column.\"Email*\"]");
  }
  EXPECT_THAT(Error("[table.\"Person.*\"\nmask = \"null\"\n"), Not(HasSubstr("stands in quotes")));
  EXPECT_THAT(Error("[types\ntime = \"time\"\n"), HasSubstr("cdc-to-s3.toml line 1: "));
  EXPECT_THAT(Error("[types]\nmask_key = hunter2hunter2\n"), Not(HasSubstr("hunter2")));
}

TEST_F(TypesTest, sections_of_tables_and_columns_become_rules_in_the_order_of_the_file) {
  const Config config = Good(
      "[table.\"Sales.*\"]\n"
      "lsn = \"hex\"\n"
      "exclude_columns = [\"Photo\", \" odd, \"]\n"
      "[table.\"Person.Person\".column.\"Email*\"]\n"
      "mask = \"null\"\n"
      "[table.\"Person.Person\"]\n"
      "datetime2 = \"nanos\"\n"
      "columns = [\"Id\"]\n"
      "[table]\n"
      "Orders = { time = \"time\", column = { b = { binary = \"hex\" }, a = { mask = \"null\" } } "
      "}\n");
  const auto& rules = config.types.rules;
  std::vector<std::string> names;
  for (const auto& rule : rules) names.push_back(NameOf(rule) + " " + rule.origin);
  EXPECT_THAT(names, ElementsAre("table.\"Sales.*\" cdc-to-s3.toml line 2",
                                 "table.\"Person.Person\".column.\"Email*\" cdc-to-s3.toml line 5",
                                 "table.\"Person.Person\" cdc-to-s3.toml line 7",
                                 "table.Orders cdc-to-s3.toml line 10",
                                 "table.Orders.column.b cdc-to-s3.toml line 10",
                                 "table.Orders.column.a cdc-to-s3.toml line 10"));
  EXPECT_EQ(rules[0].tables, "Sales.*");
  EXPECT_EQ(rules[0].columns, "");
  EXPECT_THAT(rules[0].words, ElementsAre(Pair("lsn", "hex")));
  EXPECT_THAT(rules[0].exclude, ElementsAre("Photo", " odd, "));
  EXPECT_EQ(rules[1].columns, "Email*");
  EXPECT_THAT(rules[1].words, ElementsAre(Pair("mask", "null")));
  EXPECT_THAT(rules[2].only, ElementsAre("Id"));
  EXPECT_THAT(
      Describe(config),
      AllOf(
          HasSubstr("table.\"Sales.*\".exclude_columns = Photo,  odd,   (cdc-to-s3.toml line 2)\n"),
          HasSubstr("table.\"Person.Person\".column.\"Email*\".mask = null  (cdc-to-s3.toml line "
                    "5)\n")));
}

TEST_F(TypesTest, what_is_wrong_in_a_section_is_told_with_its_line_and_what_is_right) {
  const std::string table = "[table.\"Person.*\"]\n";
  const std::string column = "[table.\"Person.*\".column.Email]\n";
  const std::pair<std::string, std::string> cases[] = {
      {table + "maks = \"hash\"\n",
       "cdc-to-s3.toml line 2: table.\"Person.*\".maks: unknown key; did you mean mask?"},
      {table + "exclude_column = [\"a\"]\n", "did you mean exclude_columns?"},
      {column + "\nmsak = \"hash\"\n",
       "line 3: table.\"Person.*\".column.Email.msak: unknown key; did you mean mask?"},
      {table + "mask = \"md5\"\n", "\"md5\" is none of none, hash, null"},
      {table + "mask = [\"hash\"]\n", "must be one word in quotes: \"none\", \"hash\", \"null\""},
      {table + "datetime2 = 9\n", "must be one word in quotes: \"micros\", \"nanos\", \"string\""},
      {table + "meta_prefix = 5\n", "must be a text in quotes"},
      {table + "meta_prefix = \"\"\n", "is not 1 to 32 visible ASCII characters"},
      {table + "columns = \"Id\"\n", "must be a list of texts"},
      {table + "columns = [1]\n", "must be a list of texts"},
      {table + "columns = []\n", "is empty and says nothing: leave it out"},
      {table + "exclude_columns = [\"\"]\n", "holds an empty pattern"},
      {table + "mask_key_file = \"mask.key\"\n", "mask_key_file: is one for all tables"},
      {column + "lsn = \"hex\"\n", "is for whole tables: move it to [table.\"Person.*\"]"},
      {column + "columns = [\"Id\"]\n", "is for whole tables: move it to [table.\"Person.*\"]"},
      {"table = 5\n", "table: a table's settings stand in a section of their own"},
      {"[table]\nmask = \"hash\"\n",
       "table.mask: a table's settings stand in a section of their own, [table.\"Person.*\"]; "
       "those "
       "of all tables in [types]"},
      {"[table.Person.Person]\nmask = \"null\"\n",
       "line 2: table.Person.Person.mask: no such section; did you mean "
       "[table.\"Person.Person\"]?"},
      {"[table.\"Person.*\".Email]\nmask = \"null\"\n",
       "did you mean [table.\"Person.*\".column.Email]?"},
      {"[table.\"Person.*\".columns.Email]\nmask = \"null\"\n",
       "stand in a section of their own: [table.\"Person.*\".column.Email]"},
      {"[table.\"Person.*\".column]\n\"Email*\" = \"hash\"\n",
       "stand in a section of their own: [table.\"Person.*\".column.\"Email*\"]"},
      {"[table.\"Person.*\".column]\nmask = \"hash\"\n",
       "column.mask: a column's settings stand in a section of their own: "
       "[table.\"Person.*\".column.\"Email*\"]"},
      {table + "column = \"Email\"\n",
       "stand in a section of their own: [table.\"Person.*\".column.\"Email*\"]"},
      {"[table.Orders.column.a.b]\nmask = \"null\"\n", "[table.Orders.column.\"a.b\"]"},
      {"[table.\"\"]\nmask = \"null\"\n", "an empty pattern names nothing"},
      {"[table.a.column.\"\"]\nmask = \"null\"\n", "an empty pattern names nothing"},
      {"[table.dbo.Orders.column.Email]\nmask = \"null\"\n",
       "did you mean [table.\"dbo.Orders\".column.Email]?"},
      {"[table.dbo.Orders.columns.Email]\nmask = \"null\"\n",
       "did you mean [table.\"dbo.Orders\".column.Email]?"},
      {"[table.dbo.Orders.Email]\nmask = \"null\"\n",
       "did you mean [table.\"dbo.Orders\".column.Email]?"},
      {"[tables.\"Person.*\"]\nmask = \"null\"\n",
       "unknown key tables.\"Person.*\".mask; did you mean [table.\"Person.*\"]?"},
      {"[tables.dbo.Orders]\nmask = \"null\"\n", "did you mean [table.\"dbo.Orders\"]?"},
      {"[source.table.Orders]\nmask = \"null\"\n", "did you mean [table.Orders]?"},
      {"[types.Orders]\nmask = \"null\"\n", "did you mean [table.Orders]?"},
      {"[column.Email]\nmask = \"null\"\n", "did you mean [table.\"*\".column.Email]?"},
      {"[types.column.\"E*\"]\nmask = \"null\"\n", "did you mean [table.\"*\".column.\"E*\"]?"},
      {"[types]\nexclude_columns = [\"Photo\"]\n",
       "line 2: types.exclude_columns: which columns are delivered is said by table in the TOML "
       "file: [table.\"Person.*\"], or [table.\"*\"] for all"},
      {"[source]\ncolumns = [\"Id\"]\n", "line 2: source.columns: which columns are delivered is"},
  };
  for (const auto& [toml, message] : cases) EXPECT_THAT(Error(toml), HasSubstr(message)) << toml;
}

TEST_F(TypesTest, a_hash_needs_a_key_wherever_it_stands) {
  const auto validate = [this](const std::string& toml) {
    inputs_.environment.merge(std::map<std::string, std::string>{{"SQL_SERVER_HOST", "db1"},
                                                                 {"SQL_SERVER_DATABASE", "d"},
                                                                 {"SQL_SERVER_USER", "u"},
                                                                 {"SQL_SERVER_PASSWORD", "p"},
                                                                 {"S3_BUCKET", "lake"}});
    return Validate(Good(toml)).message();
  };
  EXPECT_THAT(validate("[types]\nmask = \"hash\"\n"),
              AllOf(HasSubstr("cdc-to-s3.toml line 2: types.mask: \"hash\" needs a key"),
                    HasSubstr("openssl rand -hex 32 > "), HasSubstr("CDC_TYPES_MASK_KEY")));
  const std::string column = "[table.\"Person.*\".column.Email]\nmask = \"hash\"\n";
  EXPECT_THAT(
      validate(column),
      HasSubstr("cdc-to-s3.toml line 2: table.\"Person.*\".column.Email.mask: \"hash\" needs"));
  inputs_.environment["CDC_TYPES_MASK_KEY"] = kKey;
  EXPECT_EQ(validate(column), "");
  inputs_.environment.erase("CDC_TYPES_MASK_KEY");
  EXPECT_EQ(validate("[types]\nmask = \"null\"\n"), "");
}

TEST_F(TypesTest, the_key_is_a_secret_from_environment_env_file_or_a_file_of_its_own) {
  File("mask.key", std::string(kKey) + " \nsecond line\r\n\n");
  const std::string in_file = "[types]\nmask_key_file = \"mask.key\"\n";
  const Config config = Good(in_file);
  EXPECT_EQ(config.types.mask_key, std::string(kKey) + " \nsecond line");
  EXPECT_EQ(config.origins.at("types.mask_key"), "file mask.key");
  EXPECT_THAT(Describe(config),
              AllOf(HasSubstr("types.mask_key = ***  (file mask.key)\n"), Not(HasSubstr(kKey))));

  File(".env", "CDC_TYPES_MASK_KEY=from-the-env-file\n");
  EXPECT_EQ(Good(in_file).types.mask_key, "from-the-env-file");
  inputs_.environment["CDC_TYPES_MASK_KEY"] = "from-the-environment";
  EXPECT_EQ(Good(in_file).types.mask_key, "from-the-environment");
  inputs_.environment["CDC_TYPES_MASK_KEY_FILE"] = "mask.key";
  EXPECT_EQ(Good("").types.mask_key, "from-the-environment")
      << "at the same rank the key itself counts";

  EXPECT_THAT(Error("[types]\nmask_key = \"hunter2hunter2hunter2\"\n"),
              AllOf(HasSubstr("cdc-to-s3.toml line 2"), HasSubstr("CDC_TYPES_MASK_KEY"),
                    HasSubstr("mask_key_file"), Not(HasSubstr("hunter2"))));
}

TEST_F(TypesTest, a_short_key_is_refused_with_the_command_that_makes_a_good_one) {
  const std::string in_file = "[types]\nmask_key_file = \"mask.key\"\n";
  inputs_.environment = {{"CDC_TYPES_MASK_KEY", "123456789012345"}};
  EXPECT_THAT(Error(""), AllOf(HasSubstr("environment CDC_TYPES_MASK_KEY: types.mask_key has 15 "
                                         "bytes; it needs 16 or more: openssl rand -hex 32 > "),
                               Not(HasSubstr("12345678"))));
  inputs_.environment.clear();
  File("mask.key", "123456789012345\n");
  EXPECT_THAT(Error(in_file), HasSubstr("file mask.key: types.mask_key has 15 bytes"));
  File("mask.key", "\r\n\n");
  EXPECT_THAT(Error(in_file), AllOf(HasSubstr("types.mask_key_file mask.key is empty"),
                                    HasSubstr("openssl rand -hex 32 > ")));
  File("mask.key", std::string((64 << 10) + 1, 'k'));
  EXPECT_THAT(Error(in_file), HasSubstr("mask.key is longer than a secret's 65536 bytes"));
  fs::remove(inputs_.folder + "/mask.key");
  EXPECT_THAT(Error(in_file),
              AllOf(HasSubstr("mask.key cannot be read: No such file"),
                    HasSubstr("looked for at " + inputs_.folder + "/mask.key"),
                    HasSubstr("put the key there that made the tokens so far; the first time, make "
                              "one: openssl rand -hex 32 > mask.key")));
  fs::create_directory(inputs_.folder + "/mask.key");
  EXPECT_THAT(Error(in_file), HasSubstr("mask.key cannot be read: Is a directory"));
}

}  // namespace
}  // namespace cdc::config
