#pragma once

#include <string>
#include <vector>

namespace cdc {

// Variables of the process's environment that the program sets for a library that can be told in no
// other way. A program that it starts should not inherit them.
// Changing the environment is not safe beside a thread that reads it; so a variable is only changed
// when it is not yet as wanted, and is set before there is much else.
void SetOwnVariable(const std::string& name, const std::string& value);
// Back to what it was before the first SetOwnVariable of that name; nothing if there was none.
void RestoreVariable(const std::string& name);

// The environment ("NAME=value" each) as it is without SetOwnVariable: for programs that are
// started.
std::vector<std::string> InheritedEnvironment();

}  // namespace cdc
