// One graph, loaded: its ports as it declares them, and ways to run it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ort/device.hpp"
#include "ort/model_editor.hpp"
#include "ort/value.hpp"

namespace loquor::ort {

// One per request: raising it ends the runs that carry it, between two nodes.
class RunOptions {
 public:
  explicit RunOptions(const Api& api);
  void terminate() const noexcept;
  const abi::OrtRunOptions* get() const { return options_.get(); }

 private:
  const abi::OrtApi* table_;
  Handle<abi::OrtRunOptions> options_;
};

struct SessionConfig {
  Device device;
  int threads = 1;
  bool packs_weights = true;  // into copies that products read faster; else they stay mapped from their file
};

class Session {
 public:
  // Tries the highest optimization level first and goes down when a kernel is missing there; says so in the
  // log. `prepared` is a rewritten graph to load instead, whose weights are still those beside `file`
  // (open_graph says where they may lie); `extend`, unless empty, appends nodes to the graph as it loads.
  // Throws kModel naming the file.
  Session(ApiPtr api, std::string file, const SessionConfig& config, const std::string& prepared = {},
          const GraphExtension& extend = {});

  const Api& api() const { return *api_; }
  const ApiPtr& api_ptr() const { return api_; }
  abi::OrtSession* get() const { return session_.get(); }
  const std::string& file() const { return file_; }
  std::string file_name() const;
  const char* optimization_level() const { return level_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  // The input or output `port` goes by the name `wanted` here from now on, whatever the graph calls it.
  // Before anything is bound.
  void rename(const std::string& port, const std::string& wanted);
  const char* graph_name(const char* name) const;  // what the graph calls it
  // Memory that this graph's outputs may stay in.
  Memory memory(const Device& device) const;
  // Does the graph take this input from, or leave this output in, host memory? (On a device, small shape
  // arithmetic often stays on the host.) True for a name that it does not have.
  bool on_device() const { return !inputs_on_device_.empty() || !outputs_on_device_.empty(); }
  bool input_on_host(const std::string& name) const { return on_host(inputs_on_device_, name); }
  bool output_on_host(const std::string& name) const { return on_host(outputs_on_device_, name); }
  // How many nodes each execution provider runs, as "CPUExecutionProvider 12, ..."; empty where the runtime
  // cannot tell.
  const std::string& placement() const { return placement_; }
  // The arena's bytes: host memory that it took from the system for weights that are not mapped and for the
  // largest run. 0 where the runtime does not say. Any thread.
  int64_t arena_bytes() const;
  // Gives the arena's unused memory back to the system: between runs, all but weights. Not while the graph
  // runs.
  void shrink_arena() const;
  // Nodes by the execution provider that runs them; empty where the runtime cannot tell (before 1.24).
  std::map<std::string, std::vector<std::string>> nodes_by_provider() const;

  using Feed = std::pair<const char*, const abi::OrtValue*>;
  // Runs with plain inputs; outputs come back in host memory, in the order of `outputs`. Throws kExecution.
  std::vector<Value> run(const RunOptions& options, const std::vector<Feed>& inputs,
                         const std::vector<std::string>& outputs) const;
  [[noreturn]] void run_failed(abi::OrtStatus* status) const;

 private:
  // Tries once to load the graph: `bytes`, or the file where they are empty.
  abi::OrtStatus* create(const abi::OrtSessionOptions* options, const std::string& bytes,
                         const GraphExtension& extend);
  std::vector<Port> read_ports(bool inputs) const;
  std::vector<std::string> read_device_ports(bool inputs) const;
  static bool on_host(const std::vector<std::string>& on_device, const std::string& name);

  ApiPtr api_;
  std::string file_;
  const char* level_ = "";
  Handle<abi::OrtCustomOpDomain> operators_;  // of a prepared graph, which it must outlive
  Handle<abi::OrtSession> session_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<std::string> appended_inputs_;
  std::string placement_;
  std::vector<std::string> inputs_on_device_;  // names; empty on the CPU
  std::vector<std::string> outputs_on_device_;
  std::map<std::string, std::string, std::less<>> renamed_;  // what the graph calls them
};

// Inputs and outputs that stay bound between runs.
class Binding {
 public:
  explicit Binding(const Session& session);
  // The value may be destroyed afterwards; the memory it views may not. On a device that is not the host the
  // content is copied now, so bind again after changing it.
  void input(const char* name, const Value& value);
  void output(const char* name, const Value& value);
  void output_to_host(const char* name);                   // allocated by the runtime at each run
  void output_to(const char* name, const Memory& memory);  // the same in another memory
  void run(const RunOptions& options);
  std::vector<Value> outputs() const;  // of the last run, in the order bound

 private:
  struct Crossing {
    std::string name;
    bool to_host;
    std::size_t bytes;
  };
  Crossing* find_crossing(const char* name);

  const Session* session_;
  Memory host_;
  Handle<abi::OrtIoBinding> binding_;
  std::vector<Crossing> crossings_;  // outputs that the runtime copies at each run
};

}  // namespace loquor::ort
