#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/s3_store.h"
#include "store/testing/faulty_server.h"

// An S3 store on a FaultyServer, with retries that are over quickly.

namespace cdc::store::testing {

inline const FaultyReply kStored{200, {{"ETag", "\"new\""}}, "", FaultyReply::How::kAnswer};

inline FaultyReply HeadOf(const std::string& version) {
  return {200,
          {{"ETag", "\"" + version + "\""}, {"Content-Length", "3"}},
          "",
          FaultyReply::How::kAnswer};
}

inline S3Options OptionsFor(const std::string& endpoint) {
  S3Options options;
  options.bucket = "lake";
  options.endpoint = endpoint;
  options.path_style = true;
  options.credentials = {"key", "secret", ""};
  options.retry.tries_max = 4;
  options.retry.budget = std::chrono::milliseconds(5'000);
  options.retry.first_pause = std::chrono::milliseconds(4);
  options.http.stall_timeout = std::chrono::seconds(1);
  return options;
}

inline std::unique_ptr<Store> OpenOn(const FaultyServer& server) {
  return OpenS3Store(OptionsFor(server.endpoint())).ValueOrDie();
}

inline arrow::Result<PutResult> Put(Store& store, const PutOptions& options = {}) {
  return store.Put("k", *Spool::FromBytes("abc"), options);
}

// Answers PUTs with these replies in turn, the last for ever; HEADs with `head`.
inline FaultyServer::Answer InTurn(std::vector<FaultyReply> puts,
                                   FaultyReply head = {404, {}, "", {}}) {
  auto next = std::make_shared<size_t>(0);
  return [puts = std::move(puts), head = std::move(head), next](const SeenRequest& request) {
    if (request.method != "PUT") {
      return request.method == "HEAD" ? head : ErrorReply(404, "NoSuchKey");
    }
    return puts[std::min((*next)++, puts.size() - 1)];
  };
}

}  // namespace cdc::store::testing
