// Below the engine, through the C ABI: a bundle's files, and single graphs run with tensors by name.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bundle.hpp"
#include "loquor/loquor.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

loquor_status run(const Session& session, const loquor_tensor& input, Tensors& outputs) {
  loquor_tensors* made = nullptr;
  const loquor_status status = loquor_session_run(session.get(), &input, 1, &made);
  outputs.reset(made);
  return status;
}

std::string file_of(const loquor::Bundle& bundle, loquor_graph graph) {
  return loquor_bundle_file(bundle.get(), graph);
}

}  // namespace

TEST_CASE("a bundle names its files without loading them") {
  if (!have_bundles()) return;
  const std::string folder = bundle("concat");
  const auto found = made<loquor::Bundle>(loquor_bundle_open, folder.c_str(), "fp16");
  CHECK(file_of(found, LOQUOR_LANGUAGE_MODEL).find("language_model_fp16.onnx") != std::string::npos);
  CHECK(loquor_bundle_dtype(found.get(), LOQUOR_EMBED_TOKENS) == std::string("fp16"));
  CHECK(loquor_bundle_dtype(nullptr, LOQUOR_EMBED_TOKENS) == nullptr);
  loquor_bundle* none = nullptr;
  CHECK(loquor_bundle_open(folder.c_str(), "q5", &none) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(loquor_bundle_open("nowhere", "auto", &none) == LOQUOR_ERROR_MODEL);
  CHECK(loquor_bundle_open(nullptr, "auto", &none) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(none == nullptr);
  loquor_bundle_close(nullptr);
}

TEST_CASE("one graph runs with tensors by name, and refuses what does not fit") {
  if (!have_bundles()) return;
  const Runtime runtime = open_runtime(environment("LOQUOR_TEST_RUNTIME"));
  const auto bundle_files = made<loquor::Bundle>(loquor_bundle_open, bundle("concat").c_str(), "fp32");
  const std::string file = file_of(bundle_files, LOQUOR_EMBED_TOKENS);
  const char* const as_published = nullptr;
  const auto session = made<Session>(loquor_session_open, runtime.get(), file.c_str(), as_published, 1);

  const std::vector<int64_t> ids = {39, 72, 50256, 50256};
  const std::vector<int64_t> dims = {1, 4};
  loquor_tensor input = {"input_ids", 7, dims.data(), 2, ids.data(), ids.size() * sizeof(int64_t)};
  Tensors outputs;
  REQUIRE(run(session, input, outputs) == LOQUOR_OK);
  REQUIRE(loquor_tensors_count(outputs.get()) == 1);
  loquor_tensor output = {};
  REQUIRE(loquor_tensors_get(outputs.get(), 0, &output) == LOQUOR_OK);
  CHECK(output.name == std::string("inputs_embeds"));
  CHECK(output.type == 1);
  CHECK(std::vector<int64_t>(output.dims, output.dims + output.rank) == std::vector<int64_t>{1, 4, 64});
  CHECK(output.byte_count == 4 * 64 * sizeof(float));
  CHECK(loquor_tensors_get(outputs.get(), 1, &output) == LOQUOR_ERROR_INVALID_INPUT);

  input.byte_count -= 1;
  CHECK(run(session, input, outputs) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(std::string(loquor_last_error()) ==
        "tensor 'input_ids' should have 32 bytes for its shape but has 31");
  input.byte_count += 1;
  input.type = 8;  // strings
  CHECK(run(session, input, outputs) == LOQUOR_ERROR_INVALID_INPUT);
  input.type = 7;
  input.data = nullptr;
  CHECK(run(session, input, outputs) == LOQUOR_ERROR_INVALID_INPUT);
  input.data = ids.data();
  input.name = "other";
  CHECK(run(session, input, outputs) == LOQUOR_ERROR_EXECUTION);
}

TEST_CASE("a prepared graph that cannot be read is an error that names it") {
  if (!have_bundles()) return;
  const Runtime runtime = open_runtime(environment("LOQUOR_TEST_RUNTIME"));
  const auto bundle_files = made<loquor::Bundle>(loquor_bundle_open, bundle("concat").c_str(), "fp32");
  const std::string file = file_of(bundle_files, LOQUOR_LANGUAGE_MODEL);
  loquor_session* none = nullptr;
  CHECK(loquor_session_open(runtime.get(), file.c_str(), "nowhere.onnx", 1, &none) == LOQUOR_ERROR_MODEL);
  CHECK(std::string(loquor_last_error()) ==
        "nowhere.onnx cannot be used as an ONNX graph (it is no regular file): fetch the bundle again");
  // Any graph serves: here the untouched one as bytes, with its weights beside the file.
  CHECK(loquor_session_open(runtime.get(), file.c_str(), file.c_str(), 1, &none) == LOQUOR_OK);
  loquor_session_close(none);
}
