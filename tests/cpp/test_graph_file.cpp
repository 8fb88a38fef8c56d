// What is read out of an .onnx file without protobuf, and graphs that name other files.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "bundle.hpp"
#include "ort/graph_file.hpp"
#include "ort/weights.hpp"
#include "refusal.hpp"
#include "small_graphs.hpp"
#include "temp_folder.hpp"

using namespace loquor;
using namespace loquor::testing;
using ort::external_locations;
using ort::relocated_graph;

namespace {

std::string read(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// A field of bytes: all that the way to external data is made of.
std::string field(unsigned number, const std::string& content) {
  std::string out;
  const auto varint = [&](std::size_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
  };
  varint(number << 3 | 2);
  varint(content.size());
  return out + content;
}

std::string pair(const std::string& key, const std::string& value) {
  return field(13, field(1, key) + field(2, value));
}

std::string initializer(const std::string& tensor) { return field(7, field(5, tensor)); }

std::vector<std::string> locations_in(const std::string& model) {
  const TempFolder folder;
  return external_locations(folder.write("a.onnx", model));
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("locations are found wherever a graph can keep a tensor") {
  const std::string tensor = pair("location", "w");
  const auto attribute = [](unsigned number, const std::string& content) {
    return field(7, field(1, field(5, field(number, content))));
  };
  const std::string inner = field(5, tensor);
  for (const std::string& model :
       {initializer(tensor), field(7, field(15, field(1, tensor))), field(7, field(15, field(2, tensor))),
        attribute(5, tensor), attribute(6, inner), attribute(10, tensor), attribute(11, inner),
        attribute(22, field(1, tensor)), attribute(23, field(2, tensor)),
        field(25, field(7, field(5, field(5, tensor)))), field(25, field(11, field(5, tensor))),
        field(20, field(1, inner)), field(20, field(2, inner)),
        attribute(6, field(1, field(5, field(6, inner))))}) {
    CHECK(locations_in(model) == Names{"w"});
  }
  CHECK(locations_in(initializer(field(9, tensor))).empty());  // weights that look like one
  CHECK(locations_in("").empty());
}

TEST_CASE("locations come once, and of a field that is there twice the last counts") {
  CHECK(locations_in(initializer(pair("location", "a") + pair("offset", "0")) +
                     initializer(pair("location", "b")) + initializer(pair("location", "a"))) ==
        Names{"a", "b"});
  CHECK(locations_in(initializer(field(13, field(2, "a") + field(1, "location")))) == Names{"a"});
  CHECK(locations_in(initializer(field(
            13, field(1, "offset") + field(1, "location") + field(2, "a") + field(2, "b")))) == Names{"b"});
}

TEST_CASE("a relocated graph is the same but for its locations") {
  if (!have_bundles()) return;
  for (const auto& file : manifest_of("concat").files) {
    const Names names = external_locations(file.path);
    REQUIRE(names.size() == 1);
    CHECK(relocated_graph(file.path, {{names[0], names[0]}}) == read(file.path));
    const TempFolder folder;
    const std::string longer(300, 'x');
    const std::string moved = folder.write("moved.onnx", relocated_graph(file.path, {{names[0], longer}}));
    CHECK(external_locations(moved) == Names{longer});
    CHECK(relocated_graph(moved, {{longer, names[0]}}) == read(file.path));
  }
}

TEST_CASE("what is no ONNX graph, or beyond any real one, is refused by name") {
  std::string deep = pair("location", "w");
  for (int i = 0; i < 40; ++i) deep = field(1, field(5, field(6, deep)));
  std::string many;
  for (int i = 0; i < 1001; ++i) many += initializer(pair("location", std::to_string(i)));
  std::string nodes;
  for (int i = 0; i < 200'001; ++i) nodes += field(1, "");
  const std::pair<std::string, const char*> cases[] = {
      {"\x3a\x05"
       "ab",
       "longer than what it lies in"},
      {"\x3a\xff\xff\xff\xff\xff\x01", "a number is cut off"},
      {"\x3b", "no known type"},
      {std::string("\x02\x00", 2), "a field has no number"},
      {field(7, deep), "nested too deep"},
      {many, "more than 1000 files"},
      {field(7, nodes), "too many nodes"},
      {initializer(pair("location", std::string(9000, 'x'))), "too long"},
      {initializer(pair("location", "caf\xE9")), "not UTF-8"},
      {field(7, field(12, std::string((64 << 20) + 1, ' '))), "structure is too large"},
  };
  const TempFolder folder;
  for (const auto& [model, says] : cases) {
    CAPTURE(says);
    const std::string file = folder.write("a.onnx", model);
    const Refusal refused = refusal([&] { external_locations(file); });
    CHECK(refused.kind == ErrorKind::kModel);
    CHECK(refused.names(file));
    CHECK(refused.names(says));
  }
  CHECK(refusal([&] { external_locations(folder.path()); }).names("no regular file"));
  CHECK(refusal([&] { external_locations(folder.path() + "/none"); }).names("no regular file"));
}

TEST_CASE("weights inside a graph are passed over, whatever their size") {
  const TempFolder folder;
  const std::string file = folder.write("a.onnx");
  {
    // 200 MB that take no room on the disk, behind the heads of the messages that hold them.
    constexpr std::size_t kSize = 200'000'000;
    std::ofstream stream(file, std::ios::binary);
    const std::string payload = field(9, std::string(kSize, '\0')).substr(0, 6);
    const auto head = [](unsigned number, std::size_t size) {
      return field(number, std::string(size, '\0')).substr(0, 5);
    };
    const std::string end = pair("location", "w");
    const std::size_t tensor = 5 + kSize + end.size();
    stream << head(7, 5 + tensor) << head(5, tensor) << payload.substr(0, 5);
    stream.seekp(static_cast<std::streamoff>(15 + kSize));
    stream << end;
  }
  CHECK(external_locations(file) == Names{"w"});
}

TEST_CASE("10,000 damaged graphs are read or refused, nothing else") {
  if (!have_bundles()) return;
  const std::string good = read(manifest_of("concat").files[1].path);
  const CounterRng rng(7);
  uint64_t draw = 0;
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(rng.block(draw++)[0] % n); };
  const TempFolder folder;
  int refused = 0;
  for (int round = 0; round < 10000; ++round) {
    std::string bytes = good;
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const std::size_t at = below(bytes.size());
      if (below(4) == 0) {
        bytes.erase(at, 1 + below(8));
      } else {
        bytes[at] = static_cast<char>(below(256));
      }
    }
    const std::string file = folder.write("a.onnx", bytes);
    try {
      std::map<std::string, std::string> places;
      for (const auto& name : external_locations(file)) places[name] = name + name;
      relocated_graph(file, places);
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::kModel);
      ++refused;
    }
  }
  CHECK(refused > 1000);
  CHECK(refused < 9900);
}

TEST_CASE("a graph beside its weights is loaded by its path, all others by their bytes") {
  const TempFolder folder;
  const std::string model = initializer(pair("location", "w"));
  const std::string file = folder.write("bundle/onnx/a.onnx", model);
  folder.write("bundle/onnx/w");
  CHECK(ort::open_graph(file, "").bytes.empty());
  CHECK(ort::open_graph(folder.write("bundle/onnx/none.onnx", field(7, "")), "").bytes.empty());
  const std::string dotted = folder.write("bundle/onnx/dotted.onnx", initializer(pair("location", "./w")));
  CHECK(ort::open_graph(dotted, "").bytes.empty());

  const std::string prepared = folder.write("cache/b.onnx", model);
  const auto rewritten = ort::open_graph(file, prepared);
  CHECK(rewritten.bytes == model);
  CHECK(refusal([&] { ort::open_graph(file, folder.write("cache/empty.onnx")); }).names("is empty"));
  CHECK(std::filesystem::equivalent(rewritten.weights_folder, folder.path() + "/bundle/onnx"));

  std::filesystem::create_directory(folder.path() + "/bundle/data");
  std::filesystem::rename(folder.path() + "/bundle/onnx/w", folder.path() + "/bundle/data/v");
  std::filesystem::create_symlink("../data/v", folder.path() + "/bundle/onnx/w");
  const auto linked = ort::open_graph(file, "");
  CHECK(linked.bytes == initializer(pair("location", "v")));
  CHECK(std::filesystem::equivalent(linked.weights_folder, folder.path() + "/bundle/data"));
}

TEST_CASE("locations start from the deepest folder above all weights") {
  const TempFolder folder;
  const std::string file = folder.write("bundle/onnx/a.onnx", initializer(pair("location", "../b/1")) +
                                                                  initializer(pair("location", "../b/c/2")));
  folder.write("bundle/b/1");
  folder.write("bundle/b/c/2");
  const auto loadable = ort::open_graph(file, "");
  CHECK(loadable.bytes == initializer(pair("location", "1")) + initializer(pair("location", "c/2")));
  CHECK(std::filesystem::equivalent(loadable.weights_folder, folder.path() + "/bundle/b"));
}

TEST_CASE("what a graph takes is read without a runtime, weights left out") {
  const TempFolder folder;
  const auto taking = [&](const Names& inputs, const Names& weighted) {
    return ort::declared_inputs(folder.write("a.onnx", SmallGraphs::taking(inputs, weighted)));
  };
  CHECK(taking({}, {}) == Names{});
  CHECK(taking({"a", "b"}, {}) == Names{"a", "b"});
  CHECK(taking({"w", "a", "v"}, {"v", "w", "x"}) == Names{"a"});
  CHECK(ort::declared_inputs(folder.write("b.onnx")).empty());
  // An input may say more than its name, in any order; of two names the last counts.
  const std::string input = field(3, "doc") + field(1, "first") + field(2, field(1, "")) + field(1, "last");
  CHECK(ort::declared_inputs(folder.write("c.onnx", field(7, field(11, input)))) == Names{"last"});
  // Those of a graph inside a node are its own.
  const std::string inner = field(7, field(1, field(5, field(6, field(11, field(1, "inner"))))));
  CHECK(ort::declared_inputs(folder.write("d.onnx", inner)).empty());
  CHECK(refusal([&] {
          ort::declared_inputs(folder.write("e.onnx", field(7, std::string("\x5a\x7f", 2))));
        }).names("e.onnx cannot be used"));
  CHECK(refusal([&] {
          ort::declared_inputs(folder.write("f.onnx", field(7, field(11, field(1, std::string(9000, 'a'))))));
        }).names("too long"));
  if (!have_bundles()) return;
  CHECK(ort::declared_inputs(manifest_of("concat").files[1].path) == Names{"input_ids"});
}

TEST_CASE("weights are told by name, type and shape, and where their values lie") {
  if (!have_bundles()) return;
  const std::string file = manifest_of("llama-gqa").files[static_cast<std::size_t>(Graph::kEmbedTokens)].path;
  bool found = false;
  for (const ort::DeclaredWeight& weight : ort::declared_weights(file)) {
    if (weight.name != "text_emb.weight") continue;
    found = true;
    CHECK(weight.type == 1);
    CHECK(weight.dims == std::vector<int64_t>{704, 64});
    CHECK(weight.location == "embed_tokens.onnx_data");
    CHECK(weight.bytes == 704 * 64 * 4);
  }
  CHECK(found);
  const TempFolder folder;
  const auto own = folder.write("own.onnx", SmallGraphs::table({1, 2, 3, 4, 5, 6}, 2));
  const auto weights = ort::declared_weights(own);
  REQUIRE(weights.size() == 1);
  CHECK(weights[0].dims == std::vector<int64_t>{3, 2});
  CHECK(weights[0].location == "");
  CHECK(weights[0].bytes == 24);
  float first = 0;
  std::ifstream(own, std::ios::binary)
      .seekg(static_cast<std::streamoff>(weights[0].offset))
      .read(reinterpret_cast<char*>(&first), sizeof(first));
  CHECK(first == 1);
}

TEST_CASE("weights that lie nowhere, and too many dimensions, are no graph") {
  const TempFolder folder;
  const std::string odd = initializer(field(8, "w") + pair("location", "w") + pair("offset", "1x"));
  CHECK(refusal([&] { ort::declared_weights(folder.write("a.onnx", odd)); }).names("is no number"));
  const std::string many = initializer(field(8, "w") + field(1, std::string(40, '\1')));
  CHECK(refusal([&] { ort::declared_weights(folder.write("a.onnx", many)); }).names("too many dimensions"));
}
