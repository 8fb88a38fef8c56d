#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "model/bundle_files.hpp"
#include "refusal.hpp"
#include "temp_folder.hpp"

using loquor::ErrorKind;
using loquor::find_graph_files;
using loquor::Listing;

namespace {

const std::vector<std::string> kAll = {"", "_fp16", "_quantized", "_q4", "_q4f16"};

// Empty files for each graph in the precisions with these suffixes.
void write_graphs(const TempFolder& folder, const std::vector<std::string>& suffixes) {
  for (const char* name : loquor::kGraphNames) {
    for (const std::string& suffix : suffixes) folder.write("onnx/" + (name + suffix) + ".onnx");
  }
}

// "q4 fp32 q4 q4": the dtype chosen for each graph.
std::string chosen(const TempFolder& folder, const std::string& spec, const std::string& preferred = "") {
  std::string text;
  for (const auto& file : find_graph_files(folder.path(), spec, preferred))
    text += (text.empty() ? "" : " ") + file.dtype;
  return text;
}

}  // namespace

TEST_CASE("each dtype is found under its published name") {
  const TempFolder folder;
  write_graphs(folder, kAll);
  const std::pair<const char*, const char*> names[] = {{"fp32", "language_model.onnx"},
                                                       {"fp16", "language_model_fp16.onnx"},
                                                       {"q8", "language_model_quantized.onnx"},
                                                       {"q4", "language_model_q4.onnx"},
                                                       {"q4f16", "language_model_q4f16.onnx"}};
  for (const auto& [dtype, name] : names) {
    const auto files = find_graph_files(folder.path(), dtype);
    const auto& file = files[static_cast<std::size_t>(loquor::Graph::kLanguageModel)];
    CHECK(file.dtype == dtype);
    CHECK(std::filesystem::equivalent(file.path, std::filesystem::path(folder.path()) / "onnx" / name));
  }
}

TEST_CASE("auto takes the fastest on a CPU that each graph offers") {
  const TempFolder folder;
  write_graphs(folder, {"_fp16"});
  CHECK(chosen(folder, "auto") == "fp16 fp16 fp16 fp16");
  write_graphs(folder, {""});
  CHECK(chosen(folder, "auto") == "fp32 fp32 fp32 fp32");
  folder.write("onnx/language_model_quantized.onnx");
  CHECK(chosen(folder, "auto") == "fp32 fp32 q8 fp32");
  folder.write("onnx/language_model_q4f16.onnx");
  folder.write("onnx/conditional_decoder_q4.onnx");
  CHECK(chosen(folder, "auto") == "fp32 fp32 q4f16 q4");
  write_graphs(folder, kAll);
  CHECK(chosen(folder, "auto") == "q4 q4 q4 q4");
}

TEST_CASE("auto may prefer a precision, and takes what there is where that is not on offer") {
  const TempFolder folder;
  write_graphs(folder, {"_q4", "_q4f16"});
  folder.write("onnx/language_model.onnx");
  CHECK(chosen(folder, "auto", "fp32") == "q4 q4 fp32 q4");
  CHECK(chosen(folder, "auto", "q4f16") == "q4f16 q4f16 q4f16 q4f16");
  CHECK(chosen(folder, "q4,language_model=auto", "fp32") == "q4 q4 fp32 q4");
  CHECK(chosen(folder, "embed_tokens=q4", "fp16") == "q4 q4 q4 q4");
}

TEST_CASE("a list gives one dtype for all graphs and exceptions, in any order") {
  const TempFolder folder;
  write_graphs(folder, kAll);
  CHECK(chosen(folder, "q8") == "q8 q8 q8 q8");
  CHECK(chosen(folder, "q4,conditional_decoder=fp32") == "q4 q4 q4 fp32");
  CHECK(chosen(folder, "conditional_decoder=fp32,q4") == "q4 q4 q4 fp32");
  CHECK(chosen(folder, "speech_encoder=fp16,embed_tokens=q8") == "fp16 q8 q4 q4");
  CHECK(chosen(folder, "fp32,language_model=auto") == "fp32 fp32 q4 fp32");
  CHECK(chosen(folder, " fp32,\tlanguage_model = q8 \n") == "fp32 fp32 q8 fp32");
}

TEST_CASE("a dtype that does not exist is the caller's mistake") {
  const TempFolder folder;
  write_graphs(folder, kAll);
  for (const char* spec :
       {"int4", "Q4", "q 4", "q4,,fp32", "vocoder=q4", "language_model=", "language_model=q5", "=q4",
        "language_model=q4=q4", "auto:", "auto:q4", " = ", "q4:fp32"}) {
    CAPTURE(spec);
    const Refusal refused = refusal([&] { find_graph_files(folder.path(), spec); });
    CHECK(refused.kind == ErrorKind::kInvalidInput);
    CHECK(refused.names("'" + std::string(spec) + "'"));
    CHECK(refused.names("auto or one of q4, q4f16, int8_mixed, q8, fp32, fp16, int8"));
  }
}

TEST_CASE("a dtype says everything once") {
  for (const auto& [spec, what] : {std::pair{"q4,fp32", "all graphs"},
                                   {"q4,q4", "all graphs"},
                                   {"auto,language_model=q4,auto", "all graphs"},
                                   {"language_model=q4, language_model=q4", "language_model"},
                                   {"fp32,embed_tokens=auto,embed_tokens=q8", "embed_tokens"}}) {
    CAPTURE(spec);
    const Refusal refused = refusal([&] { loquor::parse_dtype(spec); });
    CHECK(refused.kind == ErrorKind::kInvalidInput);
    CHECK(refused.names("dtype '" + std::string(spec) + "' says twice what " + what + " should be"));
  }
}

TEST_CASE("a file that is not there is told by graph, dtype, folder and what there is instead") {
  const TempFolder folder;
  write_graphs(folder, {"_fp16", "_q4"});
  Refusal refused = refusal([&] { find_graph_files(folder.path(), "fp32"); });
  CHECK(refused.kind == ErrorKind::kInvalidInput);
  CHECK(refused.names("'" + folder.path() + "' has no speech_encoder of dtype fp32"));
  CHECK(refused.names("(found: speech_encoder: q4 fp16; embed_tokens: q4 fp16;"));
  refused = refusal([&] { find_graph_files(folder.path(), "q4,language_model=q8"); });
  CHECK(refused.names("no language_model of dtype q8"));
  std::filesystem::remove(folder.path() + "/onnx/embed_tokens_q4.onnx");
  std::filesystem::remove(folder.path() + "/onnx/embed_tokens_fp16.onnx");
  refused = refusal([&] { find_graph_files(folder.path(), "auto"); });
  CHECK(refused.kind == ErrorKind::kModel);
  CHECK(refused.names("no onnx/embed_tokens*.onnx of any dtype"));
  CHECK(refused.names("embed_tokens:; language_model: q4 fp16"));
}

TEST_CASE("a folder where a file should be is no graph") {
  const TempFolder folder;
  write_graphs(folder, {""});
  std::filesystem::create_directory(folder.path() + "/onnx/language_model_q4.onnx");
  CHECK(chosen(folder, "auto") == "fp32 fp32 fp32 fp32");
}

TEST_CASE("a folder without 'onnx' is no bundle") {
  const TempFolder folder;
  folder.write("language_model.onnx");
  const Refusal refused = refusal([&] { find_graph_files(folder.path(), "auto"); });
  CHECK(refused.kind == ErrorKind::kModel);
  CHECK(refused.names(folder.path()));
  CHECK(refused.names("'onnx'"));
}

TEST_CASE("a listing is judged as the folder that it will be") {
  const TempFolder folder;
  write_graphs(folder, {"_q4", "_fp16"});
  folder.write("onnx/language_model.onnx");
  std::vector<std::string> paths = {"README.md", "onnx/language_model.onnx"};
  for (const char* name : loquor::kGraphNames) {
    for (const char* suffix : {"_q4", "_fp16"})
      paths.push_back(std::string("onnx/") + name + suffix + ".onnx");
  }
  const Listing listing(paths);
  for (const char* dtype : {"auto", "q4", "fp16,language_model=fp32", "auto,embed_tokens=fp16"}) {
    for (const char* advised : {"", "fp32", "q8"}) {
      std::string names;
      for (const auto* precision : listing.choose(dtype, advised, "it"))
        names += (names.empty() ? "" : " ") + std::string(precision->name);
      CHECK(names == chosen(folder, dtype, advised));
    }
  }
  CHECK(listing.offered(2).size() == 3);
  CHECK(Listing({}).offered(0).empty());
  CHECK(refusal([&] { listing.choose("q8", "", "it"); }).names("it has no speech_encoder of dtype q8"));
  CHECK(refusal([] { Listing({}).choose("auto", "", "it"); }).kind == ErrorKind::kModel);
}

TEST_CASE("an engine needs the settings, its graphs and their weights") {
  const auto q4 = loquor::parse_dtype("q4,language_model=fp32");
  for (const char* path : {"config.json", "Cangjie5_TC.json", "onnx/embed_tokens_q4.onnx",
                           "onnx/embed_tokens_q4.onnx_data", "onnx/embed_tokens_q4.onnx.data",
                           "onnx/language_model.onnx_data_1", "onnx/language_model.onnx.data_12"}) {
    CAPTURE(path);
    CHECK(loquor::needs(q4, path));
  }
  for (const char* path :
       {"", ".json", "README.md", "nested/config.json", "nested\\config.json", "onnx/config.json",
        "onnx/embed_tokens.onnx", "onnx/language_model_q4.onnx", "onnx/language_model.onnx.bak",
        "onnx/language_model.onnx_data_", "onnx/language_model.onnx_data_1x",
        "onnx/language_model.onnx_data1", "onnx/sub/language_model.onnx", "language_model.onnx"}) {
    CAPTURE(path);
    CHECK(!loquor::needs(q4, path));
  }
}

TEST_CASE("a dtype is read without a folder, and asks as the folder will be asked") {
  const auto names = [](const std::string& dtype) {
    std::string all;
    for (const auto* precision : loquor::parse_dtype(dtype))
      all += (all.empty() ? "" : " ") + std::string(precision != nullptr ? precision->name : "auto");
    return all;
  };
  CHECK(names("auto") == "auto auto auto auto");
  CHECK(names("embed_tokens=q4") == "auto q4 auto auto");
  CHECK(names("q4,language_model=auto") == "q4 q4 auto q4");
  CHECK(names("language_model=fp32, q4") == "q4 q4 fp32 q4");
}
