#include "model/contract.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace loquor {
namespace {

const ort::Port* find(const std::vector<ort::Port>& ports, const std::string& name) {
  const auto found =
      std::find_if(ports.begin(), ports.end(), [&](const ort::Port& port) { return port.name == name; });
  return found == ports.end() ? nullptr : &*found;
}

std::string names(const std::vector<ort::Port>& ports) {
  constexpr std::size_t kShown = 6;
  std::string text;
  for (std::size_t i = 0; i < ports.size() && i < kShown; ++i) text += (i == 0 ? "" : ", ") + ports[i].name;
  return ports.size() > kShown ? text + ", ..." : text;
}

std::string expectation(const std::vector<ort::ElementType>& types, const std::vector<int64_t>& dims) {
  std::string text;
  for (const auto type : types) {
    text += (text.empty() ? "" : " or ") + ort::element_type_name(static_cast<int>(type));
  }
  ort::Port shape;
  shape.dims = dims;
  const std::string described = shape.describe();
  return text + described.substr(described.find(" ["));
}

}  // namespace

const std::vector<ort::ElementType>& float_types() {
  static const std::vector<ort::ElementType> types = {ort::ElementType::kFloat32, ort::ElementType::kFloat16};
  return types;
}

const ort::Port& Contract::input(const std::string& name, const std::vector<ort::ElementType>& types,
                                 const std::vector<int64_t>& dims) const {
  const ort::Port* port = find(session_.inputs(), name);
  if (port == nullptr) fail("input '" + name + "' is missing (it has " + names(session_.inputs()) + ")");
  check(*port, "input", types, dims);
  return *port;
}

const ort::Port& Contract::output(const std::string& name, const std::vector<ort::ElementType>& types,
                                  const std::vector<int64_t>& dims) const {
  const ort::Port* port = find(session_.outputs(), name);
  if (port == nullptr) fail("output '" + name + "' is missing (it has " + names(session_.outputs()) + ")");
  check(*port, "output", types, dims);
  return *port;
}

void Contract::check(const ort::Port& port, const char* kind, const std::vector<ort::ElementType>& types,
                     const std::vector<int64_t>& dims) const {
  const bool type_fits = std::any_of(
      types.begin(), types.end(), [&](ort::ElementType type) { return static_cast<int>(type) == port.type; });
  bool shape_fits = port.dims.size() == dims.size();
  for (std::size_t i = 0; shape_fits && i < dims.size(); ++i) {
    shape_fits = dims[i] == kFree || port.dims[i] < 0 || port.dims[i] == dims[i];
  }
  if (!type_fits || !shape_fits) {
    fail(std::string(kind) + " '" + port.name + "' should be " + expectation(types, dims) + " but is " +
         port.describe());
  }
}

bool Contract::has_input(const std::string& name) const { return find(session_.inputs(), name) != nullptr; }
bool Contract::has_output(const std::string& name) const { return find(session_.outputs(), name) != nullptr; }

void Contract::no_other_inputs(const std::vector<std::string>& known) const {
  for (const ort::Port& port : session_.inputs()) {
    if (std::find(known.begin(), known.end(), port.name) == known.end()) {
      fail("input '" + port.name + "' (" + port.describe() +
           ") is not part of the contract, and nothing would feed it");
    }
  }
}

int64_t Contract::fixed(const ort::Port& port, std::size_t axis, const char* meaning) const {
  if (port.dims[axis] <= 0) {
    fail("'" + port.name + "' should declare its " + meaning + " (axis " + std::to_string(axis) +
         ") but is " + port.describe());
  }
  return port.dims[axis];
}

void Contract::equal(const std::string& what, int64_t expected, int64_t found) const {
  if (expected != found) {
    fail(what + " should be " + std::to_string(expected) + " but is " + std::to_string(found));
  }
}

void Contract::fail(const std::string& problem) const {
  throw Error(ErrorKind::kModel, session_.file_name() + ": " + problem + " [" + session_.file() + "]");
}

}  // namespace loquor
