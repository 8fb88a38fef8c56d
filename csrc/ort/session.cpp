#include "ort/session.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/log.hpp"
#include "ort/kernels.hpp"
#include "ort/library.hpp"

namespace loquor::ort {
namespace {

struct Level {
  abi::GraphOptimizationLevel level;
  const char* name;
};
constexpr Level kLevels[] = {
    {abi::ORT_ENABLE_ALL, "all"}, {abi::ORT_ENABLE_EXTENDED, "extended"}, {abi::ORT_ENABLE_BASIC, "basic"}};

// A thread without work spins for as long as a decode step's small nodes take, since to sleep and be woken
// between two products takes longer; after the run it sleeps at once: the cores are the application's.
// Runtimes before 1.26 know no duration and spin to the end of the run.
constexpr std::pair<const char*, const char*> kWaiting[] = {{"session.intra_op.allow_spinning", "1"},
                                                            {"session.intra_op.spin_duration_us", "30"},
                                                            {"session.force_spinning_stop", "1"}};

Handle<abi::OrtSessionOptions> make_options(const Api& api, const SessionConfig& config) {
  auto options = api.make<abi::OrtSessionOptions>("making session options", api->CreateSessionOptions);
  const char* const doing = "setting session options";
  api.check(api->SetIntraOpNumThreads(options.get(), config.threads), doing);
  api.check(api->SetInterOpNumThreads(options.get(), 1), doing);
  api.check(api->SetSessionExecutionMode(options.get(), abi::ORT_SEQUENTIAL), doing);
  for (const auto& [key, value] : kWaiting) {
    api.check(api->AddSessionConfigEntry(options.get(), key, value), doing);
  }
  append_provider(api, options.get(), config.device);
  return options;
}

// A graph's own bytes: some megabytes at most, the weights lie beside it.
std::vector<char> read_graph(const std::string& file) {
  std::ifstream stream(std::filesystem::u8path(file), std::ios::binary);
  std::vector<char> bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream || bytes.empty()) throw Error(ErrorKind::kModel, "cannot read the prepared graph " + file);
  return bytes;
}

}  // namespace

std::string Port::describe() const {
  std::string text = element_type_name(type) + " [";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    text += (i == 0 ? "" : ", ") + (dims[i] < 0 ? "?" : std::to_string(dims[i]));
  }
  return text + "]";
}

RunOptions::RunOptions(const Api& api)
    : table_(&api.table()),
      options_(api.make<abi::OrtRunOptions>("making run options", api->CreateRunOptions)) {}

void RunOptions::terminate() const noexcept {
  abi::OrtStatus* status = table_->RunOptionsSetTerminate(options_.get());
  const Handle<abi::OrtStatus> ignored(status, ReleaseSlot<abi::OrtStatus>::of(*table_));
}

Session::Session(ApiPtr api, std::string file, const SessionConfig& config, const std::string& prepared)
    : api_(std::move(api)),
      file_(std::move(file)),
      kernels_(api_->own<abi::OrtCustomOpDomain>(nullptr)),
      session_(api_->own<abi::OrtSession>(nullptr)) {
  const auto options = make_options(*api_, config);
  std::string doing = "loading " + file_;
  std::vector<char> bytes;
  if (!prepared.empty()) {
    doing += " as prepared in " + prepared;
    bytes = read_graph(prepared);
    // The runtime refuses weights that a symbolic link leads out of this folder, so it must be the real one.
    std::error_code ignored;
    const auto real = std::filesystem::weakly_canonical(std::filesystem::u8path(file_), ignored);
    api_->check(
        (*api_)->AddSessionConfigEntry(options.get(), "session.model_external_initializers_file_folder_path",
                                       real.parent_path().u8string().c_str()),
        "setting session options");
    kernels_ = make_kernels(*api_);
    api_->check((*api_)->AddCustomOpDomain(options.get(), kernels_.get()), "setting session options");
  }
  for (const Level& level : kLevels) {
    api_->check((*api_)->SetSessionGraphOptimizationLevel(options.get(), level.level),
                "setting session options");
    abi::OrtSession* made = nullptr;
    abi::OrtStatus* status =
        prepared.empty()
            ? (*api_)->CreateSession(api_->env(), native_path(file_).c_str(), options.get(), &made)
            : (*api_)->CreateSessionFromArray(api_->env(), bytes.data(), bytes.size(), options.get(), &made);
    if (status == nullptr) {
      session_ = api_->own(made);
      level_ = level.name;
      break;
    }
    // Optimizations are known to end in an operator without a kernel, or in one that is not valid.
    const auto code = (*api_)->GetErrorCode(status);
    const bool may_be_optimizer = code == abi::ORT_NOT_IMPLEMENTED || code == abi::ORT_INVALID_GRAPH;
    if (!may_be_optimizer || level.level == abi::ORT_ENABLE_BASIC)
      api_->check(status, ErrorKind::kModel, doing);
    const Handle<abi::OrtStatus> owned = api_->own(status);
    log::write(log::Level::kWarning, file_name() + " cannot be loaded at optimization level '" + level.name +
                                         "' (" + (*api_)->GetErrorMessage(status) +
                                         "); trying the next lower one");
  }
  inputs_ = read_ports(true);
  outputs_ = read_ports(false);
}

std::string Session::file_name() const { return std::filesystem::u8path(file_).filename().u8string(); }

Memory Session::memory(const Device& device) const {
  return device.host_memory() ? Memory(api_) : Memory(api_, session_.get(), device.memory_name);
}

std::vector<Port> Session::read_ports(bool inputs) const {
  const Api& api = *api_;
  const char* const doing = "reading a graph's inputs and outputs";
  std::size_t count = 0;
  api.check((inputs ? api->SessionGetInputCount : api->SessionGetOutputCount)(session_.get(), &count), doing);
  abi::OrtAllocator* allocator = nullptr;  // the runtime's own: not ours to release
  api.check(api->GetAllocatorWithDefaultOptions(&allocator), doing);
  std::vector<Port> ports(count);
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    api.check(
        (inputs ? api->SessionGetInputName : api->SessionGetOutputName)(session_.get(), i, allocator, &name),
        doing);
    ports[i].name = name;
    api.check(api->AllocatorFree(allocator, name), doing);
    const auto info = api.make<abi::OrtTypeInfo>(
        doing, inputs ? api->SessionGetInputTypeInfo : api->SessionGetOutputTypeInfo,
        static_cast<const abi::OrtSession*>(session_.get()), i);
    const abi::OrtTensorTypeAndShapeInfo* tensor = nullptr;  // belongs to info
    api.check(api->CastTypeInfoToTensorInfo(info.get(), &tensor), doing);
    if (tensor == nullptr) continue;
    abi::ONNXTensorElementDataType type{};
    std::size_t rank = 0;
    api.check(api->GetTensorElementType(tensor, &type), doing);
    api.check(api->GetDimensionsCount(tensor, &rank), doing);
    ports[i].type = static_cast<int>(type);
    ports[i].dims.resize(rank);
    api.check(api->GetDimensions(tensor, ports[i].dims.data(), rank), doing);
    std::vector<const char*> symbols(rank, "");  // they belong to info
    api.check(api->GetSymbolicDimensions(tensor, symbols.data(), rank), doing);
    ports[i].symbols.assign(symbols.begin(), symbols.end());
  }
  return ports;
}

std::vector<Value> Session::run(const RunOptions& options, const std::vector<Feed>& inputs,
                                const std::vector<std::string>& outputs) const {
  std::vector<const char*> input_names;
  std::vector<const abi::OrtValue*> input_values;
  for (const auto& [name, value] : inputs) {
    input_names.push_back(name);
    input_values.push_back(value);
  }
  std::vector<const char*> output_names;
  for (const auto& name : outputs) output_names.push_back(name.c_str());
  std::vector<abi::OrtValue*> made(outputs.size(), nullptr);
  abi::OrtStatus* status =
      (*api_)->Run(session_.get(), options.get(), input_names.data(), input_values.data(), inputs.size(),
                   output_names.data(), outputs.size(), made.data());
  std::vector<Value> values;
  for (abi::OrtValue* value : made) values.push_back(api_->own(value));
  if (status != nullptr) run_failed(status);
  return values;
}

void Session::run_failed(abi::OrtStatus* status) const {
  api_->check(status, ErrorKind::kExecution, "running " + file_name());
  throw Error(ErrorKind::kInternal, "run_failed needs a status");
}

Binding::Binding(const Session& session)
    : session_(session),
      host_(session.api_ptr()),
      binding_(session.api().make<abi::OrtIoBinding>("making a binding", session.api()->CreateIoBinding,
                                                     session.get())) {}

void Binding::input(const char* name, const Value& value) {
  session_.api().check(session_.api()->BindInput(binding_.get(), name, value.get()), "binding an input");
}

void Binding::output(const char* name, const Value& value) {
  session_.api().check(session_.api()->BindOutput(binding_.get(), name, value.get()), "binding an output");
}

void Binding::output_to_host(const char* name) {
  session_.api().check(session_.api()->BindOutputToDevice(binding_.get(), name, host_.info()),
                       "binding an output");
}

void Binding::run(const RunOptions& options) {
  abi::OrtStatus* status = session_.api()->RunWithBinding(session_.get(), options.get(), binding_.get());
  if (status != nullptr) session_.run_failed(status);
}

std::vector<Value> Binding::outputs() const {
  const Api& api = session_.api();
  abi::OrtAllocator* allocator = nullptr;  // the runtime's own: not ours to release
  api.check(api->GetAllocatorWithDefaultOptions(&allocator), "reading outputs");
  abi::OrtValue** list = nullptr;
  std::size_t count = 0;
  api.check(api->GetBoundOutputValues(binding_.get(), allocator, &list, &count), "reading outputs");
  std::vector<Value> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(api.own(list[i]));
  if (list != nullptr) api.check(api->AllocatorFree(allocator, list), "reading outputs");
  return values;
}

}  // namespace loquor::ort
