#include "status/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

namespace cdc::status {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Time = std::chrono::steady_clock;

constexpr char kToken[] = "0123456789abcdef0123456789abcdef";

Page Echo(const std::string& path) { return {200, "text/plain", "you asked for " + path, ""}; }

std::unique_ptr<Server> Started(Pages pages = Echo, Visitors visitors = {}) {
  auto started = Server::Start("127.0.0.1:0", std::move(pages), std::move(visitors));
  EXPECT_TRUE(started.ok()) << started.status();
  return std::move(started).ValueOrDie();
}

class Client {
 public:
  explicit Client(const Server& server) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server.port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Client() {
    if (fd_ >= 0) close(fd_);
  }

  // False when the server has hung up.
  bool Send(std::string_view text) const {
    return send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }

  // Everything until the server hangs up, or for so long.
  std::string Receive(milliseconds patience = seconds(10)) const {
    std::string all;
    char bytes[65'536];
    const auto until = Time::now() + patience;
    while (Time::now() < until) {
      pollfd look{fd_, POLLIN, 0};
      poll(&look, 1, patience < milliseconds(50) ? 1 : 50);
      const ssize_t got = look.revents == 0 ? -1 : recv(fd_, bytes, sizeof(bytes), MSG_DONTWAIT);
      if (got > 0) all.append(bytes, static_cast<size_t>(got));
      if (got == 0 || (look.revents != 0 && got < 0 && errno != EAGAIN)) break;
    }
    return all;
  }

 private:
  int fd_;
};

std::string Ask(const Server& server, const std::string& first_line,
                const std::string& headers = "Host: localhost\r\n") {
  const Client client(server);
  client.Send(first_line + " HTTP/1.1\r\n" + headers + "\r\n");
  return client.Receive();
}

TEST(Server, gives_pages_and_takes_nothing_but_get_and_head) {
  const auto server = Started();
  ASSERT_GT(server->port(), 0);
  EXPECT_FALSE(server->open_to_others());
  const std::string got = Ask(*server, "GET /a/b?c=d");
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(got.ends_with("\r\n\r\nyou asked for /a/b")) << got;
  EXPECT_THAT(got, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(got, HasSubstr("Content-Length: 18\r\n"));
  EXPECT_THAT(got, HasSubstr("Content-Security-Policy: default-src 'none'\r\n"));
  const std::string head = Ask(*server, "HEAD /a/b");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 18\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    const std::string refused =
        Ask(*server, std::string(method) + " /a", "Host: localhost\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(refused, HasSubstr("Allow: GET, HEAD\r\n"));
  }
}

TEST(Server, a_page_that_cannot_be_made_is_an_answer) {
  const auto server = Started([](const std::string&) -> Page { throw std::bad_alloc(); });
  EXPECT_THAT(Ask(*server, "GET /"), StartsWith("HTTP/1.1 500 "));
}

TEST(Server, a_port_that_is_in_use_is_an_error_that_says_so) {
  const auto server = Started();
  const std::string address = "127.0.0.1:" + std::to_string(server->port());
  const auto second = Server::Start(address, Echo);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr("cannot listen on " + address));
  EXPECT_THAT(second.status().message(), HasSubstr("Address already in use"));
  EXPECT_FALSE(Server::Start("203.0.113.7:0", Echo).ok()) << "no address of this machine";
}

TEST(Server, says_whether_others_reach_it) {
  EXPECT_TRUE(Server::Start("0.0.0.0:0", Echo).ValueOrDie()->open_to_others());
  EXPECT_FALSE(Server::Start("localhost:0", Echo).ValueOrDie()->open_to_others());
}

TEST(Server, headers_without_end_are_refused_before_they_cost_anything) {
  const auto server = Started();
  const Client client(*server);
  client.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n");
  const std::string line = "X-More: " + std::string(4'000, 'x') + "\r\n";
  constexpr size_t kMost = 64 << 20;
  size_t sent = 0;
  const auto until = Time::now() + seconds(8);
  while (sent < kMost && Time::now() < until && client.Send(line)) {
    sent += line.size();
    const std::string answer = client.Receive(milliseconds(1));
    if (answer.empty()) continue;
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 431 "));
    break;
  }
  EXPECT_LT(sent, 1 << 20) << "bytes until the server had enough";
}

TEST(Server, a_request_that_trickles_is_dropped_at_its_deadline) {
  Visitors visitors;
  visitors.limits.request = milliseconds(300);
  const auto server = Started(Echo, visitors);
  const Client client(*server);
  const auto began = Time::now();
  while (client.Send("G") && Time::now() - began < seconds(5)) {
    if (client.Receive(milliseconds(30)).empty() && Time::now() - began > seconds(2)) break;
  }
  EXPECT_LT(Time::now() - began, seconds(2));
}

TEST(Server, many_who_hold_on_keep_nobody_waiting) {
  const auto server = Started();
  std::vector<Client> holding;
  for (int i = 0; i < 300; ++i) {
    holding.emplace_back(*server);
    holding.back().Send("GET /metrics HTTP/1.1\r\n");
  }
  for (int i = 0; i < 5; ++i) {
    const auto began = Time::now();
    EXPECT_THAT(Ask(*server, "GET /healthz"), StartsWith("HTTP/1.1 200 "));
    EXPECT_LT(Time::now() - began, seconds(1));
  }
}

TEST(Server, who_takes_no_answer_costs_a_bounded_part_of_memory_and_keeps_nobody_waiting) {
  constexpr size_t kPage = 4 << 20;
  Visitors visitors;
  visitors.limits.answer_bytes = 3 * kPage;
  visitors.limits.answer = std::chrono::minutes(5);  // a slow machine takes its time
  const auto server = Started(
      [](const std::string& path) -> Page {
        return {.body = std::string(path == "/large" ? kPage : 1, 'x')};
      },
      visitors);
  std::vector<Client> slow;
  for (int i = 0; i < 8; ++i) {
    slow.emplace_back(*server);
    slow.back().Send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  EXPECT_THAT(Ask(*server, "GET /healthz"), StartsWith("HTTP/1.1 200 "));
  size_t whole = 0;
  for (const Client& client : slow) whole += client.Receive(seconds(60)).size() >= kPage ? 1 : 0;
  EXPECT_GE(whole, 2u);
  EXPECT_LE(whole, 4u) << "answers that were kept";
}

TEST(Server, ends_at_once_although_clients_hold_on_or_trickle) {
  auto server = Started();
  std::vector<Client> holding;
  for (int i = 0; i < 40; ++i) holding.emplace_back(*server);
  std::atomic<bool> over{false};
  const Client slow(*server);
  std::thread trickle([&] {
    while (!over && slow.Send("x")) std::this_thread::sleep_for(milliseconds(20));
  });
  std::this_thread::sleep_for(milliseconds(100));
  const auto began = Time::now();
  server.reset();
  EXPECT_LT(Time::now() - began, seconds(1));
  over = true;
  trickle.join();
}

TEST(Server, answers_many_clients_at_once) {
  const auto server = Started();
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int j = 0; j < 25; ++j) answered += Ask(*server, "GET /x").starts_with("HTTP/1.1 200 ");
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 200);
}

TEST(Server, does_not_answer_to_a_name_that_somebody_else_points_here) {
  Visitors visitors;
  visitors.names = {"metrics.example.org"};
  const auto server = Started(Echo, visitors);
  for (const char* path : {"/", "/status.json", "/metrics", "/healthz"}) {
    const std::string refused =
        Ask(*server, std::string("GET ") + path, "Host: evil.example:9464\r\n");
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 421 ")) << path;
    EXPECT_THAT(refused, Not(HasSubstr("you asked for")));
    EXPECT_THAT(refused, HasSubstr("listen_names"));
  }
  for (const char* host : {"127.0.0.1", "localhost:9464", "metrics.example.org", "cdc-to-s3"}) {
    EXPECT_THAT(Ask(*server, "GET /", std::string("Host: ") + host + "\r\n"),
                StartsWith("HTTP/1.1 200 "))
        << host;
  }
}

TEST(Server, a_token_is_asked_for_everything_but_whether_it_is_well) {
  Visitors visitors;
  visitors.token = kToken;
  const auto server = Started(Echo, visitors);
  const std::string with_token =
      std::string("Host: any.example\r\nAuthorization: Bearer ") + kToken + "\r\n";
  for (const char* path : {"/", "/status.json", "/metrics", "/nowhere"}) {
    const std::string refused = Ask(*server, std::string("GET ") + path);
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 401 ")) << path;
    EXPECT_THAT(refused, HasSubstr("WWW-Authenticate: Bearer\r\n"));
    EXPECT_THAT(refused, Not(HasSubstr("you asked for")));
    EXPECT_THAT(Ask(*server, std::string("GET ") + path, with_token),
                HasSubstr(std::string("you asked for ") + path));
  }
  const std::string health = Ask(*server, "GET /healthz");
  EXPECT_THAT(health, StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(health.ends_with("\r\n\r\n{\"status\":\"ok\"}\n")) << health;
  EXPECT_THAT(Ask(*server, "GET /healthz", with_token), HasSubstr("you asked for /healthz"));
}

}  // namespace
}  // namespace cdc::status
