#include "status/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "status/http_request.h"

namespace cdc::status {

namespace {

using arrow::Status;
using SteadyTime = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

constexpr int kBacklog = 64;
constexpr int kAcceptsAtOnce = 16;         // then those that are there have their turn
constexpr milliseconds kAcceptPause{200};  // after the system gave no socket
constexpr milliseconds kPollMost{60'000};

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// One request and its answer.
struct Connection {
  enum class Stage { kRequest, kAnswer, kLeaving, kOver };

  Descriptor socket;
  SteadyTime deadline;
  Stage stage = Stage::kRequest;
  std::string request = "";
  std::string answer = "";
  size_t sent = 0;

  short events() const { return static_cast<short>(stage == Stage::kAnswer ? POLLOUT : POLLIN); }
};

bool LaterPerhaps() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

bool IsLoopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

arrow::Result<Descriptor> ListenAt(const addrinfo& at) {
  Descriptor socket(::socket(at.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int yes = 1;
  // Not SO_REUSEPORT: a port that is in use must not be shared silently.
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (socket.get() < 0 || bind(socket.get(), at.ai_addr, at.ai_addrlen) != 0 ||
      listen(socket.get(), kBacklog) != 0) {
    return Status::IOError(std::strerror(errno));
  }
  return socket;
}

arrow::Result<Descriptor> ListenOn(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0) return Status::IOError(gai_strerror(failed));
  arrow::Result<Descriptor> socket = Status::IOError("no address");
  for (const addrinfo* at = found; at != nullptr && !socket.ok(); at = at->ai_next) {
    socket = ListenAt(*at);
  }
  freeaddrinfo(found);
  return socket;
}

}  // namespace

class Listener::Loop {
 public:
  Loop(Descriptor listening, const ListenLimits& limits, Answer answer)
      : limits_(limits),
        answer_(std::move(answer)),
        listening_(std::move(listening)),
        stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    socklen_t length = sizeof(address_);
    getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address_), &length);
  }

  ~Loop() {
    if (!thread_.joinable()) return;
    const uint64_t one = 1;
    (void)!write(stop_.get(), &one, sizeof(one));
    thread_.join();
  }

  Status Run() {
    if (stop_.get() < 0) return Status::IOError(std::strerror(errno));
    // Signals are for the thread that waits for them.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { Serve(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return Status::OK();
  }

  int port() const {
    return ntohs(address_.ss_family == AF_INET
                     ? reinterpret_cast<const sockaddr_in&>(address_).sin_port
                     : reinterpret_cast<const sockaddr_in6&>(address_).sin6_port);
  }
  bool loopback() const { return IsLoopback(address_); }

 private:
  void Serve() {
    for (;;) {
      std::vector<pollfd> looks = {{stop_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
      now_ = std::chrono::steady_clock::now();
      if (now_ < accept_at_) looks[1].fd = -1;
      for (const Connection& one : open_) looks.push_back({one.socket.get(), one.events(), 0});
      poll(looks.data(), looks.size(), static_cast<int>(UntilSomethingEnds().count()));
      if (looks[0].revents != 0) return;
      now_ = std::chrono::steady_clock::now();
      for (size_t i = 0; i < open_.size(); ++i) {
        if (looks[i + 2].revents != 0) Advance(&open_[i]);
      }
      std::erase_if(open_, [this](const Connection& one) {
        return one.stage == Connection::Stage::kOver || one.deadline <= now_;
      });
      KeepAnswersBounded();
      if (looks[1].revents != 0) AcceptSome();
    }
  }

  milliseconds UntilSomethingEnds() const {
    SteadyTime next = now_ + kPollMost;
    if (accept_at_ > now_) next = std::min(next, accept_at_);
    for (const Connection& one : open_) next = std::min(next, one.deadline);
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(next - now_));
  }

  void AcceptSome() {
    for (int i = 0; i < kAcceptsAtOnce; ++i) {
      Descriptor socket(accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.get() < 0) {
        // No socket to be had (EMFILE): the connection waits on, and poll would not wait at all.
        if (!LaterPerhaps() && errno != ECONNABORTED) accept_at_ = now_ + kAcceptPause;
        return;
      }
      if (open_.size() >= limits_.connections) open_.erase(open_.begin());
      open_.push_back({.socket = std::move(socket), .deadline = now_ + limits_.request});
    }
  }

  void Advance(Connection* one) {
    switch (one->stage) {
      case Connection::Stage::kRequest:
        return Receive(one);
      case Connection::Stage::kAnswer:
        return Send(one);
      case Connection::Stage::kLeaving:
        return Discard(one);
      case Connection::Stage::kOver:
        return;
    }
  }

  void Receive(Connection* one) {
    char bytes[4096];
    const ssize_t got = recv(one->socket.get(), bytes, sizeof(bytes), 0);
    if (got < 0 && LaterPerhaps()) return;
    if (got <= 0) return End(one);
    const size_t before = one->request.size();
    one->request.append(bytes, static_cast<size_t>(got));
    const auto head = HeadBytes(one->request, before);
    const bool too_long = head.value_or(one->request.size()) > limits_.head_bytes;
    if (!head && !too_long) return;
    one->answer =
        answer_(too_long ? std::string_view() : std::string_view(one->request).substr(0, *head));
    one->request = {};
    one->stage = Connection::Stage::kAnswer;
    one->deadline = now_ + limits_.answer;
    Send(one);
  }

  void Send(Connection* one) {
    const ssize_t sent = send(one->socket.get(), one->answer.data() + one->sent,
                              one->answer.size() - one->sent, MSG_NOSIGNAL);
    if (sent < 0 && LaterPerhaps()) return;
    if (sent < 0) return End(one);
    one->sent += static_cast<size_t>(sent);
    if (one->sent < one->answer.size()) return;
    // Closing while bytes of the client are unread would take the answer back (RFC 9112, 9.6).
    shutdown(one->socket.get(), SHUT_WR);
    one->answer = {};
    one->sent = 0;
    one->stage = Connection::Stage::kLeaving;
    one->deadline = now_ + limits_.leaving;
  }

  void Discard(Connection* one) {
    char bytes[4096];
    const ssize_t got = recv(one->socket.get(), bytes, sizeof(bytes), 0);
    if (got == 0 || (got < 0 && !LaterPerhaps())) End(one);
  }

  static void End(Connection* one) { one->stage = Connection::Stage::kOver; }

  void KeepAnswersBounded() {
    size_t bytes = 0;
    for (const Connection& one : open_) bytes += one.answer.size();
    std::erase_if(open_, [&](const Connection& one) {
      if (bytes <= limits_.answer_bytes || bytes == one.answer.size()) return false;
      bytes -= one.answer.size();
      return !one.answer.empty();
    });
  }

  const ListenLimits limits_;
  const Answer answer_;
  Descriptor listening_;
  Descriptor stop_;
  sockaddr_storage address_{};
  std::thread thread_;
  // The thread's own.
  SteadyTime now_;
  SteadyTime accept_at_;
  std::vector<Connection> open_;  // the oldest first
};

arrow::Result<std::unique_ptr<Listener>> Listener::Start(const std::string& host, int port,
                                                         const ListenLimits& limits,
                                                         Answer answer) {
  ARROW_ASSIGN_OR_RAISE(Descriptor socket, ListenOn(host, port));
  auto loop = std::make_unique<Loop>(std::move(socket), limits, std::move(answer));
  ARROW_RETURN_NOT_OK(loop->Run());
  return std::unique_ptr<Listener>(new Listener(std::move(loop)));
}

Listener::Listener(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
Listener::~Listener() = default;
int Listener::port() const { return loop_->port(); }
bool Listener::loopback() const { return loop_->loopback(); }

}  // namespace cdc::status
