#pragma once

#include <string>
#include <vector>

#include "app/json.h"
#include "config/config.h"

namespace cdc::app {

// What check says: a line for each thing that it looked at, as soon as it has, and at the end what
// is to be done. Or, for a program, all of it as one JSON document at the end.
class Findings {
 public:
  explicit Findings(bool json) : json_(json) {}

  // Every setting with its origin; secrets as "***".
  void Settings(const config::Config& config);
  // The most memory that these settings take.
  void Memory(const config::Config& config);
  // Everything that follows belongs to it.
  void Section(const std::string& name);
  void Good(const std::string& what) { Add("ok", what); }
  void Note(const std::string& what) { Add("note", what); }
  // Has to be mended before changes can be delivered.
  void Bad(const std::string& what) { Add("bad", what); }

  // Prints what is to be done. The exit code.
  int Conclude() const;

 private:
  struct Finding {
    std::string section;
    std::string verdict;  // ok · note · bad
    std::string what;
  };

  void Add(const std::string& verdict, const std::string& what);
  void PrintDocument(const std::vector<std::string>& to_fix) const;

  const bool json_;
  Json settings_ = Json::array();
  Json memory_ = Json::object();
  std::string section_;
  std::vector<Finding> findings_;
};

}  // namespace cdc::app
