#include "ort/find_runtime.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/log.hpp"
#include "ort/library.hpp"

namespace loquor::ort {
namespace {

namespace fs = std::filesystem;

#if defined(_WIN32)
const std::vector<std::string> kNames = {"onnxruntime.dll"};
#elif defined(__APPLE__)
const std::vector<std::string> kNames = {"libonnxruntime.1.dylib", "libonnxruntime.dylib"};
#else
const std::vector<std::string> kNames = {"libonnxruntime.so.1", "libonnxruntime.so"};
#endif

bool is_runtime(const std::string& name) {
#if defined(_WIN32)
  return name == kNames.front();
#elif defined(__APPLE__)
  return name.rfind("libonnxruntime.", 0) == 0 && name.size() > 6 && name.substr(name.size() - 6) == ".dylib";
#else
  return name == "libonnxruntime.so" || name.rfind("libonnxruntime.so.", 0) == 0;
#endif
}

// The numbers in a name, so that 1.23.10 is newer than 1.23.9.
std::vector<unsigned long> numbers_in(const std::string& name) {
  std::vector<unsigned long> found;
  for (std::size_t i = 0; i < name.size();) {
    if (name[i] < '0' || name[i] > '9') {
      ++i;
      continue;
    }
    char* end = nullptr;
    found.push_back(std::strtoul(name.c_str() + i, &end, 10));
    i = static_cast<std::size_t>(end - name.c_str());
  }
  return found;
}

// The newest first.
std::vector<fs::path> runtimes_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (is_runtime(entry->path().filename().u8string())) found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    const auto left = numbers_in(a.filename().u8string());
    const auto right = numbers_in(b.filename().u8string());
    return left != right ? left > right : a < b;
  });
  return found;
}

// What was tried, in order, and what came of it.
class Search {
 public:
  ApiPtr open(const std::string& path) {
    try {
      ApiPtr api = Api::open(path);
      log::write(log::Level::kInfo,
                 "ONNX Runtime " + api->version() + " found: " + path + tried("; before it "));
      return api;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kRuntimeMissing) throw;
      add(path, error.what());
      return nullptr;
    }
  }
  void add(const std::string& place, const std::string& outcome) {
    tried_ += (tried_.empty() ? "" : "; ") + place + " (" + outcome + ")";
  }
  std::string tried(const char* lead) const { return tried_.empty() ? "" : lead + ("tried " + tried_); }
  [[noreturn]] void fail() const {
    throw Error(ErrorKind::kRuntimeMissing,
                "no ONNX Runtime could be opened: tried " + tried_ + "; put its library beside libloquor, " +
                    "install it with: pip install onnxruntime, or name it by " + kLibraryVariable);
  }

 private:
  std::string tried_;
};

}  // namespace

ApiPtr find_runtime() { return find_runtime(own_folder(), kNames); }

ApiPtr find_runtime(const std::string& folder, const std::vector<std::string>& names) {
  if (const char* named = std::getenv(kLibraryVariable); named != nullptr && *named != '\0') {
    return Api::open(named);  // nor is another taken where that fails
  }
  Search search;
  const fs::path here = fs::u8path(folder);
  for (const fs::path& place : {here, (here / ".." / ".." / "onnxruntime" / "capi").lexically_normal()}) {
    const auto found = runtimes_in(place);
    if (found.empty()) search.add(place.u8string(), "holds none");
    for (const fs::path& path : found) {
      if (ApiPtr api = search.open(path.u8string())) return api;
    }
  }
  for (const std::string& name : names) {
    const std::string path = path_by_loader(name);
    if (path.empty()) {
      search.add(name, "the system's loader knows none");
    } else if (ApiPtr api = search.open(path)) {
      return api;
    }
  }
  search.fail();
}

}  // namespace loquor::ort
