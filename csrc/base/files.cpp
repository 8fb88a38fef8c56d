#include "base/files.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "base/error.hpp"

#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace loquor {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot(const char* what, const std::string& path, const std::string& why) {
  throw Error(ErrorKind::kInvalidInput, std::string("cannot ") + what + " " + path + ": " + why);
}

std::string system_reason() { return errno != 0 ? std::strerror(errno) : "the system refused"; }

// Removes the file unless it got its name.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) {}
  ~Temporary() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const fs::path& path() const { return path_; }
  void name(const fs::path& target, std::error_code& error) {
    fs::rename(path_, target, error);
    if (!error) path_.clear();
  }

 private:
  fs::path path_;
};

}  // namespace

std::string read_file(const std::string& path, uint64_t most) {
  const fs::path file = fs::u8path(path);
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (!fs::exists(status)) cannot("read", path, "there is no such file");
  if (!fs::is_regular_file(status)) cannot("read", path, "it is no regular file");
  const uint64_t size = fs::file_size(file, error);
  if (error) cannot("read", path, error.message());
  const std::string too_large = "it has more than " + std::to_string(most) + " bytes";
  if (size > most) cannot("read", path, too_large);
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) cannot("read", path, system_reason());
  std::string content(static_cast<std::size_t>(size) + 1, '\0');  // one more shows that it grew meanwhile
  stream.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (stream.bad()) cannot("read", path, system_reason());
  content.resize(static_cast<std::size_t>(stream.gcount()));
  if (content.size() > size) cannot("read", path, "it is being written to");
  return content;
}

std::string sample_of_file(const std::string& path) {
  constexpr int64_t kBlocks = 64;
  constexpr int64_t kBlockBytes = 4096;
  std::error_code error;
  const fs::path file = fs::u8path(path);
  const auto size = static_cast<int64_t>(fs::file_size(file, error));
  std::ifstream stream(file, std::ios::binary);
  if (error || !stream) throw Error(ErrorKind::kModel, "cannot read " + path + ": fetch the bundle again");
  const int64_t last = std::max<int64_t>(0, size - kBlockBytes);
  std::set<int64_t> offsets;
  for (int64_t i = 0; i < kBlocks; ++i) offsets.insert(last * i / (kBlocks - 1));
  std::string sample = std::to_string(size) + " ";
  std::string block(kBlockBytes, '\0');
  for (const int64_t offset : offsets) {
    stream.clear();
    stream.seekg(offset);
    stream.read(block.data(), kBlockBytes);
    sample.append(block, 0, static_cast<std::size_t>(std::max<std::streamsize>(0, stream.gcount())));
  }
  return sample;
}

void write_file(const std::string& path, const std::string& content) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(fs::absolute(fs::u8path(path), error), error);
  if (error) cannot("write", path, error.message());
  if (fs::exists(target, error) && !fs::is_regular_file(target, error)) {
    cannot("write", path, "it is no regular file");
  }
  static std::atomic<uint32_t> count{0};
  const std::string unique = std::to_string(std::random_device{}()) + "-" + std::to_string(++count);
  Temporary temporary(target.parent_path() / fs::u8path(".loquor-" + unique + ".tmp"));
  errno = 0;
  std::ofstream stream(temporary.path(), std::ios::binary | std::ios::trunc);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  stream.close();
  if (!stream) cannot("write", path, system_reason());
  temporary.name(target, error);
  if (error) cannot("write", path, error.message());
}

#ifdef _WIN32
std::string who_else_writes(const std::string&, bool) { return {}; }
#else
std::string who_else_writes(const std::string& path, bool moved_by_owners) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) return {};
  if (moved_by_owners && (facts.st_mode & S_ISVTX) != 0) return {};
  if (facts.st_uid != geteuid() && facts.st_uid != 0) {
    return "it belongs to the user " + std::to_string(facts.st_uid);
  }
  return (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0 ? "others may write to it" : std::string();
}
#endif

}  // namespace loquor
