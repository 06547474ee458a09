#include "status/http_request.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cdc::status {
namespace {

Request Parsed(const std::string& head) {
  const auto parsed = ParseRequest(head);
  const auto* refusal = std::get_if<Refusal>(&parsed);
  EXPECT_EQ(refusal, nullptr) << head << (refusal != nullptr ? refusal->why : "");
  return refusal == nullptr ? std::get<Request>(parsed) : Request{};
}

int Refused(const std::string& head) {
  const auto parsed = ParseRequest(head);
  const auto* refusal = std::get_if<Refusal>(&parsed);
  return refusal == nullptr ? 0 : refusal->code;
}

TEST(HttpRequest, a_head_ends_with_an_empty_line) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (size_t bytes = 0; bytes < head.size(); ++bytes) {
    EXPECT_FALSE(HeadBytes(head.substr(0, bytes), bytes == 0 ? 0 : bytes - 1)) << bytes;
  }
  EXPECT_EQ(HeadBytes(head, head.size() - 1), head.size());
  EXPECT_EQ(HeadBytes(head + "a body"), head.size());
}

TEST(HttpRequest, says_method_path_and_host) {
  const Request request = Parsed(
      "GET /status.json?a=b HTTP/1.1\r\nhOST:  DB1.Example.:9464 \r\n"
      "Authorization: Bearer abc\r\n\r\n");
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/status.json");
  EXPECT_EQ(request.host, "db1.example");
  EXPECT_EQ(request.authorization, "Bearer abc");
  EXPECT_EQ(Parsed("HEAD / HTTP/1.0\r\n\r\n").host, "");
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").host, "[::1]");
}

TEST(HttpRequest, the_host_of_a_proxys_target_counts_before_the_header) {
  const Request request =
      Parsed("GET http://evil.example:80/metrics?x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(request.host, "evil.example");
  EXPECT_EQ(request.path, "/metrics");
  EXPECT_EQ(Parsed("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n").path, "/");
}

TEST(HttpRequest, what_can_be_read_in_two_ways_is_refused) {
  const std::string host = "Host: a\r\n\r\n";
  for (const std::string head :
       {"\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"}) {
    EXPECT_EQ(Refused(head), 400) << head;
  }
  EXPECT_EQ(Refused("GET /a b HTTP/1.1\r\n" + host), 400);
  EXPECT_EQ(Refused("GET a HTTP/1.1\r\n" + host), 400);
  EXPECT_EQ(Refused(std::string("GET /\0 HTTP/1.1\r\n", 17) + host), 400);
  EXPECT_EQ(Refused("G(T / HTTP/1.1\r\n" + host), 400);
  EXPECT_EQ(Refused("GET / HTTP/2.0\r\n" + host), 505);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) many += "a: b\r\n";
  EXPECT_EQ(Refused(many + host), 431);
}

TEST(HttpRequest, a_name_that_anybody_can_register_is_not_trusted) {
  const std::vector<std::string> ours = {"Metrics.example.org"};
  for (const char* good :
       {"127.0.0.1", "10.1.2.3", "[::1]", "localhost", "cdc-to-s3", "a.localhost", "db1.local",
        "cdc.shop.svc", "cdc.internal", "metrics.example.org"}) {
    EXPECT_TRUE(IsTrustedHost(good, ours)) << good;
  }
  for (const char* bad : {"evil.example", "127.0.0.1.evil.example", "metrics.example.org.evil.com",
                          "localhost.evil.com", "127.1", "example.org", "1.2.3.4.5"}) {
    EXPECT_FALSE(IsTrustedHost(bad, ours)) << bad;
  }
}

TEST(HttpRequest, a_token_counts_whole_and_as_bearer) {
  const auto carries = [](const std::string& authorization) {
    Request request;
    request.authorization = authorization;
    return CarriesToken(request, "0123456789abcdef");
  };
  EXPECT_TRUE(carries("Bearer 0123456789abcdef"));
  EXPECT_TRUE(carries("bearer  0123456789abcdef"));
  for (const char* bad : {"", "Bearer", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef",
                          "Bearer 0123456789abcdeF", "Bearer 0123456789abcde",
                          "Bearer 0123456789abcdef0", "Bearer 0123456789abcdef0123456789abcdef"}) {
    EXPECT_FALSE(carries(bad)) << bad;
  }
}

}  // namespace
}  // namespace cdc::status
