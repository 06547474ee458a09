#include "status/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace cdc::status {
namespace {

using ::testing::HasSubstr;

Page Echo(const std::string& path) { return {200, "text/plain", "you asked for " + path, ""}; }

std::unique_ptr<Server> Started(Pages pages = Echo) {
  auto started = Server::Start("127.0.0.1:0", std::move(pages));
  EXPECT_TRUE(started.ok()) << started.status();
  return std::move(started).ValueOrDie();
}

TEST(Server, gives_pages_and_takes_nothing_but_get_and_head) {
  const auto server = Started();
  ASSERT_GT(server->port(), 0);
  httplib::Client client("127.0.0.1", server->port());
  const auto got = client.Get("/a/b?c=d");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->body, "you asked for /a/b");
  EXPECT_EQ(got->get_header_value("Cache-Control"), "no-store");
  EXPECT_EQ(got->get_header_value("Content-Security-Policy"), "default-src 'none'");
  const auto head = client.Head("/a");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, "");
  for (const auto& refused : {client.Post("/a", "x", "text/plain"), client.Delete("/a"),
                              client.Put("/a", "x", "text/plain"), client.Options("/a")}) {
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 405);
    EXPECT_EQ(refused->get_header_value("Allow"), "GET, HEAD");
  }
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

TEST(Server, ends_soon_although_clients_hold_connections_open) {
  auto server = Started();
  std::vector<int> held;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(server->port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 40; ++i) {
    held.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    connect(held.back(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const auto began = std::chrono::steady_clock::now();
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(6));
  for (const int one : held) close(one);
}

TEST(Server, answers_many_clients_at_once) {
  const auto server = Started();
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int j = 0; j < 25; ++j) {
        httplib::Client client("127.0.0.1", server->port());
        const auto got = client.Get("/x");
        answered += got && got->status == 200;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 200);
}

}  // namespace
}  // namespace cdc::status
