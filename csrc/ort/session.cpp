#include "ort/session.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/log.hpp"
#include "base/process.hpp"
#include "ort/library.hpp"
#include "ort/operators.hpp"
#include "ort/weights.hpp"

namespace loquor::ort {
namespace {

struct Level {
  abi::GraphOptimizationLevel level;
  const char* name;
};
constexpr Level kLevels[] = {
    {abi::ORT_ENABLE_ALL, "all"}, {abi::ORT_ENABLE_EXTENDED, "extended"}, {abi::ORT_ENABLE_BASIC, "basic"}};

// A thread without work spins for as long as a step's small nodes take, since to sleep and be woken
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
  // What nodes_by_provider() reads; runtimes before 1.24 do not know it and do not mind.
  api.check(api->AddSessionConfigEntry(options.get(), "session.record_ep_graph_assignment_info", "1"), doing);
  if (!config.packs_weights)
    api.check(api->AddSessionConfigEntry(options.get(), "session.disable_prepacking", "1"), doing);
  append_provider(api, options.get(), config.device);
  return options;
}

}  // namespace

RunOptions::RunOptions(const Api& api)
    : table_(&api.table()),
      options_(api.make<abi::OrtRunOptions>("making run options", api->CreateRunOptions)) {}

void RunOptions::terminate() const noexcept {
  abi::OrtStatus* status = table_->RunOptionsSetTerminate(options_.get());
  const Handle<abi::OrtStatus> ignored(status, ReleaseSlot<abi::OrtStatus>::of(*table_));
}

Session::Session(ApiPtr api, std::string file, const SessionConfig& config, const std::string& prepared,
                 const GraphExtension& extend)
    : api_(std::move(api)),
      file_(std::move(file)),
      operators_(api_->own<abi::OrtCustomOpDomain>(nullptr)),
      session_(api_->own<abi::OrtSession>(nullptr)) {
  const auto options = make_options(*api_, config);
  std::string doing = "loading " + file_;
  const LoadableGraph graph = open_graph(file_, prepared);
  if (!graph.weights_folder.empty()) {
    api_->check(
        (*api_)->AddSessionConfigEntry(options.get(), "session.model_external_initializers_file_folder_path",
                                       graph.weights_folder.c_str()),
        "setting session options");
  }
  if (!prepared.empty()) {
    doing += " as prepared in " + prepared;
    operators_ = make_operators(*api_);
    api_->check((*api_)->AddCustomOpDomain(options.get(), operators_.get()), "setting session options");
  }
  for (const Level& level : kLevels) {
    api_->check((*api_)->SetSessionGraphOptimizationLevel(options.get(), level.level),
                "setting session options");
    abi::OrtStatus* status = create(options.get(), graph.bytes, extend);
    if (status == nullptr) {
      level_ = level.name;
      break;
    }
    // Optimizations may end in an operator without a kernel (as was reported of AveragePool 19 in float16),
    // or in one that is not valid.
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
  if (!config.device.host_memory()) {
    inputs_on_device_ = read_device_ports(true);
    outputs_on_device_ = read_device_ports(false);
  }
  for (const auto& [provider, nodes] : nodes_by_provider()) {
    placement_ += (placement_.empty() ? "" : ", ") + provider + " " + std::to_string(nodes.size());
  }
  // What was appended has values of its own and is known to whoever appended it.
  inputs_.erase(std::remove_if(inputs_.begin(), inputs_.end(),
                               [&](const Port& port) { return !on_host(appended_inputs_, port.name); }),
                inputs_.end());
}

// The runtime's status, with session_ made when there is none.
abi::OrtStatus* Session::create(const abi::OrtSessionOptions* options, const std::string& bytes,
                                const GraphExtension& extend) {
  const Api& api = *api_;
  const process::Exclusive exclusive;  // the registry of operators
  abi::OrtSession* made = nullptr;
  if (!extend) {
    abi::OrtStatus* status =
        bytes.empty() ? api->CreateSession(api.env(), native_path(file_).c_str(), options, &made)
                      : api->CreateSessionFromArray(api.env(), bytes.data(), bytes.size(), options, &made);
    session_ = api.own(made);
    return status;
  }
  const abi::OrtModelEditorApi* const editor = api->GetModelEditorApi();
  if (editor == nullptr) return api->CreateStatus(abi::ORT_FAIL, "this runtime has no Model Editor API");
  abi::OrtStatus* status =
      bytes.empty()
          ? editor->CreateModelEditorSession(api.env(), native_path(file_).c_str(), options, &made)
          : editor->CreateModelEditorSessionFromArray(api.env(), bytes.data(), bytes.size(), options, &made);
  session_ = api.own(made);
  if (status != nullptr) return status;
  int opset = 0;
  api.check(editor->SessionGetOpsetForDomain(made, "", &opset), ErrorKind::kModel, "extending " + file_);
  GraphEdit edit(api, read_ports(true), read_ports(false), opset);
  extend(edit);
  appended_inputs_ = edit.input_names();
  status = edit.apply(made);
  return status != nullptr ? status : editor->FinalizeModelEditorSession(made, options, nullptr);
}

std::string Session::file_name() const { return std::filesystem::u8path(file_).filename().u8string(); }

Memory Session::memory(const Device& device) const {
  if (device.host_memory()) return Memory(api_);
  if (device.plugin_memory != nullptr)
    return Memory(api_, session_.get(), device.plugin_memory, device.addressable);
  return Memory(api_, session_.get(), device.memory_name, device.addressable);
}

// Names of the inputs or outputs that lie in the device's memory.
std::vector<std::string> Session::read_device_ports(bool inputs) const {
  const Api& api = *api_;
  const std::vector<Port>& ports = inputs ? inputs_ : outputs_;
  std::vector<const abi::OrtMemoryInfo*> infos(ports.size(), nullptr);
  api.check((inputs ? api->SessionGetMemoryInfoForInputs : api->SessionGetMemoryInfoForOutputs)(
                session_.get(), infos.data(), infos.size()),
            ErrorKind::kModel, "finding the memory that " + file_name() + " uses");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (infos[i] != nullptr && !is_host(api, infos[i])) names.push_back(ports[i].name);
  }
  return names;
}

bool Session::on_host(const std::vector<std::string>& on_device, const std::string& name) {
  return std::find(on_device.begin(), on_device.end(), name) == on_device.end();
}

int64_t Session::arena_bytes() const {
  const Api& api = *api_;
  const auto where = api.make<abi::OrtMemoryInfo>("describing host memory", api->CreateCpuMemoryInfo,
                                                  abi::OrtArenaAllocator, abi::OrtMemTypeDefault);
  const auto arena = api.make<abi::OrtAllocator>("finding a session's arena", api->CreateAllocator,
                                                 static_cast<const abi::OrtSession*>(session_.get()),
                                                 static_cast<const abi::OrtMemoryInfo*>(where.get()));
  abi::OrtKeyValuePairs* pairs = nullptr;
  const Handle<abi::OrtStatus> status = api.own(api->AllocatorGetStats(arena.get(), &pairs));
  if (status != nullptr || pairs == nullptr) return 0;  // no arena
  const auto stats = api.own(pairs);
  const char* const total = api->GetKeyValue(stats.get(), "TotalAllocated");
  return total == nullptr ? 0 : std::strtoll(total, nullptr, 10);
}

// The runtime shrinks an arena behind a run that asks for it, also behind one that was ended before its first
// node: so it costs no more than giving the pages back (1.23.0 and 1.32.0, 40 ms for 170 MB).
void Session::shrink_arena() const {
  const Api& api = *api_;
  const char* const doing = "shrinking a session's arena";
  const auto options = api.make<abi::OrtRunOptions>(doing, api->CreateRunOptions);
  api.check(api->AddRunConfigEntry(options.get(), "memory.enable_memory_arena_shrinkage", "cpu:0"), doing);
  api.check(api->RunOptionsSetTerminate(options.get()), doing);
  const Memory host(api_);
  std::vector<std::vector<char>> zeros;  // inputs as small as may be
  std::vector<Value> values;
  std::vector<const char*> names;
  std::vector<const abi::OrtValue*> views;
  for (const Port& port : inputs_) {
    std::vector<int64_t> dims(port.dims);
    std::replace(dims.begin(), dims.end(), int64_t{-1}, int64_t{0});
    const auto type = static_cast<ElementType>(port.type);
    std::size_t bytes = element_size(type);
    for (const int64_t dim : dims) bytes *= static_cast<std::size_t>(dim);
    zeros.emplace_back(std::max<std::size_t>(bytes, 1));
    values.push_back(host.view(type, zeros.back().data(), dims.data(), dims.size()));
    names.push_back(port.name.c_str());
    views.push_back(values.back().get());
  }
  const char* const output = outputs_.front().name.c_str();
  abi::OrtValue* none = nullptr;
  const Handle<abi::OrtStatus> ended = api.own(
      api->Run(session_.get(), options.get(), names.data(), views.data(), views.size(), &output, 1, &none));
  const Value unused = api.own(none);
}

std::map<std::string, std::vector<std::string>> Session::nodes_by_provider() const {
  const Api& api = *api_;
  const char* const doing = "asking where a graph's nodes run";
  std::map<std::string, std::vector<std::string>> nodes;
  constexpr unsigned kSince = 24;
  if (!api.has_version(kSince)) return nodes;
  const abi::OrtEpAssignedSubgraph* const* parts = nullptr;  // belong to the session, as all below
  std::size_t part_count = 0;
  api.check(api->Session_GetEpGraphAssignmentInfo(session_.get(), &parts, &part_count), doing);
  for (std::size_t i = 0; i < part_count; ++i) {
    const char* provider = nullptr;
    const abi::OrtEpAssignedNode* const* list = nullptr;
    std::size_t count = 0;
    api.check(api->EpAssignedSubgraph_GetEpName(parts[i], &provider), doing);
    api.check(api->EpAssignedSubgraph_GetNodes(parts[i], &list, &count), doing);
    for (std::size_t node = 0; node < count; ++node) {
      const char* name = nullptr;
      const char* op = nullptr;
      api.check(api->EpAssignedNode_GetName(list[node], &name), doing);
      api.check(api->EpAssignedNode_GetOperatorType(list[node], &op), doing);
      nodes[provider].push_back(std::string(op) + " " + name);
    }
  }
  return nodes;
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
    input_names.push_back(graph_name(name));
    input_values.push_back(value);
  }
  std::vector<const char*> output_names;
  for (const auto& name : outputs) output_names.push_back(graph_name(name.c_str()));
  std::vector<abi::OrtValue*> made(outputs.size(), nullptr);
  abi::OrtStatus* status =
      (*api_)->Run(session_.get(), options.get(), input_names.data(), input_values.data(), inputs.size(),
                   output_names.data(), outputs.size(), made.data());
  std::vector<Value> values;
  for (abi::OrtValue* value : made) values.push_back(api_->own(value));
  if (status != nullptr) run_failed(status);
  for (const auto& [name, value] : inputs) {
    if (!input_on_host(name)) api_->count_copy(false, size_in_bytes(*api_, value));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!output_on_host(outputs[i])) api_->count_copy(true, size_in_bytes(*api_, values[i].get()));
  }
  return values;
}

void Session::rename(const std::string& port, const std::string& wanted) {
  for (auto* ports : {&inputs_, &outputs_}) {
    for (Port& each : *ports) {
      if (each.name == port) each.name = wanted;
    }
  }
  for (auto* names : {&inputs_on_device_, &outputs_on_device_})
    std::replace(names->begin(), names->end(), port, wanted);
  renamed_[wanted] = port;
}

const char* Session::graph_name(const char* name) const {
  if (renamed_.empty()) return name;
  const auto found = renamed_.find(name);
  return found == renamed_.end() ? name : found->second.c_str();
}

void Session::run_failed(abi::OrtStatus* status) const {
  api_->check(status, ErrorKind::kExecution, "running " + file_name());
  throw Error(ErrorKind::kInternal, "run_failed needs a status");
}

Binding::Binding(const Session& session)
    : session_(&session),
      host_(session.api_ptr()),
      binding_(session.api().make<abi::OrtIoBinding>("making a binding", session.api()->CreateIoBinding,
                                                     session.get())) {}

void Binding::input(const char* name, const Value& value) {
  const Api& api = session_->api();
  api.check(api->BindInput(binding_.get(), session_->graph_name(name), value.get()), "binding an input");
  if (!session_->on_device()) return;
  const bool graph_on_host = session_->input_on_host(name);
  if (is_host(api, value.get()) != graph_on_host)
    api.count_copy(graph_on_host, size_in_bytes(api, value.get()));
}

void Binding::output(const char* name, const Value& value) {
  const Api& api = session_->api();
  api.check(api->BindOutput(binding_.get(), session_->graph_name(name), value.get()), "binding an output");
  if (!session_->on_device()) return;
  const bool to_host = is_host(api, value.get());
  Crossing* known = find_crossing(name);
  if (to_host == session_->output_on_host(name)) {
    if (known != nullptr) known->bytes = 0;
  } else if (known != nullptr) {
    *known = {std::move(known->name), to_host, size_in_bytes(api, value.get())};
  } else {
    crossings_.push_back({name, to_host, size_in_bytes(api, value.get())});
  }
}

void Binding::output_to_host(const char* name) { output_to(name, host_); }

void Binding::output_to(const char* name, const Memory& memory) {
  const Api& api = session_->api();
  api.check(api->BindOutputToDevice(binding_.get(), session_->graph_name(name), memory.info()),
            "binding an output");
}

Binding::Crossing* Binding::find_crossing(const char* name) {
  const auto found = std::find_if(crossings_.begin(), crossings_.end(),
                                  [&](const Crossing& crossing) { return crossing.name == name; });
  return found == crossings_.end() ? nullptr : &*found;
}

void Binding::run(const RunOptions& options) {
  abi::OrtStatus* status = session_->api()->RunWithBinding(session_->get(), options.get(), binding_.get());
  if (status != nullptr) session_->run_failed(status);
  for (const Crossing& crossing : crossings_) {
    if (crossing.bytes > 0) session_->api().count_copy(crossing.to_host, crossing.bytes);
  }
}

std::vector<Value> Binding::outputs() const {
  const Api& api = session_->api();
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
