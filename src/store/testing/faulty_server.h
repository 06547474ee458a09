#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace cdc::store::testing {

struct SeenRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct FaultyReply {
  enum class How {
    kAnswer,
    kReset,             // after the request was read: the reply is lost
    kSilence,           // until the client gives up
    kAnswerBeforeBody,  // and then cut the connection, as servers do that refuse a precondition
    kShortBody,         // less than the Content-Length says
    kTrickle,           // a byte every 20 ms, and never all of them
  };
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
  How how = How::kAnswer;
};

inline FaultyReply ErrorReply(int status, const std::string& code) {
  return {status, {}, "<Error><Code>" + code + "</Code><Message>m</Message></Error>", {}};
}
inline FaultyReply Lost() { return {0, {}, "", FaultyReply::How::kReset}; }

// An HTTP server on the loopback interface that answers as a function says: one request a
// connection, one connection at a time.
class FaultyServer {
 public:
  using Answer = std::function<FaultyReply(const SeenRequest&)>;

  explicit FaultyServer(Answer answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 16);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FaultyServer() {
    stop_ = true;
    thread_.join();
    close(listener_);
  }
  FaultyServer(const FaultyServer&) = delete;
  FaultyServer& operator=(const FaultyServer&) = delete;

  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

  std::vector<SeenRequest> Seen(const std::string& method) const {
    const MutexLock lock(mutex_);
    std::vector<SeenRequest> found;
    std::copy_if(seen_.begin(), seen_.end(), std::back_inserter(found),
                 [&](const SeenRequest& request) { return request.method == method; });
    return found;
  }

 private:
  bool WaitReadable(int fd) const {
    for (int i = 0; i < 600 && !stop_; ++i) {  // at most half a minute
      pollfd event{fd, POLLIN, 0};
      if (poll(&event, 1, 50) > 0) {
        return true;
      }
    }
    return false;
  }

  bool ReadMore(int fd, std::string* bytes) const {
    char chunk[65'536];
    const ssize_t got = WaitReadable(fd) ? recv(fd, chunk, sizeof(chunk), 0) : 0;
    bytes->append(chunk, got > 0 ? static_cast<size_t>(got) : 0);
    return got > 0;
  }

  static SeenRequest ParseHead(const std::string& head) {
    SeenRequest request;
    const size_t blank = head.find(' ');
    request.method = head.substr(0, blank);
    request.target = head.substr(blank + 1, head.find(' ', blank + 1) - blank - 1);
    for (size_t begin = head.find("\r\n") + 2; begin < head.size();) {
      const size_t end = head.find("\r\n", begin);
      const size_t colon = head.find(':', begin);
      std::string name = head.substr(begin, colon - begin);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      request.headers[name] = head.substr(colon + 2, end - colon - 2);
      begin = end + 2;
    }
    return request;
  }

  static void Send(int fd, const std::string& bytes) {
    send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  static void SendReply(int fd, const FaultyReply& reply) {
    std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " X\r\nConnection: close\r\n";
    for (const auto& [name, value] : reply.headers) {
      text += name + ": " + value + "\r\n";
    }
    const size_t missing = reply.how == FaultyReply::How::kShortBody ? 1 : 0;
    if (!reply.headers.contains("Content-Length")) {
      text += "Content-Length: " + std::to_string(reply.body.size() + missing) + "\r\n";
    }
    Send(fd, text + "\r\n" + reply.body);
  }

  // An answer that is on its way for ever; until the client has had enough of it.
  void Trickle(int fd) const {
    const std::string endless = "HTTP/1.1 200 X\r\nETag: \"new\"\r\nX-Slow: ";
    for (size_t i = 0; i < 1'500 && !stop_; ++i) {  // at most half a minute
      const std::string next(1, i < endless.size() ? endless[i] : 'x');
      if (send(fd, next.data(), 1, MSG_NOSIGNAL) != 1) {
        return;
      }
      pollfd event{fd, POLLIN, 0};
      if (poll(&event, 1, 20) > 0) {  // closed
        return;
      }
    }
  }

  // Closes with a reset instead of an orderly end.
  static void Cut(int fd) {
    const linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

  void Handle(int fd) {
    std::string bytes;
    while (bytes.find("\r\n\r\n") == std::string::npos) {
      if (!ReadMore(fd, &bytes)) {
        return;
      }
    }
    const size_t head = bytes.find("\r\n\r\n") + 4;
    SeenRequest request = ParseHead(bytes.substr(0, head - 2));
    const FaultyReply reply = answer_(request);
    const bool early = reply.how == FaultyReply::How::kAnswerBeforeBody;
    const size_t length = request.headers.contains("content-length")
                              ? std::stoul(request.headers["content-length"])
                              : 0;
    if (!early && request.headers.contains("expect")) {
      Send(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    while (!early && bytes.size() < head + length && ReadMore(fd, &bytes)) {
    }
    request.body = bytes.substr(head);
    {
      const MutexLock lock(mutex_);
      seen_.push_back(request);
    }
    if (reply.how == FaultyReply::How::kSilence) {
      std::string rest;
      ReadMore(fd, &rest);  // returns when the client closes
    } else if (reply.how == FaultyReply::How::kTrickle) {
      Trickle(fd);
    } else if (reply.how != FaultyReply::How::kReset) {
      SendReply(fd, reply);
    }
    if (early || reply.how == FaultyReply::How::kReset) {
      Cut(fd);
    }
  }

  void Serve() {
    while (!stop_) {
      pollfd event{listener_, POLLIN, 0};
      if (poll(&event, 1, 50) <= 0) {
        continue;
      }
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      Handle(fd);
      close(fd);
    }
  }

  const Answer answer_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  mutable Mutex mutex_;
  std::vector<SeenRequest> seen_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace cdc::store::testing
