#include "store/directory_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>

#include "store/files.h"
#include "store/sidecar.h"
#include "store/testing/child_process.h"

// What only directories have: crashes at every step, other processes, files that others put there.

namespace cdc::store {
namespace {

namespace fs = std::filesystem;
using testing::ChildProcess;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFolder;

constexpr char kKey[] = "db/t/cdc/a.parquet";
const std::string kOld(3 << 20, 'o');
const std::string kNew(3 << 20, 'n');

std::unique_ptr<Store> Open(const std::string& folder) {
  return OpenDirectoryStore(folder, Clock::System()).ValueOrDie();
}

arrow::Result<PutResult> Put(Store& store, const std::string& key, const std::string& bytes,
                             const std::string& who, PutMode mode = PutMode::kIfAbsent) {
  PutOptions options;
  options.mode = mode;
  options.metadata = {{"who", who}};
  return store.Put(key, *Spool::FromBytes(bytes), options);
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// This very program is also the other process of these tests: with CDC_TEST_CHILD in the
// environment it does that in the folder CDC_TEST_FOLDER and ends before any test.
void ActAsChild(const std::string& act, Store& store) {
  if (act == "put") {
    ARROW_UNUSED(Put(store, kKey, kNew, "child"));
  } else if (act == "overwrite") {
    ARROW_UNUSED(Put(store, kKey, kNew, "child", PutMode::kOverwrite));
  } else if (act == "swap") {
    ARROW_UNUSED(store.Swap(kKey, kNew, ToHex(Sha256Of(kOld))));
  } else if (act == "count") {
    for (int done = 0; done < 40;) {
      const Content now = store.Get("counter").ValueOrDie();
      done += store.Swap("counter", std::to_string(std::stoi(now.bytes) + 1), now.version).ok();
    }
  }
}

class Child : public ::testing::Environment {
 public:
  void SetUp() override {
    if (const char* act = std::getenv("CDC_TEST_CHILD"); act != nullptr) {
      ActAsChild(act, *Open(std::getenv("CDC_TEST_FOLDER")));
      _exit(0);
    }
  }
};
const auto* const kChild = ::testing::AddGlobalTestEnvironment(new Child);

std::unique_ptr<ChildProcess> StartChild(const std::string& act, const TempFolder& folder,
                                         const TempFolder& logs, const std::string& crash_at) {
  return std::make_unique<ChildProcess>(
      std::vector<std::string>{"/proc/self/exe", "--gtest_filter=DirectoryStore.*"},
      std::map<std::string, std::string>{
          {"CDC_TEST_CHILD", act}, {"CDC_TEST_FOLDER", folder.path()}, {"CDC_CRASH_AT", crash_at}},
      logs.path() + "/" + act);
}

// Bounded; true if it ended by itself.
bool WaitFor(ChildProcess& child) {
  for (int i = 0; i < 1000 && child.IsRunning(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return !child.IsRunning();
}

struct Crash {
  std::string act;
  std::string at;
  bool happened;  // whether the new content is there afterwards
};

class DirectoryCrash : public ::testing::TestWithParam<Crash> {};

INSTANTIATE_TEST_SUITE_P(
    Places, DirectoryCrash,
    ::testing::Values(
        Crash{"put", "directory_copying:1", false}, Crash{"put", "directory_copying:3", false},
        Crash{"put", "directory_copying:4", false},  // the sidecar's own file
        Crash{"put", "directory_renamed:1", false},  // the sidecar is there
        Crash{"put", "directory_sidecar_written:1", false},
        Crash{"put", "directory_linked:1", true}, Crash{"overwrite", "directory_copying:2", false},
        Crash{"overwrite", "directory_sidecar_has_both:1", false},
        Crash{"overwrite", "directory_renamed:2", true},  // the first is the sidecar's
        Crash{"swap", "directory_copying:2", false},
        Crash{"swap", "directory_sidecar_has_both:1", false},
        Crash{"swap", "directory_renamed:2", true}),
    [](const auto& instance) {
      std::string name = instance.param.act + "_" + instance.param.at;
      std::replace(name.begin(), name.end(), ':', '_');
      return name;
    });

TEST_P(DirectoryCrash, leaves_the_old_object_or_the_new_one_each_with_its_metadata) {
  const Crash& crash = GetParam();
  const TempFolder folder;
  const TempFolder logs;
  const auto store = Open(folder.path());
  const bool had_old = crash.act != "put";
  if (had_old) {
    ASSERT_TRUE(Put(*store, kKey, kOld, "parent").ok());
  } else {
    ASSERT_TRUE(Put(*store, "db/t/cdc/0.parquet", "x", "parent").ok());
  }
  const auto child = StartChild(crash.act, folder, logs, crash.at);
  ASSERT_TRUE(WaitFor(*child));
  ASSERT_TRUE(child->was_killed()) << "the child did not pass " << crash.at;

  auto info = store->Head(kKey).ValueOrDie();
  ASSERT_EQ(info.has_value(), had_old || crash.happened);
  if (info) {
    const std::string& expected = crash.happened ? kNew : kOld;
    EXPECT_TRUE(store->Get(kKey).ValueOrDie().bytes == expected);
    EXPECT_EQ(info->version, ToHex(Sha256Of(expected)));
    const std::string who = crash.act == "swap" ? "" : "child";
    EXPECT_EQ(info->metadata["who"], crash.happened ? who : "parent");
  }
  EXPECT_EQ(FilesIn(folder.path() + "/db/t/cdc").size(), (had_old || !crash.happened) ? 1U : 2U);
  // Life goes on.
  ASSERT_TRUE(Put(*store, kKey, kOld, "again", PutMode::kOverwrite).ok());
  EXPECT_EQ(store->Head(kKey).ValueOrDie()->metadata, (Metadata{{"who", "again"}}));
}

TEST(DirectoryStore, folders_of_data_hold_nothing_but_objects) {
  const TempFolder folder;
  const auto store = Open(folder.path());
  ASSERT_TRUE(Put(*store, kKey, "x", "me").ok());
  ASSERT_TRUE(Put(*store, kKey, "x", "me").ok());
  ASSERT_TRUE(store->Swap("_cdc_to_s3/db.json", "{}", {}).ok());
  EXPECT_THAT(FilesIn(folder.path() + "/db/t/cdc"), ElementsAre("a.parquet"));
  EXPECT_THAT(FilesIn(folder.path()), ElementsAre("_cdc_to_s3", "db"));
  EXPECT_THAT(FilesIn(folder.path() + "/_cdc_to_s3"), ElementsAre(".store", "db.json"));
  EXPECT_THAT(FilesIn(folder.path() + "/_cdc_to_s3/.store/tmp"), ElementsAre());
  EXPECT_EQ(store->List("", "", 10).ValueOrDie().size(), 2U)
      << "the store's own files are not objects";
}

TEST(DirectoryStore, processes_that_swap_a_counter_lose_no_step) {
  const TempFolder folder;
  const TempFolder logs;
  const auto store = Open(folder.path());
  ASSERT_TRUE(store->Swap("counter", "0", {}).ok());
  const auto one = StartChild("count", folder, logs, "");
  const auto two = StartChild("count", folder, logs, "");
  ActAsChild("count", *store);
  ASSERT_TRUE(WaitFor(*one) && WaitFor(*two));
  EXPECT_EQ(store->Get("counter").ValueOrDie().bytes, "120");
}

TEST(DirectoryStore, a_file_from_elsewhere_is_an_object_without_metadata) {
  const TempFolder folder;
  const auto store = Open(folder.path());
  fs::create_directories(folder.path() + "/db");
  std::ofstream(folder.path() + "/db/x.parquet") << "foreign";
  const auto info = store->Head("db/x.parquet").ValueOrDie();
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->version, ToHex(Sha256Of("foreign")));
  EXPECT_EQ(info->metadata, Metadata{});
  EXPECT_EQ(Put(*store, "db/x.parquet", "ours", "me").ValueOrDie(), PutResult::kAlreadyThere);
  // One that took the place of ours does not inherit its metadata.
  ASSERT_TRUE(Put(*store, "db/y.parquet", "ours", "me").ok());
  fs::rename(folder.path() + "/db/x.parquet", folder.path() + "/db/y.parquet");
  EXPECT_EQ(store->Head("db/y.parquet").ValueOrDie()->metadata, Metadata{});
}

TEST(DirectoryStore, keys_that_leave_the_folder_or_touch_the_store_itself_are_refused) {
  const TempFolder folder;
  const auto store = Open(folder.path());
  for (const char* key :
       {"../x", "a/../b", "a//b", "a/", "", "./a", "_cdc_to_s3/.store", "_cdc_to_s3/.store/lock"}) {
    EXPECT_EQ(KindOf(Put(*store, key, "x", "me").status()), ErrorKind::kPermanent) << key;
    EXPECT_EQ(KindOf(store->Get(key).status()), ErrorKind::kPermanent) << key;
  }
}

TEST(DirectoryStore, a_file_where_a_folder_must_be_is_named) {
  const TempFolder folder;
  const auto store = Open(folder.path());
  ASSERT_TRUE(Put(*store, "db", "x", "me").ok());
  const arrow::Status status = Put(*store, "db/t", "x", "me").status();
  EXPECT_EQ(KindOf(status), ErrorKind::kPermanent);
  EXPECT_THAT(status.message(), HasSubstr(folder.path() + "/db"));
}

TEST(DirectoryStore, a_full_disk_names_the_place_and_may_pass) {
  const arrow::Status status = FileError("write /data/lake/x", ENOSPC);
  EXPECT_EQ(KindOf(status), ErrorKind::kTransient);
  EXPECT_EQ(
      status.message(),
      "write /data/lake/x: No space left on device; free some space there; until then changes "
      "wait in the database");
}

TEST(DirectoryStore, a_folder_that_went_away_is_said_so) {
  const TempFolder outer;
  const std::string root = outer.path() + "/lake";
  fs::create_directory(root);
  const auto store = Open(root);
  fs::remove(root);
  EXPECT_EQ(KindOf(Put(*store, "k", "x", "me").status()), ErrorKind::kNoBucket);
  EXPECT_EQ(KindOf(store->Swap("k", "x", {}).status()), ErrorKind::kNoBucket);
  EXPECT_FALSE(store->List("", "", 1).ok());
}

TEST(DirectoryStore, a_refused_put_leaves_nothing_behind) {
  const TempFolder folder;
  FakeClock clock(Clock::System().UtcNow());
  const auto store = OpenDirectoryStore(folder.path(), clock).ValueOrDie();
  PutOptions options;
  options.signed_at = clock.UtcNow();
  clock.Advance(std::chrono::minutes(15) + std::chrono::seconds(1));
  EXPECT_EQ(KindOf(store->Put("k", *Spool::FromBytes("x"), options).status()), ErrorKind::kDenied);
  EXPECT_THAT(FilesIn(folder.path()), ElementsAre("_cdc_to_s3"));
  EXPECT_THAT(FilesIn(folder.path() + "/_cdc_to_s3/.store/tmp"), ElementsAre());
}

TEST(DirectoryStore, sidecars_of_objects_that_consumers_removed_go_in_time) {
  const TempFolder folder;
  const auto store = Open(folder.path());
  for (int i = 0; i < 64; ++i) {
    const std::string key = "t/" + std::to_string(i);
    ASSERT_TRUE(Put(*store, key, "x", "me").ok());
    if (i < 60) {
      fs::remove(folder.path() + "/" + key);
    }
  }
  EXPECT_THAT(FilesIn(folder.path() + "/_cdc_to_s3/.store/meta/t"),
              ElementsAre("60", "61", "62", "63"));
}

TEST(DirectoryStore, old_temporary_files_are_cleared_away_and_young_ones_are_not) {
  const TempFolder folder;
  const std::string temp = folder.path() + "/_cdc_to_s3/.store/tmp";
  fs::create_directories(temp);
  std::ofstream(temp + "/old") << "x";
  std::ofstream(temp + "/young") << "x";
  fs::last_write_time(temp + "/old", fs::file_time_type::clock::now() - std::chrono::hours(25));
  const auto store = Open(folder.path());
  EXPECT_THAT(FilesIn(temp), ElementsAre("young"));
}

TEST(Sidecar, is_read_as_it_was_written) {
  const std::vector<SidecarEntry> entries = {{"aa", 12, {{"n", "a b  c"}, {"empty", ""}}},
                                             {"bb", 0, {}}};
  EXPECT_EQ(ParseSidecar(FormatSidecar(entries)).ValueOrDie(), entries);
  for (const char* bad :
       {"", "x\n", "cdc-to-s3 sidecar 1\nmeta a b\n", "cdc-to-s3 sidecar 1\nobject a\n",
        "cdc-to-s3 sidecar 1\nobject a 1\nmeta a\n"}) {
    EXPECT_FALSE(ParseSidecar(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace cdc::store
