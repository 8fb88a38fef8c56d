#include "model/embed_tokens.hpp"

#include <algorithm>

#include "model/contract.hpp"

namespace loquor {
namespace {

constexpr int64_t kFree = Contract::kFree;

const ort::Port& read_output(const ort::Session& session) {
  const Contract contract(session);
  contract.input("input_ids", {ort::ElementType::kInt64}, {kFree, kFree});
  contract.no_other_inputs({"input_ids"});
  return contract.output("inputs_embeds", float_types(), {kFree, kFree, kFree});
}

}  // namespace

EmbedTokens::EmbedTokens(ort::Session session)
    : session_(std::move(session)),
      type_(static_cast<ort::ElementType>(read_output(session_).type)),
      hidden_size_(Contract(session_).fixed(read_output(session_), 2, "hidden size")),
      host_(session_.api_ptr()),
      binding_(session_),
      half_(session_.api_ptr(), type_) {}

void EmbedTokens::embed(Span<const int64_t> ids, float* out, const ort::RunOptions& options) {
  const auto count = static_cast<int64_t>(ids.size());
  const std::size_t elements = ids.size() * static_cast<std::size_t>(hidden_size_);
  const bool direct = type_ == ort::ElementType::kFloat32;
  if (!direct) half_.reserve(elements);
  // The runtime takes inputs as mutable memory but does not write to them.
  embed(host_.view(ort::ElementType::kInt64, const_cast<int64_t*>(ids.data()), {1, count}),
        direct ? host_.view(type_, out, {1, count, hidden_size_}) : half_.view({1, count, hidden_size_}),
        options);
  if (direct) return;
  half_.from_graph(0, elements);
  std::copy_n(half_.data(), elements, out);
}

void EmbedTokens::embed(const ort::Value& ids, const ort::Value& out, const ort::RunOptions& options) {
  binding_.input("input_ids", ids);
  binding_.output("inputs_embeds", out);
  binding_.run(options);
}

}  // namespace loquor
