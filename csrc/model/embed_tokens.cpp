#include "model/embed_tokens.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "model/contract.hpp"

namespace loquor {
namespace {

constexpr int64_t kFree = Contract::kFree;
constexpr const char* kConditioning = "text_conditioning";

const ort::Port& read_output(const ort::Session& session, bool with_rules) {
  const Contract contract(session);
  std::vector<std::string> known = {"input_ids"};
  contract.input("input_ids", {ort::ElementType::kInt64}, {kFree, kFree});
  if (with_rules) {
    contract.input("position_ids", {ort::ElementType::kInt64}, {kFree, kFree});
    contract.input("exaggeration", {ort::ElementType::kFloat32}, {kFree});
    known.insert(known.end(), {"position_ids", "exaggeration"});
    if (contract.has_input(kConditioning)) {
      contract.input(kConditioning, {ort::ElementType::kFloat32}, {kFree});
      known.emplace_back(kConditioning);
    }
  }
  contract.no_other_inputs(known);
  return contract.output("inputs_embeds", float_types(), {kFree, kFree, kFree});
}

// The runtime takes inputs as mutable memory but does not write to them.
template <class T>
T* writable(Span<const T> values) {
  return const_cast<T*>(values.data());
}

}  // namespace

EmbedTokens::EmbedTokens(ort::Session session, const std::optional<EmbedRules>& rules,
                         const std::string& file)
    : session_(std::move(session)),
      rules_(rules),
      takes_conditioning_(rules && Contract(session_).has_input(kConditioning)),
      type_(static_cast<ort::ElementType>(read_output(session_, rules.has_value()).type)),
      hidden_size_(Contract(session_).fixed(read_output(session_, rules.has_value()), 2, "hidden size")),
      host_(session_.api_ptr()),
      binding_(session_),
      half_(session_.api_ptr(), type_) {
  if (!rules_) return;
  pair_.resize(2 * static_cast<std::size_t>(hidden_size_));
  const ort::RunOptions options(session_.api());
  tables_ = find_embed_tables(file, hidden_size_, rules_->feeling, [&](auto ids, auto positions) {
    std::vector<float> out(ids.size() * static_cast<std::size_t>(hidden_size_));
    embed_at(ids, positions, 0, 1, out.data(), options);
    return out;
  });
  if (tables_) return;
  log::write(log::Level::kWarning,
             session_.file_name() +
                 " keeps its tables in no form that is known here, so that a token of the number " +
                 std::to_string(rules_->feeling) + " is read as a feeling" +
                 (removes_text() ? "" : ", and guidance (cfg_weight) cannot be had: cfg_weight is 0"));
}

void EmbedTokens::embed(Span<const int64_t> ids, float* out, const ort::RunOptions& options) {
  const auto count = static_cast<int64_t>(ids.size());
  binding_.input("input_ids", host_.view(ort::ElementType::kInt64, writable(ids), {1, count}));
  run(ids, out, options);
}

// The other inputs are bound.
void EmbedTokens::run(Span<const int64_t> ids, float* out, const ort::RunOptions& options) {
  const auto count = static_cast<int64_t>(ids.size());
  const std::size_t elements = ids.size() * static_cast<std::size_t>(hidden_size_);
  const bool direct = type_ == ort::ElementType::kFloat32;
  if (!direct) half_.reserve(elements);
  binding_.output("inputs_embeds", direct ? host_.view(type_, out, {1, count, hidden_size_})
                                          : half_.view({1, count, hidden_size_}));
  binding_.run(options);
  if (direct) return;
  half_.from_graph(0, elements);
  std::copy_n(half_.data(), elements, out);
}

void EmbedTokens::embed(const ort::Value& ids, const ort::Value& out, const ort::RunOptions& options) {
  binding_.input("input_ids", ids);
  binding_.output("inputs_embeds", out);
  binding_.run(options);
}

void EmbedTokens::embed_at(Span<const int64_t> ids, Span<const int64_t> positions, float exaggeration,
                           float conditioning, float* out, const ort::RunOptions& options) {
  const auto count = static_cast<int64_t>(ids.size());
  binding_.input("input_ids", host_.view(ort::ElementType::kInt64, writable(ids), {1, count}));
  binding_.input("position_ids", host_.view(ort::ElementType::kInt64, writable(positions), {1, count}));
  binding_.input("exaggeration", host_.view(ort::ElementType::kFloat32, &exaggeration, {1}));
  if (takes_conditioning_)
    binding_.input(kConditioning, host_.view(ort::ElementType::kFloat32, &conditioning, {1}));
  run(ids, out, options);
}

void EmbedTokens::embed_prompt(Span<const int64_t> ids, float exaggeration, bool with_text, float* out,
                               const ort::RunOptions& options) {
  if (!rules_) return embed(ids, out, options);
  positions_.resize(std::max(positions_.size(), ids.size()));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    positions_[i] = i == 0 || ids[i] >= rules_->first_special ? 0 : static_cast<int64_t>(i) - 1;
  }
  embed_at(ids, {positions_.data(), ids.size()}, exaggeration, with_text ? 1.0f : 0.0f, out, options);
  if (with_text || takes_conditioning_) return;
  const auto hidden = static_cast<std::size_t>(hidden_size_);
  const auto end =
      static_cast<std::size_t>(std::find(ids.begin(), ids.end(), rules_->text_end) - ids.begin());
  for (std::size_t i = 0; i <= end && i < ids.size(); ++i) {
    if (ids[i] == rules_->feeling) continue;
    std::copy_n(tables_->text_places.data() + static_cast<std::size_t>(positions_[i]) * hidden, hidden,
                out + i * hidden);
  }
}

void EmbedTokens::embed_token(int64_t id, int64_t number, float* out, const ort::RunOptions& options) {
  if (!rules_) return embed({&id, 1}, out, options);
  const auto hidden = static_cast<std::size_t>(hidden_size_);
  if (id == rules_->feeling && tables_) {
    const float* const place = tables_->speech_places.data() + static_cast<std::size_t>(number) * hidden;
    std::transform(place, place + hidden, tables_->feeling_speech.begin(), out,
                   [](float at, float own) { return own + at; });
    return;
  }
  if (id != rules_->text_end) return embed_at({&id, 1}, {&number, 1}, 0, 1, out, options);
  // Alone it would be read as text; behind another it is speech.
  const std::array<int64_t, 2> ids = {id, id};
  const std::array<int64_t, 2> positions = {0, number};
  embed_at({ids.data(), 2}, {positions.data(), 2}, 0, 1, pair_.data(), options);
  std::copy_n(pair_.data() + hidden, hidden, out);
}

}  // namespace loquor
