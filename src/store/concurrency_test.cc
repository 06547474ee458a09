#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "store/directory_store.h"
#include "store/testing/s3_servers.h"

// One store called by many threads, as workers do that put their tables' objects side by side.
// Meant to be run under ThreadSanitizer too (cmake -D CDC_SANITIZE_THREAD=ON).

namespace cdc::store {
namespace {

using testing::SeaweedFs;
using testing::TheServer;
using testing::VersityGw;

constexpr int kThreads = 8;

void InThreads(const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back(work, i);
  }
  for (auto& thread : threads) {
    thread.join();
  }
}

std::string BytesOf(int thread, int number) {
  return std::to_string(thread) + "/" + std::to_string(number) + std::string(20'000, 'x');
}

// A value in kilobytes from /proc/self/status.
int64_t ProcessKilobytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) {
      return std::stoll(line.substr(name.size() + 1));
    }
  }
  return 0;
}

class Concurrency : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "directory") {
      store_ = OpenDirectoryStore(folder_.path(), Clock::System()).ValueOrDie();
      return;
    }
    server_ = GetParam() == "seaweedfs" ? TheServer<SeaweedFs>() : TheServer<VersityGw>();
    if (server_ == nullptr && GetParam() == "versitygw") {
      GTEST_SKIP() << "versitygw is not there: tools/install.sh --tests builds it";
    }
    ASSERT_NE(server_, nullptr) << GetParam() << " cannot be started: run tools/install.sh";
    store_ = OpenS3Store(server_->Options("threads-" + RandomHex(8))).ValueOrDie();
  }

  testing::TempFolder folder_;
  testing::S3Server* server_ = nullptr;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, Concurrency,
                         ::testing::Values("directory", "seaweedfs", "versitygw"),
                         [](const auto& instance) { return instance.param; });

TEST_P(Concurrency, every_thread_reads_what_it_put) {
  constexpr int kObjects = 20;
  InThreads([&](int thread) {
    for (int i = 0; i < kObjects; ++i) {
      const std::string key = "t" + std::to_string(thread) + "/" + std::to_string(1'000 + i);
      PutOptions options;
      options.metadata = {{"who", key}};
      const auto body = Spool::FromBytes(BytesOf(thread, i));
      const auto put = store_->Put(key, *body, options);
      ASSERT_TRUE(put.ok()) << put.status();
      ASSERT_EQ(*put, PutResult::kCreated);
      ASSERT_EQ(store_->Get(key).ValueOrDie().bytes, BytesOf(thread, i));
      ASSERT_EQ(store_->Head(key).ValueOrDie()->metadata.at("who"), key);
    }
  });
  for (int thread = 0; thread < kThreads; ++thread) {
    const std::string folder = "t" + std::to_string(thread) + "/";
    EXPECT_EQ(store_->List(folder, "", 1'000).ValueOrDie().size(), static_cast<size_t>(kObjects));
  }
}

TEST_P(Concurrency, one_of_all_threads_creates_a_key) {
  for (int i = 0; i < 3; ++i) {
    const std::string key = "shared" + std::to_string(i);
    std::atomic<int> created = 0;
    std::atomic<int> there = 0;
    InThreads([&](int thread) {
      const auto put = store_->Put(key, *Spool::FromBytes(BytesOf(thread, i)), {});
      ASSERT_TRUE(put.ok()) << put.status();
      (*put == PutResult::kCreated ? created : there)++;
    });
    // A store that hung up on a winner lets it find its own object.
    EXPECT_LE(created, 1);
    EXPECT_EQ(created + there, kThreads);
  }
}

TEST_P(Concurrency, no_swap_is_lost) {
  constexpr int kSwaps = 5;
  ASSERT_TRUE(store_->Swap("counter", "0", std::nullopt).ok());
  InThreads([&](int) {
    for (int done = 0; done < kSwaps;) {
      const Content now = store_->Get("counter").ValueOrDie();
      const auto swapped =
          store_->Swap("counter", std::to_string(std::stoi(now.bytes) + 1), now.version);
      ASSERT_TRUE(swapped.ok() || KindOf(swapped.status()) == ErrorKind::kConflict)
          << swapped.status();
      done += swapped.ok() ? 1 : 0;
    }
  });
  EXPECT_EQ(store_->Get("counter").ValueOrDie().bytes, std::to_string(kThreads * kSwaps));
}

TEST_P(Concurrency, a_put_holds_little_memory_whatever_the_objects_size) {
  constexpr int64_t kBytes = 96 << 20;
  const auto body = Spool::Create(folder_.path(), /*memory_limit_bytes=*/1 << 20);
  const std::string chunk(1 << 20, 'x');
  for (int64_t written = 0; written < kBytes; written += static_cast<int64_t>(chunk.size())) {
    ASSERT_TRUE(body->Write(chunk).ok());
  }
  ASSERT_TRUE(body->Seal().ok());
  ASSERT_TRUE(store_->Put("warm", *Spool::FromBytes("x"), {}).ok());
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
  const int64_t before = ProcessKilobytes("VmRSS");
  ASSERT_TRUE(store_->Put("large", *body, {}).ok());
  EXPECT_LT(ProcessKilobytes("VmHWM") - before, 16 << 10) << "KiB more at the peak";
  EXPECT_EQ(store_->Head("large").ValueOrDie()->size_bytes, kBytes);
}

TEST(HttpConnections, are_kept_open_by_every_thread) {
  const testing::S3Server* server = TheServer<SeaweedFs>();
  ASSERT_NE(server, nullptr) << "SeaweedFS cannot be started: run tools/install.sh";
  HttpClient http((HttpOptions()));
  const std::string url = "http://127.0.0.1:" + std::to_string(server->port()) + "/lake";
  InThreads([&](int) {
    for (int i = 0; i < 20; ++i) {
      HttpRequest request;
      request.method = "GET";
      request.url = url;
      ASSERT_TRUE(http.Perform(request).ok());
    }
  });
  EXPECT_LE(http.connections_opened(), kThreads) << "for " << kThreads * 20 << " requests";
}

}  // namespace
}  // namespace cdc::store
