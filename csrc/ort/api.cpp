#include "ort/api.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/log.hpp"
#include "base/process.hpp"
#include "ort/library.hpp"

namespace loquor::ort {
namespace {

// The runtime's own lines are detail to us, its errors too: what matters comes back as a status.
void ORT_API_CALL forward_log(void*, abi::OrtLoggingLevel, const char* category, const char*,
                              const char* location, const char* message) {
  if (!log::enabled(log::Level::kDebug)) return;
  log::write(log::Level::kDebug,
             std::string("onnxruntime: ") + message + " [" + category + " " + location + "]");
}

// Since 1.29 the wheels for Linux and macOS bring a client that reports to their maker: a device's id and a
// database below the user's cache folder, a thread, a connection. This keeps it from being made; it is read
// once, with the first environment, and DisableTelemetryEvents comes too late (microsoft/onnxruntime#27379).
constexpr const char* kNoTelemetry = "ORT_DISABLE_TELEMETRY";

std::string canonical(const std::string& path, const char* what, const char* remedy) {
  std::error_code error;
  const auto file = std::filesystem::u8path(path);
  if (path.empty() || !std::filesystem::exists(file, error)) {
    throw Error(ErrorKind::kRuntimeMissing,
                std::string("there is no ") + what + " at '" + path + "'; " + remedy);
  }
  const auto real = std::filesystem::canonical(file, error);
  return error ? path : real.u8string();
}

// The N of "1.N.P"; 0 where that cannot be read or is not version 1.
unsigned minor_of(const std::string& version) {
  int major = 0;
  unsigned minor = 0;
  const bool readable = std::sscanf(version.c_str(), "%d.%u", &major, &minor) == 2;
  if (!readable || major < 1) return 0;
  return major > 1 ? ~0U : minor;
}

std::shared_ptr<const Api> load(const std::string& path) {
  const process::Exclusive exclusive;
  set_unless_set(kNoTelemetry, "1");
  auto get_base = reinterpret_cast<abi::OrtGetApiBaseFunction>(open_symbol(path, abi::kGetApiBaseSymbol));
  const abi::OrtApiBase* base = get_base();
  const std::string version = base != nullptr ? base->GetVersionString() : "unknown";
  // Asking a library for a newer table than it has makes it print to stderr, so read its version first.
  const bool new_enough = minor_of(version) >= abi::kMinimumApiVersion;
  const abi::OrtApi* table = new_enough ? base->GetApi(abi::kMinimumApiVersion) : nullptr;
  if (table == nullptr) {
    throw Error(
        ErrorKind::kRuntimeMissing,
        "ONNX Runtime " + version + " at " + path + " is too old: 1." +
            std::to_string(abi::kMinimumApiVersion) +
            " or newer is needed; update it with: pip install --upgrade onnxruntime (or onnxruntime-gpu or "
            "onnxruntime-directml, whichever `pip list` shows: none over another)");
  }
  return std::make_shared<const Api>(table, path, version);
}

}  // namespace

std::shared_ptr<const Api> Api::open(const std::string& path) {
  struct Opened {
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<const Api>> apis;
  };
  // Never destroyed: at exit the runtime's own state goes first, and releasing an environment needs it.
  static process::Own<Opened> opened;
  const std::string real =
      canonical(path, "ONNX Runtime library",
                "install one with: pip install onnxruntime (or onnxruntime-gpu instead of it)");
  if (process::torn()) {
    throw Error(ErrorKind::kRuntimeMissing,
                "this process was forked while another thread was loading a model, whose locks inside ONNX "
                "Runtime nobody can release here: fork before that or after it");
  }
  Opened& own = opened.get();
  const std::lock_guard<std::mutex> lock(own.mutex);
  auto& api = own.apis[real];
  if (api == nullptr) api = load(real);
  return api;
}

Api::Api(const abi::OrtApi* table, std::string path, std::string version)
    : table_(table),
      path_(std::move(path)),
      version_(std::move(version)),
      minor_(minor_of(version_)),
      env_(own<abi::OrtEnv>(nullptr)) {
  self_test();
  env_ = make<abi::OrtEnv>("making the runtime's environment", table_->CreateEnvWithCustomLogger,
                           &forward_log, static_cast<void*>(nullptr), abi::ORT_LOGGING_LEVEL_INFO, "loquor");
  check(table_->DisableTelemetryEvents(env_.get()), "turning telemetry off");
  char** names = nullptr;
  int count = 0;
  check(table_->GetAvailableProviders(&names, &count), "listing execution providers");
  providers_.assign(names, names + count);
  check(table_->ReleaseAvailableProviders(names, count), "listing execution providers");
}

bool Api::has_provider(const std::string& name) const {
  return std::find(providers_.begin(), providers_.end(), name) != providers_.end();
}

void Api::add_provider_library(const std::string& path) const {
  const std::string real =
      canonical(path, "execution provider library", "reinstall the package that brings it");
  const std::lock_guard<std::mutex> lock(plugin_mutex_);
  if (std::find(plugins_.begin(), plugins_.end(), real) != plugins_.end()) return;
  // The runtime knows plugins by a name; the path serves, since it tells two of them apart.
  check(table_->RegisterExecutionProviderLibrary(env_.get(), real.c_str(), native_path(real).c_str()),
        ErrorKind::kRuntimeMissing, "ONNX Runtime " + version_ + " cannot use the provider library " + real);
  plugins_.push_back(real);
}

std::vector<const abi::OrtEpDevice*> Api::plugin_devices() const {
  const std::lock_guard<std::mutex> lock(plugin_mutex_);
  const abi::OrtEpDevice* const* devices = nullptr;
  std::size_t count = 0;
  check(table_->GetEpDevices(env_.get(), &devices, &count), "listing devices");
  return {devices, devices + count};
}

void Api::fail(abi::OrtStatus* status, ErrorKind kind, const std::string& doing) const {
  const Handle<abi::OrtStatus> owned = own(status);
  const std::string said = table_->GetErrorMessage(status);
  const auto says = [&](const char* part) { return said.find(part) != std::string::npos; };
  // Not the model's fault, though the runtime has no code for it (1.32).
  if (says("pthread_create failed")) {
    throw Error(ErrorKind::kBusy, doing +
                                      ": no thread can be started for it; raise the limit of threads or "
                                      "of memory, or close other engines");
  }
  const bool running = kind == ErrorKind::kModel || kind == ErrorKind::kExecution;
  if (running && (says("bad_alloc") || says("Failed to allocate memory") || says("bfc_arena"))) {
    throw Error(ErrorKind::kInternal, doing + ": " + kMemoryRanOut);
  }
  throw Error(kind, doing + ": " + said);
}

// The table is declared by slot number, so prove on harmless calls that slots mean what we think.
void Api::self_test() const {
  bool sound = false;
  try {
    sound = answers_as_published();
  } catch (const Error&) {  // a harmless call that fails is as bad as a wrong answer
  }
  if (!sound) {
    throw Error(ErrorKind::kRuntimeMissing, "ONNX Runtime " + version_ + " at " + path_ +
                                                " does not answer by its published interface; " + kReinstall);
  }
}

bool Api::answers_as_published() const {
  const char* const text = "loquor self-test";
  const Handle<abi::OrtStatus> status = own(table_->CreateStatus(abi::ORT_NOT_IMPLEMENTED, text));
  if (status == nullptr || table_->GetErrorCode(status.get()) != abi::ORT_NOT_IMPLEMENTED ||
      std::strcmp(table_->GetErrorMessage(status.get()), text) != 0) {
    return false;
  }
  const auto memory = make<abi::OrtMemoryInfo>("self-test", table_->CreateCpuMemoryInfo,
                                               abi::OrtDeviceAllocator, abi::OrtMemTypeDefault);
  float data[6] = {};
  const int64_t shape[2] = {2, 3};
  const auto value = make<abi::OrtValue>("self-test", table_->CreateTensorWithDataAsOrtValue, memory.get(),
                                         static_cast<void*>(data), sizeof(data), shape, size_t{2},
                                         abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
  void* seen = nullptr;
  check(table_->GetTensorMutableData(value.get(), &seen), "self-test");
  const auto info = make<abi::OrtTensorTypeAndShapeInfo>("self-test", table_->GetTensorTypeAndShape,
                                                         static_cast<const abi::OrtValue*>(value.get()));
  size_t rank = 0;
  check(table_->GetDimensionsCount(info.get(), &rank), "self-test");
  return seen == data && rank == 2;
}

}  // namespace loquor::ort
