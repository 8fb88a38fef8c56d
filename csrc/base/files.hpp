// Files: read within bounds, hashed, and written so that a reader sees the old content or the new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace loquor {

// The content of a regular file. Throws kInvalidInput, "cannot read PATH: ...", for one that is not there, is
// no file, has more than `most` bytes, or cannot be read.
std::string read_file(const std::string& path, uint64_t most);

// The size of a file in decimal, a space, and 64 evenly spaced blocks of 4 KiB: enough to tell weights of a
// gigabyte apart. Throws kModel.
std::string sample_of_file(const std::string& path);

// Writes a file through another one in the same folder, which is gone afterwards; links are followed. Throws
// kInvalidInput, "cannot write PATH: ...".
void write_file(const std::string& path, const std::string& content);

// Why somebody besides this user and root could have written a file or what lies in a folder, as part of a
// sentence; empty if nobody could, and for what is not there. `moved_by_owners`: a folder in which only
// owners may move things (its sticky bit) is good. Windows keeps a user's own folders from others by itself.
std::string who_else_writes(const std::string& path, bool moved_by_owners);

}  // namespace loquor
