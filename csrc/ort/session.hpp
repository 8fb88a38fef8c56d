// One graph, loaded: its ports as it declares them, and ways to run it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ort/device.hpp"
#include "ort/value.hpp"

namespace loquor::ort {

// A graph's input or output.
struct Port {
  std::string name;
  int type = 0;                      // ONNX element type; 0 when it is no tensor
  std::vector<int64_t> dims;         // -1 where free
  std::vector<std::string> symbols;  // by axis: the name of a free one, or empty
  std::string describe() const;      // "float32 [?, ?, 1024]"
};

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
};

class Session {
 public:
  // Tries the highest optimization level first and goes down when a kernel is missing there; says so in the
  // log. `prepared` is a rewritten graph to load instead, whose weights are still those beside `file`. Throws
  // kModel naming the file.
  Session(ApiPtr api, std::string file, const SessionConfig& config, const std::string& prepared = {});

  const Api& api() const { return *api_; }
  const ApiPtr& api_ptr() const { return api_; }
  abi::OrtSession* get() const { return session_.get(); }
  const std::string& file() const { return file_; }
  std::string file_name() const;
  const char* optimization_level() const { return level_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  // Memory that this graph's outputs may stay in.
  Memory memory(const Device& device) const;

  using Feed = std::pair<const char*, const abi::OrtValue*>;
  // Runs with plain inputs; outputs come back in host memory, in the order of `outputs`. Throws kExecution.
  std::vector<Value> run(const RunOptions& options, const std::vector<Feed>& inputs,
                         const std::vector<std::string>& outputs) const;
  [[noreturn]] void run_failed(abi::OrtStatus* status) const;

 private:
  std::vector<Port> read_ports(bool inputs) const;

  ApiPtr api_;
  std::string file_;
  const char* level_ = "";
  Handle<abi::OrtCustomOpDomain> kernels_;  // of a prepared graph, which it must outlive
  Handle<abi::OrtSession> session_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
};

// Inputs and outputs that stay bound between runs.
class Binding {
 public:
  explicit Binding(const Session& session);
  // The value may be destroyed afterwards; the memory it views may not. On a device that is not the host the
  // content is copied now, so bind again after changing it.
  void input(const char* name, const Value& value);
  void output(const char* name, const Value& value);
  void output_to_host(const char* name);  // allocated by the runtime at each run
  void run(const RunOptions& options);
  std::vector<Value> outputs() const;  // of the last run, in the order bound

 private:
  const Session& session_;
  Memory host_;
  Handle<abi::OrtIoBinding> binding_;
};

}  // namespace loquor::ort
