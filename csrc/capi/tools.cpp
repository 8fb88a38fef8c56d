// Below the engine: a graph's weights, and single graphs run with tensors by name.
#include <cstring>

#include "capi/handles.hpp"
#include "kernels/cpu.hpp"
#include "model/prepared_cache.hpp"
#include "ort/operators.hpp"

using namespace loquor::capi;
using loquor::Error;
using loquor::ErrorKind;

namespace {

// A view of what the caller gave; the runtime does not write to its inputs.
loquor::ort::Value view_of(const loquor::ort::Memory& host, const loquor_tensor& tensor) {
  const auto type = static_cast<loquor::ort::ElementType>(tensor.type);
  const std::size_t size = loquor::ort::element_size(type);
  const std::string name = &required(tensor.name, "name");
  if (size == 0)
    throw Error(ErrorKind::kInvalidInput, "tensor '" + name + "' has a type that cannot be given");
  if (tensor.rank > 0) required(tensor.dims, "dims");
  std::size_t bytes = size;
  for (std::size_t i = 0; i < tensor.rank; ++i) {
    if (tensor.dims[i] < 0)
      throw Error(ErrorKind::kInvalidInput, "tensor '" + name + "' has a negative size");
    bytes *= static_cast<std::size_t>(tensor.dims[i]);
  }
  if (bytes != tensor.byte_count) {
    throw Error(ErrorKind::kInvalidInput, "tensor '" + name + "' should have " + std::to_string(bytes) +
                                              " bytes for its shape but has " +
                                              std::to_string(tensor.byte_count));
  }
  static char nothing = 0;  // an empty tensor needs an address too
  const char* const data = bytes == 0 ? &nothing : &required(static_cast<const char*>(tensor.data), "data");
  return host.view(type, const_cast<char*>(data), tensor.dims, tensor.rank);
}

}  // namespace

extern "C" {

loquor_status loquor_weights_find(const char* graph_file, loquor_weights** out) {
  return as_status([&] {
    required(out, "out");
    const std::string file = &required(graph_file, "graph_file");
    *out = new loquor_weights{loquor::ort::find_weights(file, file)};
  });
}

void loquor_weights_destroy(loquor_weights* weights) { delete weights; }

size_t loquor_weights_count(const loquor_weights* weights) {
  return weights != nullptr ? weights->files.size() : 0;
}

const char* loquor_weights_location(const loquor_weights* weights, size_t index) {
  return index < loquor_weights_count(weights) ? weights->files[index].location.c_str() : nullptr;
}

const char* loquor_weights_file(const loquor_weights* weights, size_t index) {
  return index < loquor_weights_count(weights) ? weights->files[index].file.c_str() : nullptr;
}

loquor_status loquor_graph_open(loquor_runtime* runtime, const char* file, const char* prepared,
                                int32_t threads, loquor_graph** out) {
  return as_status([&] {
    required(out, "out");
    const auto& api = required(runtime, "runtime").api;
    const int count = threads > 0 ? threads : loquor::ort::default_threads();
    *out = new loquor_graph{{api,
                             &required(file, "file"),
                             {loquor::ort::choose_device(*api, "cpu", {}), count},
                             prepared != nullptr ? prepared : ""}};
  });
}

void loquor_graph_close(loquor_graph* graph) { give_back(graph); }

loquor_status loquor_graph_run(loquor_graph* graph, const loquor_tensor* inputs, size_t input_count,
                               loquor_tensors** out) {
  return as_status([&] {
    required(out, "out");
    const loquor::ort::Session& session = required(graph, "graph").session;
    if (input_count > 0) required(inputs, "inputs");
    const loquor::ort::Memory host(session.api_ptr());
    std::vector<loquor::ort::Value> values;
    std::vector<loquor::ort::Session::Feed> feeds;
    for (size_t i = 0; i < input_count; ++i) {
      values.push_back(view_of(host, inputs[i]));
      feeds.emplace_back(inputs[i].name, values.back().get());
    }
    auto made = std::make_unique<loquor_tensors>();
    made->api = session.api_ptr();
    for (const auto& port : session.outputs()) made->names.push_back(port.name);
    made->values = session.run(loquor::ort::RunOptions(session.api()), feeds, made->names);
    for (const auto& value : made->values) {
      made->shapes.push_back(loquor::ort::shape_of(session.api(), value.get()));
    }
    *out = made.release();
  });
}

size_t loquor_tensors_count(const loquor_tensors* tensors) {
  return tensors != nullptr ? tensors->names.size() : 0;
}

loquor_status loquor_tensors_get(const loquor_tensors* tensors, size_t index, loquor_tensor* tensor) {
  return as_status([&] {
    const loquor_tensors& from = required(tensors, "tensors");
    if (index >= from.names.size()) throw Error(ErrorKind::kInvalidInput, "index is out of range");
    const auto& shape = from.shapes[index];
    const auto size = loquor::ort::element_size(static_cast<loquor::ort::ElementType>(shape.type));
    if (size == 0) {
      throw Error(ErrorKind::kInvalidInput,
                  "output '" + from.names[index] + "' has a type that cannot be read");
    }
    required(tensor, "tensor") = {from.names[index].c_str(),
                                  shape.type,
                                  shape.dims.data(),
                                  shape.dims.size(),
                                  loquor::ort::data_of<char>(*from.api, from.values[index].get()),
                                  size * static_cast<std::size_t>(shape.count())};
  });
}

void loquor_tensors_destroy(loquor_tensors* tensors) { give_back(tensors); }

int32_t loquor_preparation_version(void) { return loquor::kPreparationVersion; }

loquor_status loquor_prepared_key(const char* graph_file, const loquor_prepared_use* use, char key[33]) {
  return as_status([&] {
    required(key, "key");
    const auto given = read_struct(required(use, "use"), loquor_prepared_use{}, "use");
    loquor::PreparedUse read;
    read.graph = &required(given.graph, "graph");
    read.kv_dtype = &required(given.kv_dtype, "kv_dtype");
    read.vector_unit = &required(given.vector_unit, "vector_unit");
    read.device = &required(given.device, "device");
    read.own_operators = given.own_operators != 0;
    read.int16 = given.int16 != 0;
    read.version = given.version;
    read.runtime = &required(given.runtime, "runtime");
    read.scaled_for = &required(given.scaled_for, "scaled_for");
    const std::string made = loquor::prepared_key(&required(graph_file, "graph_file"), read);
    std::memcpy(key, made.c_str(), made.size() + 1);
  });
}

const char* loquor_vector_unit(void) { return loquor::vector_unit_name(); }

const char* loquor_matrix_unit(void) { return loquor::matrix_unit_name(); }

void* RegisterCustomOps(void* session_options, const void* api_base) {
  try {
    return loquor::ort::register_operators(session_options, api_base);
  } catch (...) {
    return nullptr;  // out of memory: the load of the graph then names the operators
  }
}

}  // extern "C"
