#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/project_root.h"
#include "odbc/connection.h"

// Servers for the tests of this room and of those above it: a Python process that prints one line
// of JSON when it is ready, and its control channel (standin/control.py). Header only: no part of
// the product.

namespace cdc::odbc::testing {

// Writes a line, reads a line; requests and answers are JSON objects.
class ControlChannel {
 public:
  explicit ControlChannel(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("no control channel");
    }
  }
  ~ControlChannel() { ::close(socket_); }
  ControlChannel(const ControlChannel&) = delete;
  ControlChannel& operator=(const ControlChannel&) = delete;

  nlohmann::json Ask(nlohmann::json request) {
    const std::string line = request.dump() + "\n";
    if (::send(socket_, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
      throw std::runtime_error("the control channel broke");
    }
    std::string answer;
    for (char c = 0; ::recv(socket_, &c, 1, 0) == 1 && c != '\n';) answer += c;
    nlohmann::json parsed = nlohmann::json::parse(answer);
    if (!parsed["ok"].get<bool>()) throw std::runtime_error(parsed["error"].get<std::string>());
    return parsed;
  }
  void Arm(nlohmann::json fault) {
    fault["op"] = "fault";
    Ask(std::move(fault));
  }
  // How often all the faults have fired together.
  int Fired() {
    int fired = 0;
    const nlohmann::json answer = Ask({{"op", "faults"}});
    for (const auto& fault : answer["faults"]) fired += fault["fired"].get<int>();
    return fired;
  }
  // Waits, for at most two seconds, for a fault that may come when the client is already done.
  int WaitUntilFired() {
    int fired = Fired();
    for (int tries = 0; fired == 0 && tries < 200; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      fired = Fired();
    }
    return fired;
  }
  void Clear() { Ask({{"op", "clear"}}); }

 private:
  int socket_;
};

// `python words…` in the project's root; ended by its id.
class ServerProcess {
 public:
  explicit ServerProcess(std::vector<std::string> words) {
    const std::string root = cdc::testing::ProjectRoot();
    words.insert(words.begin(), root + "/.venv/bin/python");
    int to_child[2];
    int from_child[2];
    if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0) {
      throw std::runtime_error("no pipes");
    }
    Spawn(words, root, to_child[0], from_child[1]);
    ::close(to_child[0]);
    ::close(from_child[1]);
    stdin_ = to_child[1];
    std::string line;
    for (char c = 0; ::read(from_child[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(from_child[0]);
    if (line.empty()) throw std::runtime_error("the server ended before it was ready: " + words[1]);
    ready_ = nlohmann::json::parse(line);
  }
  ~ServerProcess() {
    ::kill(pid_, SIGTERM);
    ::close(stdin_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  int port() const { return ready_["port"]; }
  int control_port() const { return ready_["control_port"]; }

 private:
  void Spawn(const std::vector<std::string>& words, const std::string& root, int in, int out) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable)
      variables.emplace_back(*variable);
    variables.push_back("PYTHONPATH=" + root);
    std::vector<char*> environment;
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    const int error =
        ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("cannot start " + words[0] + ": run tools/install.sh");
  }

  pid_t pid_ = 0;
  int stdin_ = -1;
  nlohmann::json ready_;
};

// testing/scripted_server.py: a statement is the JSON of what to answer.
class ScriptedServer {
 public:
  ScriptedServer()
      : process_({(cdc::testing::ProjectRoot() / "src/odbc/testing/scripted_server.py").string()}) {
  }

  ControlChannel Control() const { return ControlChannel(process_.control_port()); }
  ConnectOptions Options(const std::string& driver) const {
    ConnectOptions options;
    options.driver = driver;
    options.host = "127.0.0.1:" + std::to_string(process_.port());
    options.database = "Shop";
    options.user = "reader";
    options.password = "p}w; =d";
    options.encrypt = Encrypt::kNo;  // the server has no TLS
    return options;
  }

 private:
  ServerProcess process_;
};

struct Driver {
  std::string name;    // for messages
  std::string driver;  // ConnectOptions::driver

  friend std::ostream& operator<<(std::ostream& out, const Driver& driver) {
    return out << driver.name;
  }
};

// FreeTDS, and Microsoft's driver if the wheel that brings it is installed.
inline std::vector<Driver> Drivers() {
  std::vector<Driver> drivers = {{"FreeTDS", "FreeTDS"}};
  const std::filesystem::path libraries = cdc::testing::ProjectRoot() / ".venv/lib";
  std::error_code ignored;
  for (const auto& python : std::filesystem::directory_iterator(libraries, ignored)) {
#if defined(__x86_64__)
    const auto folder =
        python.path() / "site-packages/mssql_python_odbc/libs/linux/debian_ubuntu/x86_64/lib";
#else
    const auto folder =
        python.path() / "site-packages/mssql_python_odbc/libs/linux/debian_ubuntu/arm64/lib";
#endif
    for (const auto& file : std::filesystem::directory_iterator(folder, ignored)) {
      if (file.path().filename().string().starts_with("libmsodbcsql-")) {
        drivers.push_back({"Microsoft", file.path()});
      }
    }
  }
  return drivers;
}

}  // namespace cdc::odbc::testing
