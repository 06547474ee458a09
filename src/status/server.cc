#include "status/server.h"

#include <httplib.h>
#include <pthread.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace cdc::status {

namespace {

constexpr size_t kThreads = 3;
constexpr size_t kWaitingMax = 16;     // further connections wait in the kernel, which refuses some
constexpr time_t kRequestSeconds = 1;  // for a request to begin: what it costs to stop meanwhile
constexpr time_t kTransferSeconds = 2;     // without a byte in either direction
constexpr size_t kBodyMaxBytes = 4 << 10;  // of a request; GET has none

// httplib's own queue grows without limit, and with it the number of open sockets.
class BoundedQueue : public httplib::TaskQueue {
 public:
  BoundedQueue() {
    for (size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Work(); });
  }

  void enqueue(std::function<void()> task) override {
    MutexLock lock(mutex_);
    room_.Wait(mutex_, [this]() REQUIRES(mutex_) { return tasks_.size() < kWaitingMax; });
    tasks_.push_back(std::move(task));
    work_.NotifyOne();
  }

  // What still waits is worked off; the server's socket is closed by now, which ends each at once.
  void shutdown() override {
    {
      const MutexLock lock(mutex_);
      over_ = true;
    }
    work_.NotifyAll();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Work() {
    MutexLock lock(mutex_);
    while (true) {
      work_.Wait(mutex_, [this]() REQUIRES(mutex_) { return over_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      room_.NotifyOne();
      lock.Unlock();
      task();
      lock.Lock();
    }
  }

  Mutex mutex_;
  CondVar work_;
  CondVar room_;
  std::deque<std::function<void()>> tasks_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
  bool over_ GUARDED_BY(mutex_) = false;
};

void Answer(const Pages& pages, const httplib::Request& request, httplib::Response* response) {
  response->set_header("Cache-Control", "no-store");
  response->set_header("X-Content-Type-Options", "nosniff");
  response->set_header("Referrer-Policy", "no-referrer");
  if (request.method != "GET" && request.method != "HEAD") {
    response->status = 405;
    response->set_header("Allow", "GET, HEAD");
    response->set_content("only GET and HEAD\n", "text/plain");
    return;
  }
  const Page page = pages(request.path);
  response->status = page.code;
  response->set_header("Content-Security-Policy",
                       page.policy.empty() ? "default-src 'none'" : page.policy);
  response->set_content(page.body, page.type);
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(Pages pages) : pages_(std::move(pages)) {
    http_.new_task_queue = [] { return new BoundedQueue; };  // httplib deletes it
    // Without SO_REUSEPORT, which httplib sets: a port that is in use must not be shared silently.
    http_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    http_.set_keep_alive_max_count(1);  // few threads: nobody keeps one
    http_.set_keep_alive_timeout(kRequestSeconds);
    http_.set_read_timeout(kTransferSeconds);
    http_.set_write_timeout(kTransferSeconds);
    http_.set_payload_max_length(kBodyMaxBytes);
    http_.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          Answer(pages_, request, &response);
          return httplib::Server::HandlerResponse::Handled;
        });
  }

  ~Impl() {
    if (!thread_.joinable()) return;
    // Until it runs, stop() does nothing; it is about to.
    while (!http_.is_running() && !ended_)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    http_.stop();
    thread_.join();
  }

  bool Bind(const std::string& host, int port) {
    errno = 0;
    if (port == 0) {
      port_ = http_.bind_to_any_port(host);
      return port_ > 0;
    }
    port_ = port;
    return http_.bind_to_port(host, port);
  }

  void Run() {
    // Signals are for the thread that waits for them.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] {
      http_.listen_after_bind();
      ended_ = true;
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  int port() const { return port_; }

 private:
  Pages pages_;
  httplib::Server http_;
  int port_ = 0;
  std::thread thread_;
  std::atomic<bool> ended_{false};
};

arrow::Result<std::unique_ptr<Server>> Server::Start(const std::string& listen, Pages pages) {
  const size_t colon = listen.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    std::from_chars(listen.data() + colon + 1, listen.data() + listen.size(), port);
  }
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  auto impl = std::make_unique<Impl>(std::move(pages));
  if (port < 0 || !impl->Bind(host, port)) {
    const int error = errno;
    return arrow::Status::Invalid(
        "cannot listen on ", listen, error != 0 ? std::string(": ") + std::strerror(error) : "",
        ". Give [run] listen (CDC_RUN_LISTEN) an address of this machine and a port that nobody "
        "else uses, or port 0 for any; leave it out to serve nothing");
  }
  impl->Run();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
int Server::port() const { return impl_->port(); }

}  // namespace cdc::status
