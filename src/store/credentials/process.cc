#include "store/credentials/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "base/own_variables.h"
#include "base/units.h"
#include "store/credentials/json.h"
#include "store/files.h"
#include "store/store.h"

namespace cdc::store {
namespace {

using std::chrono::steady_clock;

constexpr size_t kOutputBytesMax = 1 << 20;
constexpr size_t kSaidBytesMax = 300;

arrow::Status Failed(const std::string& why) { return MakeError(ErrorKind::kNoCredentials, why); }

struct Pipe {
  File read;
  File write;
};

arrow::Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Failed(fmt::format("no pipe: {}", std::strerror(errno)));
  }
  return Pipe{File(ends[0]), File(ends[1])};
}

std::vector<std::string> MergedEnvironment(const Environment& variables) {
  std::vector<std::string> merged;
  for (const std::string& text : InheritedEnvironment()) {
    if (!variables.contains(text.substr(0, text.find('=')))) {
      merged.push_back(text);
    }
  }
  for (const auto& [name, value] : variables) {
    merged.push_back(fmt::format("{}={}", name, value));
  }
  return merged;
}

std::vector<char*> Pointers(std::vector<std::string>* texts) {
  std::vector<char*> pointers;
  for (std::string& text : *texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

// A process group of its own, ended with its owner.
class ShellProcess {
 public:
  ShellProcess() = default;
  ~ShellProcess() {
    if (pid_ > 0) {
      kill(-pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  ShellProcess(const ShellProcess&) = delete;
  ShellProcess& operator=(const ShellProcess&) = delete;

  arrow::Status Start(const std::string& command, const Environment& variables, int out, int err) {
    std::vector<std::string> words = {"/bin/sh", "-c", command};
    std::vector<std::string> environment = MergedEnvironment(variables);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // This program blocks the signals that end it and ignores SIGPIPE: not so its children.
    sigset_t none;
    sigset_t pipes;
    sigemptyset(&none);
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipes);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    const int error = posix_spawn(&pid_, words[0].c_str(), &actions, &attributes,
                                  Pointers(&words).data(), Pointers(&environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      pid_ = -1;
      return Failed(fmt::format("cannot start a shell: {}", std::strerror(error)));
    }
    return arrow::Status::OK();
  }

  // Its wait status, or -1 when it has not ended by then.
  int WaitUntil(steady_clock::time_point give_up) {
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (steady_clock::now() > give_up) {
        return -1;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
};

// Reads both until both have ended. False: not by then, or it was too much.
bool ReadBoth(int out_fd, int err_fd, steady_clock::time_point give_up, std::string* out,
              std::string* err) {
  std::array<pollfd, 2> ends = {pollfd{out_fd, POLLIN, 0}, pollfd{err_fd, POLLIN, 0}};
  std::array<std::string*, 2> texts = {out, err};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(give_up - steady_clock::now());
    if (left.count() <= 0 || out->size() + err->size() > kOutputBytesMax) {
      return false;
    }
    if (poll(ends.data(), ends.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) {
      return false;
    }
    for (size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) {
        continue;
      }
      std::array<char, 4096> chunk{};
      const ssize_t got = read(ends[i].fd, chunk.data(), chunk.size());
      if (got > 0) {
        texts[i]->append(chunk.data(), static_cast<size_t>(got));
      } else if (got == 0 || errno != EINTR) {
        ends[i].fd = -1;  // poll passes it over
      }
    }
  }
  return true;
}

// The end of what it wrote on stderr, on one line.
std::string Said(std::string err) {
  while (!err.empty() && static_cast<unsigned char>(err.back()) <= ' ') {
    err.pop_back();
  }
  if (err.size() > kSaidBytesMax) {
    err.erase(0, err.size() - kSaidBytesMax);
  }
  for (char& c : err) {
    c = c >= 0 && c < ' ' ? ' ' : c;
  }
  return err.empty() ? "" : fmt::format(": {}", err);
}

}  // namespace

arrow::Result<Credentials> RunCredentialProcess(const std::string& command,
                                                const Environment& variables,
                                                std::chrono::milliseconds timeout) {
  const auto give_up = steady_clock::now() + timeout;
  ARROW_ASSIGN_OR_RAISE(Pipe out, MakePipe());
  ARROW_ASSIGN_OR_RAISE(Pipe err, MakePipe());
  ShellProcess process;
  ARROW_RETURN_NOT_OK(process.Start(command, variables, out.write.fd(), err.write.fd()));
  out.write.Close();
  err.write.Close();
  std::string text;
  std::string said;
  const bool whole = ReadBoth(out.read.fd(), err.read.fd(), give_up, &text, &said);
  const int status = whole ? process.WaitUntil(give_up) : -1;
  if (status == -1) {
    return Failed(fmt::format("credential_process did not end within {}{}", HumanDuration(timeout),
                              Said(said)));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Failed(fmt::format("credential_process ended with {}{}",
                              WIFEXITED(status) ? fmt::format("exit code {}", WEXITSTATUS(status))
                                                : fmt::format("signal {}", WTERMSIG(status)),
                              Said(said)));
  }
  const auto credentials = ParseCredentialsJson(text, "SessionToken");
  if (!credentials.ok()) {
    return Failed(
        fmt::format("credential_process: {}{}", credentials.status().message(), Said(said)));
  }
  return credentials;
}

}  // namespace cdc::store
