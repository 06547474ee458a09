#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/store.h"

namespace cdc::store {

// A store in memory whose every call passes a hook, so that a test can lose replies, refuse calls,
// kill the caller (by throwing) or let somebody else run in between.
class MemoryStore : public Store {
 public:
  enum class Fault {
    kNone,
    kNotApplied,  // a transient error; nothing happened
    kReplyLost,   // a transient error; it did happen
  };
  using Hook = std::function<Fault(const std::string& call, const std::string& key)>;

  struct Object {
    std::string bytes;
    std::string version;
    Metadata metadata;
    UtcTime put_at;
  };

  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  Hook hook;                    // before every call
  bool drops_metadata = false;  // as some gateways do
  KeyLimits limits{1'024, 1'024};
  std::map<std::string, Object> objects;  // for tests to look at and to change

  arrow::Result<PutResult> Put(const std::string& key, const Spool& body,
                               const PutOptions& options) override {
    const Fault fault = Pass("put", key);
    if (fault == Fault::kNotApplied) return Away();
    if (options.signed_at && clock_.UtcNow() - *options.signed_at > std::chrono::minutes(15)) {
      return MakeError(ErrorKind::kDenied, "RequestTimeTooSkewed");
    }
    if (options.mode == PutMode::kIfAbsent && objects.contains(key)) {
      return fault == Fault::kReplyLost ? arrow::Result<PutResult>(Away())
                                        : PutResult::kAlreadyThere;
    }
    ARROW_ASSIGN_OR_RAISE(std::string bytes, ReadAll(body));
    objects[key] = {std::move(bytes), NextVersion(), drops_metadata ? Metadata() : options.metadata,
                    clock_.UtcNow()};
    if (fault == Fault::kReplyLost) return Away();
    return PutResult::kCreated;
  }

  arrow::Result<std::string> Swap(const std::string& key, const std::string& bytes,
                                  const std::optional<std::string>& expected) override {
    const Fault fault = Pass("swap", key);
    if (fault == Fault::kNotApplied) return Away();
    const auto found = objects.find(key);
    const bool holds = expected ? found != objects.end() && found->second.version == *expected
                                : found == objects.end();
    if (!holds) {
      return fault == Fault::kReplyLost ? Away()
                                        : MakeError(ErrorKind::kConflict, "condition failed");
    }
    objects[key] = {bytes, NextVersion(), {}, clock_.UtcNow()};
    if (fault == Fault::kReplyLost) return Away();
    return objects[key].version;
  }

  arrow::Result<Content> Get(const std::string& key) override {
    if (Pass("get", key) != Fault::kNone) return Away();
    const auto found = objects.find(key);
    if (found == objects.end()) return MakeError(ErrorKind::kNotFound, key);
    return Content{found->second.bytes, found->second.version};
  }

  arrow::Result<Tail> GetTail(const std::string& key, int64_t bytes_max) override {
    if (Pass("tail", key) != Fault::kNone) return Away();
    const auto found = objects.find(key);
    if (found == objects.end()) return MakeError(ErrorKind::kNotFound, key);
    const std::string& bytes = found->second.bytes;
    const size_t count = std::min(bytes.size(), static_cast<size_t>(bytes_max));
    return Tail{bytes.substr(bytes.size() - count), static_cast<int64_t>(bytes.size())};
  }

  arrow::Result<std::optional<ObjectInfo>> Head(const std::string& key) override {
    if (Pass("head", key) != Fault::kNone) return Away();
    const auto found = objects.find(key);
    if (found == objects.end()) return std::nullopt;
    return Info(key, found->second);
  }

  arrow::Result<std::vector<ObjectInfo>> List(const std::string& prefix, const std::string& after,
                                              int64_t limit) override {
    if (Pass("list", prefix) != Fault::kNone) return Away();
    std::vector<ObjectInfo> found;
    for (const auto& [key, object] : objects) {
      if (!key.starts_with(prefix) || key <= after) continue;
      if (static_cast<int64_t>(found.size()) == limit) break;
      found.push_back(Info(key, object));
    }
    return found;
  }

  arrow::Status Delete(const std::string& key) override {
    objects.erase(key);
    return arrow::Status::OK();
  }

  KeyLimits key_limits() const override { return limits; }

  std::string url() const override { return "memory://store"; }

 private:
  Fault Pass(const char* call, const std::string& key) {
    return hook ? hook(call, key) : Fault::kNone;
  }
  static arrow::Status Away() { return MakeError(ErrorKind::kTransient, "the store is away"); }
  std::string NextVersion() { return "v" + std::to_string(++versions_); }
  static ObjectInfo Info(const std::string& key, const Object& object) {
    return {key, static_cast<int64_t>(object.bytes.size()), object.version, object.metadata};
  }
  static arrow::Result<std::string> ReadAll(const Spool& body) {
    std::string bytes(static_cast<size_t>(body.size_bytes()), '\0');
    ARROW_RETURN_NOT_OK(body.ReadAt(0, bytes.data(), body.size_bytes()).status());
    return bytes;
  }

  const Clock& clock_;
  int64_t versions_ = 0;
};

}  // namespace cdc::store
