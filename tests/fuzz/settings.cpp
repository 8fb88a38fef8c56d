// libFuzzer's entry (scripts/fuzz): any bytes as a bundle's config.json or generation_config.json, beside
// graphs that are good. What may come of them is an Error; anything else that is thrown, and whatever the
// sanitizers see, ends the run.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "model/manifest.hpp"

namespace {

namespace fs = std::filesystem;

// A copy of the bundle LOQUOR_FUZZ_BUNDLE, whose graphs are only looked at.
const fs::path& folder() {
  static const fs::path made = [] {
    const fs::path copy = fs::temp_directory_path() / ("loquor-fuzz-" + std::to_string(std::rand()));
    const char* const bundle = std::getenv("LOQUOR_FUZZ_BUNDLE");
    if (bundle == nullptr) std::abort();
    fs::remove_all(copy);  // what a run before left there
    fs::copy(fs::u8path(bundle), copy, fs::copy_options::recursive);
    return copy;
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const char* const name = data[0] % 2 == 0 ? "config.json" : "generation_config.json";
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::ofstream(folder() / name, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  try {
    loquor::read_manifest(folder().u8string(), "auto");
  } catch (const loquor::Error& error) {
    if (error.kind() != loquor::ErrorKind::kModel && error.kind() != loquor::ErrorKind::kInvalidInput) {
      std::abort();
    }
  }
  return 0;
}
