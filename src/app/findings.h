#pragma once

#include <string>
#include <vector>

namespace cdc::app {

// What check says: a line for each thing that it looked at, as soon as it has, and at the end what
// is to be done.
class Findings {
 public:
  // Everything that follows belongs to it.
  void Section(const std::string& name);
  void Good(const std::string& what);
  void Note(const std::string& what);
  // Has to be mended before changes can be delivered.
  void Bad(const std::string& what);

  // Prints what is to be done. The exit code.
  int Conclude() const;

 private:
  std::vector<std::string> bad_;
};

}  // namespace cdc::app
