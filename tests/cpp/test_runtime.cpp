// Opening a library that is no ONNX Runtime, or not one for us. The real one is opened by the Python tests.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#ifndef _WIN32
#include <dlfcn.h>

#include <cmath>
#endif

#include "bundle.hpp"
#include "ort/api.hpp"
#include "ort/find_runtime.hpp"
#include "ort/library.hpp"
#include "refusal.hpp"
#include "temp_folder.hpp"

using loquor::ErrorKind;
using loquor::ort::Api;
using loquor::ort::find_runtime;
using loquor::ort::kLibraryVariable;
using loquor::testing::environment;
using loquor::testing::have_bundles;
namespace abi = loquor::ort::abi;

namespace {

// Refused twice alike: a failure leaves nothing behind. What it names is the file itself, which is not `path`
// where a folder is a link, or where separators are written both ways.
Refusal refused_runtime(const std::string& path) {
  const Refusal first = refusal([&] { Api::open(path); });
  const Refusal second = refusal([&] { Api::open(path); });
  CHECK(first.kind == ErrorKind::kRuntimeMissing);
  CHECK(first.text == second.text);
  std::error_code error;
  const auto real =
      std::filesystem::canonical(std::filesystem::u8path(path), error);  // if it is there at all
  CHECK(first.names(error ? path : real.u8string()));
  return first;
}

uint32_t highest_asked(const char* library) {
  return reinterpret_cast<uint32_t (*)()>(loquor::ort::open_symbol(library, "fake_runtime_highest_asked"))();
}

}  // namespace

TEST_CASE("a variable that the user set keeps its value, an empty one too") {
  constexpr const char* kName = "LOQUOR_TEST_UNLESS_SET";
  loquor::ort::set_unless_set(kName, "1");
  CHECK(std::string(std::getenv(kName)) == "1");
  loquor::ort::set_unless_set(kName, "2");
  CHECK(std::string(std::getenv(kName)) == "1");
#ifndef _WIN32
  setenv(kName, "", 1);
  loquor::ort::set_unless_set(kName, "1");
  CHECK(std::string(std::getenv(kName)).empty());
#endif
}

#ifdef __linux__
TEST_CASE("a library that lost its end is refused before it is mapped") {
  const TempFolder folder;
  std::ifstream whole(FAKE_RUNTIME_GARBAGE, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(whole), {}};
  const std::string path = folder.path() + "/libcut.so";
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size() - 100));
  const Refusal refused = refused_runtime(path);
  CHECK(refused.names("it is cut off: it has " + std::to_string(bytes.size() - 100) + " of "));
  CHECK(refused.names("pip install --force-reinstall"));
}
#endif

TEST_CASE("a library that is not there") {
  const TempFolder folder;
  CHECK(refused_runtime(folder.path() + "/libonnxruntime.so").names("pip install onnxruntime"));
  CHECK(refused_runtime("").names("pip install onnxruntime"));
}

TEST_CASE("a file that is no library") {
  const TempFolder folder;
  const std::string text = folder.write("libonnxruntime.so", "not an ELF file");
  const Refusal refused = refused_runtime(text);
  CHECK(refused.names("could not be loaded"));
  CHECK(refused.names("pip install --force-reinstall onnxruntime"));
  CHECK(refused_runtime(folder.path()).names("could not be loaded"));
}

#ifndef _WIN32
TEST_CASE("a library that is no ONNX Runtime") {
  double (*const cosine)(double) = &std::cos;
  Dl_info library{};
  REQUIRE(dladdr(reinterpret_cast<const void*>(cosine), &library) != 0);
  const std::string math = std::filesystem::canonical(library.dli_fname).string();
  const Refusal refused = refused_runtime(math);
  CHECK(refused.names("not ONNX Runtime"));
  CHECK(refused.names("OrtGetApiBase"));
  CHECK(refused.names("inside the onnxruntime package"));
}
#endif

TEST_CASE("a runtime that is too old is told by its version, and not asked for what it lacks") {
  const Refusal refused = refused_runtime(FAKE_RUNTIME_OLD);
  CHECK(refused.names("ONNX Runtime 1.10.0"));
  CHECK(refused.names("1." + std::to_string(abi::kMinimumApiVersion) + " or newer"));
  CHECK(refused.names("pip install --upgrade onnxruntime"));
  CHECK(highest_asked(FAKE_RUNTIME_OLD) == 0);
}

TEST_CASE("a runtime that answers garbage fails the self-test") {
  const Refusal refused = refused_runtime(FAKE_RUNTIME_GARBAGE);
  CHECK(refused.names("ONNX Runtime 1.99.0"));
  CHECK(refused.names("does not answer by its published interface"));
  CHECK(refused.names("pip install --force-reinstall onnxruntime"));
  CHECK(highest_asked(FAKE_RUNTIME_GARBAGE) == abi::kMinimumApiVersion);
}

TEST_CASE("a runtime without a table, a base or a version that can be read") {
  CHECK(refused_runtime(FAKE_RUNTIME_NO_TABLE).names("1.99.0"));
  CHECK(highest_asked(FAKE_RUNTIME_NO_TABLE) == abi::kMinimumApiVersion);
  CHECK(refused_runtime(FAKE_RUNTIME_NO_BASE).names("unknown"));
  CHECK(refused_runtime(FAKE_RUNTIME_NO_VERSION).names("nightly"));
  CHECK(highest_asked(FAKE_RUNTIME_NO_VERSION) == 0);
}
#ifndef _WIN32
TEST_CASE("without a path the newest that can be used is taken, and all that was tried is told") {
  unsetenv(kLibraryVariable);
  const TempFolder folder;
  folder.write("libonnxruntime.so.1.99.10", "not an ELF file");
  folder.write("libonnxruntime_providers_shared.so", "not an ELF file");
  std::filesystem::copy_file(FAKE_RUNTIME_OLD, folder.path() + "/libonnxruntime.so.1.99.9");
  const std::vector<std::string> names = {"libno_such_runtime.so"};
  const Refusal refused = refusal([&] { find_runtime(folder.path(), names); });
  CHECK(refused.kind == ErrorKind::kRuntimeMissing);
  const auto newest = refused.text.find("libonnxruntime.so.1.99.10 (");
  CHECK(newest < refused.text.find("ONNX Runtime 1.10.0 at"));
  CHECK(refused.names("capi (holds none)"));
  CHECK(refused.names("libno_such_runtime.so (the system's loader knows none)"));
  CHECK(refused.names("LOQUOR_ORT_LIBRARY"));
  CHECK_FALSE(refused.names("providers"));
  if (!have_bundles()) return;
  const std::string library = environment("LOQUOR_TEST_RUNTIME");
  std::filesystem::create_symlink(library, folder.path() + "/libonnxruntime.so.1.20.0");
  CHECK(find_runtime(folder.path(), names) == Api::open(library));
  setenv(kLibraryVariable, "/nowhere/libonnxruntime.so", 1);
  CHECK(refusal([&] { find_runtime(folder.path(), names); }).names("/nowhere/libonnxruntime.so"));
  unsetenv(kLibraryVariable);
}
#endif
