#include "ort/device.hpp"

#include <algorithm>
#include <thread>

namespace loquor::ort {
namespace {

struct Known {
  const char* name;
  const char* provider;    // as GetAvailableProviders spells it
  const char* short_name;  // as SessionOptionsAppendExecutionProvider wants it
  const char* memory_name;
  bool float64;
  bool
      addressable;  // as the provider's documentation tells: pointers of CUDA, handles of Direct3D and WebGPU
  const char* package;
};

constexpr Known kKnown[] = {
    {"cpu", "CPUExecutionProvider", "", "", true, true, "onnxruntime"},
    {"cuda", "CUDAExecutionProvider", "", "Cuda", true, true, "onnxruntime-gpu"},
    {"tensorrt", "TensorrtExecutionProvider", "", "Cuda", true, true, "onnxruntime-gpu"},
    {"coreml", "CoreMLExecutionProvider", "CoreML", "", true, true, "onnxruntime"},
    {"directml", "DmlExecutionProvider", "DML", "DML", false, false, "onnxruntime-directml"},
    {"webgpu", "WebGpuExecutionProvider", "WebGPU", "WebGPU_Buffer", false, false, "onnxruntime-ep-webgpu"},
};

const Known* find_known(const std::string& name) {
  for (const Known& known : kKnown) {
    if (name == known.name) return &known;
  }
  return nullptr;
}

// The flavours of the runtime install into one folder: a second one leaves a mixture of both.
std::string how_to_get(const Known& known) {
  const std::string package = known.package;
  if (package == "onnxruntime-ep-webgpu") return "install it with: pip install " + package;
  return "it comes with the package " + package +
         ", which must not be installed over another flavour: pip uninstall onnxruntime onnxruntime-gpu "
         "onnxruntime-directml first, then pip install " +
         package;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// The provider's device among those of plugins; a real GPU goes before what merely acts as one.
const abi::OrtEpDevice* find_plugin(const Api& api, const char* provider) {
  const abi::OrtEpDevice* found = nullptr;
  for (const abi::OrtEpDevice* device : api.plugin_devices()) {
    if (std::string(api->EpDevice_EpName(device)) != provider) continue;
    const bool gpu = api->HardwareDevice_Type(api->EpDevice_Device(device)) == abi::OrtHardwareDeviceType_GPU;
    if (gpu) return device;
    if (found == nullptr) found = device;
  }
  return found;
}

// CUDA and TensorRT keep their options in an object of their own.
template <class Options, class Create, class Update, class Append>
void append_with_options(const Api& api, const Device& device, const std::vector<const char*>& keys,
                         const std::vector<const char*>& values, abi::OrtSessionOptions* session_options,
                         Create create, Update update, Append append) {
  const std::string doing = "setting up " + device.provider;
  const auto options = api.make<Options>(doing.c_str(), create);
  api.check(update(options.get(), keys.data(), values.data(), keys.size()), ErrorKind::kInvalidInput, doing);
  api.check(append(session_options, options.get()), ErrorKind::kRuntimeMissing, doing);
}

}  // namespace

Device choose_device(const Api& api, const std::string& name,
                     std::vector<std::pair<std::string, std::string>> options) {
  const bool automatic = name == "auto";
  const Known* known =
      automatic ? find_known(api.has_provider("CUDAExecutionProvider") ? "cuda" : "cpu") : find_known(name);
  if (known == nullptr) {
    throw Error(ErrorKind::kInvalidInput,
                "device must be auto, cpu, cuda, tensorrt, coreml, directml or webgpu, not '" + name + "'");
  }
  if (api.has_provider(known->provider)) {
    return Device{known->name,        known->provider, known->memory_name,
                  std::move(options), known->float64,  known->addressable};
  }
  Device device{known->name, known->provider, "", std::move(options), known->float64, known->addressable};
  device.plugin = find_plugin(api, known->provider);
  if (device.plugin == nullptr) {
    throw Error(ErrorKind::kRuntimeMissing, "device '" + name + "' needs " + known->provider + ", which " +
                                                api.path() + " does not have (it has " +
                                                join(api.providers()) +
                                                ") and no added library offers here; " + how_to_get(*known) +
                                                ", and see that the machine has a driver for it");
  }
  device.plugin_memory = api->EpDevice_MemoryInfo(device.plugin, abi::OrtDeviceMemoryType_DEFAULT);
  return device;
}

const char* provider_of(const std::string& device) { return find_known(device)->provider; }

void append_provider(const Api& api, abi::OrtSessionOptions* session_options, const Device& device) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : device.options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  if (device.plugin != nullptr) {
    api.check(api->SessionOptionsAppendExecutionProvider_V2(session_options, api.env(), &device.plugin, 1,
                                                            keys.data(), values.data(), keys.size()),
              ErrorKind::kRuntimeMissing, "setting up " + device.provider);
  } else if (device.name == "cpu") {
    if (!keys.empty()) throw Error(ErrorKind::kInvalidInput, "device 'cpu' takes no provider options");
  } else if (device.name == "cuda") {
    append_with_options<abi::OrtCUDAProviderOptionsV2>(
        api, device, keys, values, session_options, api->CreateCUDAProviderOptions,
        api->UpdateCUDAProviderOptions, api->SessionOptionsAppendExecutionProvider_CUDA_V2);
  } else if (device.name == "tensorrt") {
    append_with_options<abi::OrtTensorRTProviderOptionsV2>(
        api, device, keys, values, session_options, api->CreateTensorRTProviderOptions,
        api->UpdateTensorRTProviderOptions, api->SessionOptionsAppendExecutionProvider_TensorRT_V2);
  } else {
    api.check(api->SessionOptionsAppendExecutionProvider(session_options, find_known(device.name)->short_name,
                                                         keys.data(), values.data(), keys.size()),
              ErrorKind::kRuntimeMissing, "setting up " + device.provider);
  }
}

int default_threads() {
  const unsigned usable = std::thread::hardware_concurrency();  // honours CPU affinity on Linux
  return static_cast<int>(std::clamp(usable, 1U, 8U));
}

}  // namespace loquor::ort
