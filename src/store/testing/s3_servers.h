#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/testing/project_root.h"
#include "store/http.h"
#include "store/s3_client.h"
#include "store/testing/child_process.h"

// S3 servers for the contract suite: SeaweedFS (the wheel in .venv) and versitygw (built by
// tools/install.sh --tests). Each listens on the loopback interface, with a bucket "lake" and two
// users: one with all rights, one that may only put (SeaweedFS).

namespace cdc::store::testing {

inline constexpr char kBucket[] = "lake";
inline const Credentials kAdmin{"demokey", "demosecret12", ""};
inline const Credentials kPutOnly{"pokey", "posecret1234", ""};

// The program at `variable` in the environment, else in the work tree, else on the PATH; "" if
// nowhere.
inline std::string FindProgram(const char* variable, const std::string& in_tree) {
  namespace fs = std::filesystem;
  if (const char* set = std::getenv(variable); set != nullptr) {
    return set;
  }
  const fs::path tree = cdc::testing::ProjectRoot();
  if (fs::exists(tree / in_tree)) {
    return (tree / in_tree).string();
  }
  const std::string path = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find(':', begin), path.size());
    const fs::path candidate =
        fs::path(path.substr(begin, end - begin)) / fs::path(in_tree).filename();
    if (fs::exists(candidate)) {
      return candidate.string();
    }
    begin = end + 1;
  }
  return "";
}

class S3Server {
 public:
  virtual ~S3Server() = default;
  int port() const { return port_; }

  S3Options Options(const std::string& prefix) const {
    S3Options options;
    options.bucket = kBucket;
    options.prefix = prefix;
    options.endpoint = fmt::format("http://127.0.0.1:{}", port_);
    options.path_style = true;
    options.credentials = kAdmin;
    return options;
  }

 protected:
  // A port that is free together with its gRPC port (SeaweedFS: 10,000 above).
  static int PickPort() {
    std::random_device random;
    for (int i = 0; i < 200; ++i) {
      const int port = 20'000 + static_cast<int>(random() % 10'000);
      if (IsFree(port) && IsFree(port + 10'000)) {
        return port;
      }
    }
    return 0;
  }

  // Until the bucket answers, at most half a minute.
  bool WaitUntilReady(bool make_bucket) {
    const auto client = S3Client::Open(Options("")).ValueOrDie();
    const auto nothing = Spool::FromBytes("");
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (process_->IsRunning() && std::chrono::steady_clock::now() < give_up) {
      S3Request request;
      request.operation = "wait";
      request.method = make_bucket ? "PUT" : "GET";
      request.body = make_bucket ? nothing.get() : nullptr;
      const auto reply = client->SendOnce(request, std::chrono::seconds(10));
      const bool there = reply.ok() && (reply->ok() || reply->error.status == 409);
      if (there && !make_bucket) {
        return true;
      }
      make_bucket = make_bucket && !there;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }

  TempFolder folder_;
  int port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

class SeaweedFs : public S3Server {
 public:
  static std::unique_ptr<S3Server> Start() {
    const std::string program = FindProgram("CDC_TEST_WEED", ".venv/bin/weed");
    for (int i = 0; i < 3 && !program.empty(); ++i) {
      std::unique_ptr<SeaweedFs> server(new SeaweedFs(program));
      if (server->WaitUntilReady(false)) {
        return server;
      }
    }
    return nullptr;
  }
  // It has sockets in /tmp, whatever TMPDIR is, and leaves them there.
  ~SeaweedFs() override {
    process_.reset();
    for (const int port : ports_) {
      for (const char* part : {"s3", "master", "volume", "filer", "admin"}) {
        std::error_code ignored;
        std::filesystem::remove(fmt::format("/tmp/seaweedfs-{}-{}.sock", part, port), ignored);
        std::filesystem::remove(fmt::format("/tmp/seaweedfs-{}-grpc-{}.sock", part, port + 10'000),
                                ignored);
      }
    }
  }

 private:
  explicit SeaweedFs(const std::string& program) {
    const std::string users = folder_.path() + "/users.json";
    std::ofstream(users)
        << R"({"identities":[{"name":"admin","credentials":[{"accessKey":"demokey","secretKey":)"
        << R"("demosecret12"}],"actions":["Admin","Read","Write","List","Tagging"]},)"
        << R"({"name":"put","credentials":[{"accessKey":"pokey","secretKey":"posecret1234"}],)"
        << R"("actions":["Write:lake"]}]})";
    std::vector<std::string> words = {program,
                                      "mini",
                                      "-dir=" + folder_.path(),
                                      "-ip=127.0.0.1",
                                      "-ip.bind=127.0.0.1",
                                      "-s3.port.iceberg=0",
                                      "-s3.port.lance=0",
                                      "-webdav=false",
                                      "-admin.ui=false",
                                      "-s3.config=" + users,
                                      "-s3.domainName=localhost",
                                      "-s3.autoCreateBucket=false",
                                      fmt::format("-bucket={}", kBucket)};
    for (const char* part : {"s3", "master", "volume", "filer", "admin"}) {
      ports_.push_back(PickPort());
      words.push_back(fmt::format("-{}.port={}", part, ports_.back()));
    }
    port_ = ports_.front();
    process_ = std::make_unique<ChildProcess>(
        words,
        // Without TMPDIR it writes logs to /tmp.
        std::map<std::string, std::string>{{"HOME", folder_.path()}, {"TMPDIR", folder_.path()}},
        folder_.path() + "/log");
  }

  std::vector<int> ports_;
};

class VersityGw : public S3Server {
 public:
  static std::unique_ptr<S3Server> Start() {
    const std::string program = FindProgram("CDC_TEST_VERSITYGW", ".cache/versitygw/versitygw");
    for (int i = 0; i < 3 && !program.empty(); ++i) {
      std::unique_ptr<VersityGw> server(new VersityGw(program));
      if (server->WaitUntilReady(true)) {
        return server;
      }
    }
    return nullptr;
  }

 private:
  explicit VersityGw(const std::string& program) {
    const std::string data = folder_.path() + "/data";
    std::filesystem::create_directory(data);
    std::filesystem::create_directory(folder_.path() + "/iam");
    port_ = PickPort();
    process_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{program, "--port", fmt::format("127.0.0.1:{}", port_), "--iam-dir",
                                 folder_.path() + "/iam", "--virtual-domain",
                                 fmt::format("localhost:{}", port_), "--quiet", "posix", data},
        std::map<std::string, std::string>{{"ROOT_ACCESS_KEY", kAdmin.access_key_id},
                                           {"ROOT_SECRET_KEY", kAdmin.secret_access_key}},
        folder_.path() + "/log");
  }
};

// Started when first asked for, once a test program, because it takes most of a second. Null when
// the program is not installed or does not start.
template <typename Server>
S3Server* TheServer() {
  static const std::unique_ptr<S3Server> server = Server::Start();
  return server.get();
}

}  // namespace cdc::store::testing
