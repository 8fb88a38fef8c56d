// Below the engine, through the C ABI: a bundle's files, and single graphs run with tensors by name.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bundle.hpp"
#include "loquor/loquor.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

const char* const kNoAdvice = nullptr;

loquor_status run(const v5::Graph& graph, const loquor_tensor& input, Tensors& outputs) {
  loquor_tensors* made = nullptr;
  const loquor_status status = loquor_graph_run(graph.get(), &input, 1, &made);
  outputs.reset(made);
  return status;
}

loquor_graph_info named(const std::string& name, const std::vector<loquor_graph_info>& infos) {
  for (const loquor_graph_info& info : infos) {
    if (info.name == name) return info;
  }
  FAIL("there is no graph named " << name);
  return {};
}

}  // namespace

TEST_CASE("a bundle names its files without loading them") {
  if (!have_bundles()) return;
  const std::string folder = bundle("concat");
  const auto found = made<loquor::Bundle>(loquor_bundle_open, folder.c_str(), "fp16", kNoAdvice);
  const std::vector<loquor_graph_info> infos = graphs(found);
  REQUIRE(infos.size() == 4);
  const loquor_graph_info lm = named("language_model", infos);
  CHECK(std::string(lm.file).find("language_model_fp16.onnx") != std::string::npos);
  CHECK(lm.dtype == std::string("fp16"));
  CHECK((lm.optimization_level == nullptr && lm.placement == nullptr));
  loquor_graph_info info = {};
  CHECK(loquor_bundle_get_graph(found.get(), 0, &info) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(std::string(loquor_last_error()) == "info: struct_size is not set");
  info.struct_size = sizeof(info);
  CHECK(loquor_bundle_get_graph(found.get(), 4, &info) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(std::string(loquor_last_error()) == "there is no graph 4: they are counted from 0 to 3");
  CHECK(info.name == nullptr);
  loquor_bundle* none = nullptr;
  CHECK(loquor_bundle_open(folder.c_str(), "q5", nullptr, &none) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(loquor_bundle_open("nowhere", "auto", nullptr, &none) == LOQUOR_ERROR_MODEL);
  CHECK(loquor_bundle_open(nullptr, "auto", nullptr, &none) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(none == nullptr);
  loquor_bundle_close(nullptr);
}

TEST_CASE("an engine tells its graphs by index, as they were loaded") {
  if (!have_bundles()) return;
  const Runtime runtime = open_runtime(environment("LOQUOR_TEST_RUNTIME"));
  const v5::Engine engine(runtime, bundle("concat"));
  const std::vector<loquor_graph_info> infos = engine.graphs();
  REQUIRE(infos.size() == 4);
  CHECK(infos[0].name == std::string("speech_encoder"));
  for (const loquor_graph_info& info : infos) {
    CAPTURE(info.name);
    CHECK(std::string(info.file).find(std::string(info.name) + ".onnx") != std::string::npos);
    CHECK(info.dtype == std::string("fp32"));
    const bool loaded = info.name != std::string("speech_encoder");  // which no recording needed yet
    CHECK((info.optimization_level != nullptr) == loaded);
    CHECK((info.placement != nullptr) == loaded);
  }
}

TEST_CASE("one graph runs with tensors by name, and refuses what does not fit") {
  if (!have_bundles()) return;
  const Runtime runtime = open_runtime(environment("LOQUOR_TEST_RUNTIME"));
  const auto bundle_files =
      made<loquor::Bundle>(loquor_bundle_open, bundle("concat").c_str(), "fp32", kNoAdvice);
  const std::string file = named("embed_tokens", graphs(bundle_files)).file;
  const char* const as_published = nullptr;
  const auto graph = made<v5::Graph>(loquor_graph_open, runtime.get(), file.c_str(), as_published, 1);

  const std::vector<int64_t> ids = {39, 72, 50256, 50256};
  const std::vector<int64_t> dims = {1, 4};
  loquor_tensor input = {"input_ids", 7, dims.data(), 2, ids.data(), ids.size() * sizeof(int64_t)};
  Tensors outputs;
  REQUIRE(run(graph, input, outputs) == LOQUOR_OK);
  REQUIRE(loquor_tensors_count(outputs.get()) == 1);
  loquor_tensor output = {};
  REQUIRE(loquor_tensors_get(outputs.get(), 0, &output) == LOQUOR_OK);
  CHECK(output.name == std::string("inputs_embeds"));
  CHECK(output.type == 1);
  CHECK(std::vector<int64_t>(output.dims, output.dims + output.rank) == std::vector<int64_t>{1, 4, 64});
  CHECK(output.byte_count == 4 * 64 * sizeof(float));
  CHECK(loquor_tensors_get(outputs.get(), 1, &output) == LOQUOR_ERROR_INVALID_INPUT);

  input.byte_count -= 1;
  CHECK(run(graph, input, outputs) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(std::string(loquor_last_error()) ==
        "tensor 'input_ids' should have 32 bytes for its shape but has 31");
  input.byte_count += 1;
  input.type = 8;  // strings
  CHECK(run(graph, input, outputs) == LOQUOR_ERROR_INVALID_INPUT);
  input.type = 7;
  input.data = nullptr;
  CHECK(run(graph, input, outputs) == LOQUOR_ERROR_INVALID_INPUT);
  input.data = ids.data();
  input.name = "other";
  CHECK(run(graph, input, outputs) == LOQUOR_ERROR_EXECUTION);
}

TEST_CASE("a prepared graph that cannot be read is an error that names it") {
  if (!have_bundles()) return;
  const Runtime runtime = open_runtime(environment("LOQUOR_TEST_RUNTIME"));
  const auto bundle_files =
      made<loquor::Bundle>(loquor_bundle_open, bundle("concat").c_str(), "fp32", kNoAdvice);
  const std::string file = named("language_model", graphs(bundle_files)).file;
  loquor_graph* none = nullptr;
  CHECK(loquor_graph_open(runtime.get(), file.c_str(), "nowhere.onnx", 1, &none) == LOQUOR_ERROR_MODEL);
  CHECK(std::string(loquor_last_error()) ==
        "nowhere.onnx cannot be used as an ONNX graph (it is no regular file): fetch the bundle again");
  // Any graph serves: here the untouched one as bytes, with its weights beside the file.
  CHECK(loquor_graph_open(runtime.get(), file.c_str(), file.c_str(), 1, &none) == LOQUOR_OK);
  loquor_graph_close(none);
}
