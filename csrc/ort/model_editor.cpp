#include "ort/model_editor.hpp"

#include <cstring>

namespace loquor::ort {
namespace {

const char* const kDoing = "extending a graph";

}  // namespace

GraphEdit::GraphEdit(const Api& api, std::vector<Port> inputs, std::vector<Port> outputs, int opset)
    : api_(api),
      editor_(*api->GetModelEditorApi()),
      graph_(api.make<abi::OrtGraph>(kDoing, editor_.CreateGraph)),
      inputs_(std::move(inputs)),
      outputs_(std::move(outputs)),
      opset_(opset) {}

std::string GraphEdit::input(const std::string& name, ElementType type, std::vector<int64_t> dims) {
  new_inputs_.push_back({name, static_cast<int>(type), std::move(dims), {}});
  return name;
}

void GraphEdit::output(const std::string& name, ElementType type, std::vector<int64_t> dims) {
  new_outputs_.push_back({name, static_cast<int>(type), std::move(dims), {}});
}

std::string GraphEdit::constant(const std::vector<float>& values, std::vector<int64_t> dims,
                                const std::string& name) {
  return add_constant(ElementType::kFloat32, values.data(), values.size() * sizeof(float), std::move(dims),
                      name);
}

std::string GraphEdit::constant(const std::vector<double>& values, std::vector<int64_t> dims,
                                const std::string& name) {
  return add_constant(ElementType::kFloat64, values.data(), values.size() * sizeof(double), std::move(dims),
                      name);
}

std::string GraphEdit::constant(const std::vector<int64_t>& values, std::vector<int64_t> dims,
                                const std::string& name) {
  return add_constant(ElementType::kInt64, values.data(), values.size() * sizeof(int64_t), std::move(dims),
                      name);
}

std::string GraphEdit::add_constant(ElementType type, const void* data, std::size_t bytes,
                                    std::vector<int64_t> dims, const std::string& given) {
  abi::OrtAllocator* allocator = nullptr;  // the runtime's own: not ours to release
  api_.check(api_->GetAllocatorWithDefaultOptions(&allocator), kDoing);
  Value value = api_.make<abi::OrtValue>(kDoing, api_->CreateTensorAsOrtValue, allocator, dims.data(),
                                         dims.size(), static_cast<abi::ONNXTensorElementDataType>(type));
  std::memcpy(data_of<char>(api_, value.get()), data, bytes);
  const std::string name = given.empty() ? unique() : given;
  api_.check(editor_.AddInitializerToGraph(graph_.get(), name.c_str(), value.get(), false), kDoing);
  static_cast<void>(value.release());  // the graph has it now
  return name;
}

std::string GraphEdit::node(const char* op, const std::vector<std::string>& inputs,
                            std::initializer_list<Attribute> attributes, const std::string& name) {
  const std::string output = name.empty() ? unique() : name;
  add_node(op, inputs, {output}, attributes);
  return output;
}

std::vector<std::string> GraphEdit::nodes(const char* op, const std::vector<std::string>& inputs,
                                          std::size_t count, std::initializer_list<Attribute> attributes) {
  std::vector<std::string> outputs;
  for (std::size_t i = 0; i < count; ++i) outputs.push_back(unique());
  add_node(op, inputs, outputs, attributes);
  return outputs;
}

void GraphEdit::add_node(const char* op, const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs,
                         std::initializer_list<Attribute> attributes) {
  std::vector<Handle<abi::OrtOpAttr>> owned;
  std::vector<abi::OrtOpAttr*> raw;
  for (const Attribute& attribute : attributes) {
    const auto* list = std::get_if<std::vector<int64_t>>(&attribute.value);
    const int* small = std::get_if<int>(&attribute.value);
    const int64_t one = list != nullptr ? 0 : small != nullptr ? *small : std::get<int64_t>(attribute.value);
    owned.push_back(api_.make<abi::OrtOpAttr>(
        kDoing, api_->CreateOpAttr, attribute.name,
        list != nullptr ? static_cast<const void*>(list->data()) : static_cast<const void*>(&one),
        list != nullptr ? static_cast<int>(list->size()) : 1,
        list != nullptr ? abi::ORT_OP_ATTR_INTS : abi::ORT_OP_ATTR_INT));
    raw.push_back(owned.back().get());
  }
  std::vector<const char*> from;
  for (const auto& name : inputs) from.push_back(name.c_str());
  std::vector<const char*> to;
  for (const auto& name : outputs) to.push_back(name.c_str());
  auto node = api_.make<abi::OrtNode>(kDoing, editor_.CreateNode, op, "", outputs[0].c_str(), from.data(),
                                      from.size(), to.data(), to.size(), raw.data(), raw.size());
  for (auto& attribute : owned) static_cast<void>(attribute.release());  // the node has them now
  api_.check(editor_.AddNodeToGraph(graph_.get(), node.get()), kDoing);
  static_cast<void>(node.release());
}

std::vector<std::string> GraphEdit::input_names() const {
  std::vector<std::string> names;
  for (const Port& port : new_inputs_) names.push_back(port.name);
  return names;
}

std::string GraphEdit::unique() { return "loquor.made." + std::to_string(made_++); }

// The handles as the runtime wants them: on success it takes each and leaves null.
std::vector<abi::OrtValueInfo*> GraphEdit::value_infos(const std::vector<Port>& ports) const {
  std::vector<Handle<abi::OrtValueInfo>> owned;
  for (const Port& port : ports) {
    const auto shape = api_.make<abi::OrtTensorTypeAndShapeInfo>(kDoing, api_->CreateTensorTypeAndShapeInfo);
    api_.check(
        api_->SetTensorElementType(shape.get(), static_cast<abi::ONNXTensorElementDataType>(port.type)),
        kDoing);
    api_.check(api_->SetDimensions(shape.get(), port.dims.data(), port.dims.size()), kDoing);
    const auto type =
        api_.make<abi::OrtTypeInfo>(kDoing, editor_.CreateTensorTypeInfo,
                                    static_cast<const abi::OrtTensorTypeAndShapeInfo*>(shape.get()));
    owned.push_back(api_.make<abi::OrtValueInfo>(kDoing, editor_.CreateValueInfo, port.name.c_str(),
                                                 static_cast<const abi::OrtTypeInfo*>(type.get())));
  }
  std::vector<abi::OrtValueInfo*> raw;
  for (auto& info : owned) raw.push_back(info.release());
  return raw;
}

abi::OrtStatus* GraphEdit::apply(abi::OrtSession* session) {
  // Each list replaces the graph's own, so both name what was there as well.
  const auto set = [&](auto setter, std::vector<Port> ports, const std::vector<Port>& more) {
    ports.insert(ports.end(), more.begin(), more.end());
    auto infos = value_infos(ports);
    abi::OrtStatus* status = setter(graph_.get(), infos.data(), infos.size());
    for (abi::OrtValueInfo* info : infos) static_cast<void>(api_.own(info));  // what was not taken
    api_.check(status, kDoing);
  };
  if (!new_inputs_.empty()) set(editor_.SetGraphInputs, inputs_, new_inputs_);
  if (!new_outputs_.empty()) set(editor_.SetGraphOutputs, outputs_, new_outputs_);
  const char* const domain = "";
  auto model = api_.make<abi::OrtModel>(kDoing, editor_.CreateModel, &domain, &opset_, std::size_t{1});
  api_.check(editor_.AddGraphToModel(model.get(), graph_.get()), kDoing);
  static_cast<void>(graph_.release());
  return editor_.ApplyModelToModelEditorSession(session, model.get());
}

}  // namespace loquor::ort
