#pragma once

#include <arrow/result.h>
#include <sys/stat.h>

#include <optional>
#include <string>

namespace cdc::config {

// Whether nobody but `me` and root can have written the file; Invalid says by what it becomes one
// of one's own. `path` is for the command to paste.
arrow::Status CheckOwn(const struct stat& file, uid_t me, const std::string& path);

// The text of a settings file; nothing if there is none. Settings name a library that is loaded
// (driver) and where data goes, so one that somebody else may write, or that is somebody else's,
// is Invalid. A link is judged by what it leads to, and must itself be one's own or root's: where
// others may write the folder they can put a link of theirs, or a file of theirs, in its place.
// Longer than any settings are: Invalid. IOError: it is there, and cannot be read.
arrow::Result<std::optional<std::string>> ReadOwnFile(const std::string& path);

}  // namespace cdc::config
