#pragma once

#include <string>

namespace cdc::app {

// What --help says of one verb; the reference of the command line.
struct VerbHelp {
  const char* name;
  const char* summary;      // one line, for the list of verbs
  const char* about;        // two or three lines
  const char* example;      // commands, one a line
  const char* exit_codes;   // what they mean here
  const char* json;         // the members of its JSON document; "" where there is none
  bool takes_settings;      // flags for settings
  bool lists_all_settings;  // and the list of all of them
};

// Ends the program when there is none of that name.
const VerbHelp& HelpOf(const std::string& verb);
// What stands below a verb's options.
std::string Footer(const VerbHelp& help);

}  // namespace cdc::app
