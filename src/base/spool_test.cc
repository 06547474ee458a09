#include "base/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace cdc {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "spool-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { fs::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

// Byte i of a test body; no period that a block size could hide.
std::string Body(int64_t size) {
  std::string body(static_cast<size_t>(size), '\0');
  uint32_t state = 1;
  for (char& byte : body) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return body;
}

std::string ReadAll(const Spool& spool, int64_t step) {
  std::string all;
  std::string block(static_cast<size_t>(step), '\0');
  for (;;) {
    const int64_t got = spool.ReadAt(std::ssize(all), block.data(), step).ValueOrDie();
    if (got == 0) return all;
    all.append(block, 0, static_cast<size_t>(got));
  }
}

void WriteInPieces(Spool* spool, std::string_view body, size_t piece) {
  for (size_t at = 0; at < body.size(); at += piece) {
    ASSERT_TRUE(spool->Write(body.substr(at, piece)).ok());
  }
}

TEST(Spool, the_digest_is_the_known_one) {
  // FIPS 180-4's example "abc".
  EXPECT_EQ(ToHex(Sha256Of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToBase64(Sha256Of("abc")), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

TEST(Spool, a_small_body_stays_in_memory_and_needs_no_folder) {
  auto spool = Spool::Create("/no/such/folder", 1000);
  const std::string body = Body(1000);
  WriteInPieces(spool.get(), body, 300);
  ASSERT_TRUE(spool->Seal().ok());
  EXPECT_EQ(spool->memory_bytes(), 1000);
  EXPECT_EQ(ReadAll(*spool, 7), body);
  EXPECT_EQ(spool->sha256(), Sha256Of(body));
}

TEST(Spool, beyond_its_limit_a_body_is_in_a_file_without_a_name) {
  TempFolder folder;
  auto spool = Spool::Create(folder.path(), 1000);
  const std::string body = Body(100'003);
  WriteInPieces(spool.get(), body, 333);
  ASSERT_TRUE(spool->Seal().ok());
  EXPECT_EQ(spool->size_bytes(), 100'003);
  EXPECT_EQ(spool->memory_bytes(), 0);
  EXPECT_TRUE(fs::is_empty(folder.path()));
  EXPECT_EQ(ReadAll(*spool, 4096), body);
  EXPECT_EQ(spool->sha256(), Sha256Of(body));
}

TEST(Spool, a_read_may_begin_anywhere_and_ends_at_the_end) {
  TempFolder folder;
  const std::string body = Body(5000);
  for (int64_t limit : {0, 10'000}) {
    auto spool = Spool::Create(folder.path(), limit);
    ASSERT_TRUE(spool->Write(body).ok());
    ASSERT_TRUE(spool->Seal().ok());
    char out[100];
    EXPECT_EQ(spool->ReadAt(4990, out, 100).ValueOrDie(), 10);
    EXPECT_EQ(std::string_view(out, 10), body.substr(4990));
    EXPECT_EQ(spool->ReadAt(5000, out, 100).ValueOrDie(), 0);
    EXPECT_EQ(spool->ReadAt(1 << 30, out, 100).ValueOrDie(), 0);
  }
}

TEST(Spool, several_threads_read_at_once) {
  TempFolder folder;
  auto spool = Spool::Create(folder.path(), 0);
  const std::string body = Body(300'000);
  ASSERT_TRUE(spool->Write(body).ok());
  ASSERT_TRUE(spool->Seal().ok());
  std::vector<std::string> seen(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < seen.size(); ++i) {
    threads.emplace_back([&, i] { seen[i] = ReadAll(*spool, 1000 + static_cast<int64_t>(i)); });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& all : seen) EXPECT_EQ(all, body);
}

TEST(Spool, an_empty_body_and_a_given_body_are_sealed_bodies_too) {
  auto empty = Spool::FromBytes("");
  EXPECT_EQ(empty->size_bytes(), 0);
  EXPECT_EQ(empty->sha256(), Sha256Of(""));
  auto given = Spool::FromBytes("{\"a\":1}");
  EXPECT_EQ(ReadAll(*given, 3), "{\"a\":1}");
}

TEST(Spool, a_missing_folder_is_named_with_the_setting_that_mends_it) {
  auto spool = Spool::Create("/no/such/folder", 10);
  const arrow::Status status = spool->Write("more than ten bytes");
  EXPECT_TRUE(status.IsIOError());
  EXPECT_THAT(status.message(), AllOf(HasSubstr("/no/such/folder"), HasSubstr("temp_dir"),
                                      HasSubstr("No such file or directory")));
}

TEST(Spool, a_disk_without_room_is_an_error_that_stays) {
  TempFolder folder;
  // A limit on file sizes stands for the full disk: write fails in the same place.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{64 * 1024, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  auto spool = Spool::Create(folder.path(), 1000);
  arrow::Status status;
  for (int i = 0; i < 200 && status.ok(); ++i) status = spool->Write(Body(1000));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(status.IsIOError());
  EXPECT_THAT(status.message(), AllOf(HasSubstr(folder.path()), HasSubstr("temp_dir")));
  EXPECT_EQ(spool->Write("x"), status) << "what follows a hole must not be written";
  EXPECT_EQ(spool->Seal(), status);
}

}  // namespace
}  // namespace cdc
