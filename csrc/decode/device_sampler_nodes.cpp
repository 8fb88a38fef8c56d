#include <limits>

#include "decode/device_sampler.hpp"
#include "decode/device_sampler_names.hpp"
#include "ort/model_editor.hpp"

namespace loquor {
namespace {

using Name = std::string;
constexpr float kLowest = std::numeric_limits<float>::lowest();

// Writes the stages. Tensors are [batch, vocab], options and sums [batch, 1]. A removed token is false in
// alive_ and keeps its logit: shader languages do not promise infinities.
class Builder {
 public:
  Builder(ort::GraphEdit& edit, bool float64) : edit_(edit), float64_(float64) {
    const ort::Port* logits = nullptr;
    for (const ort::Port& port : edit.outputs()) {
      if (port.name == "logits") logits = &port;
    }
    if (logits == nullptr || logits->dims.size() != 3 || logits->dims[2] <= 0 ||
        edit.opset() < kOldestOpset) {
      throw Error(ErrorKind::kModel,
                  "a sampler cannot be appended to this graph: it needs 'logits' of known "
                  "vocabulary size and opset " +
                      std::to_string(kOldestOpset) + " or newer");
    }
    vocab_ = logits->dims[2];
    half_ = logits->type == static_cast<int>(ort::ElementType::kFloat16);
    lowest_ = edit.constant(std::vector<float>{kLowest}, {1});
    nothing_ = edit.constant(std::vector<float>{-std::numeric_limits<float>::infinity()}, {1});
    zero_ = edit.constant(std::vector<float>{0}, {1});
    real_zero_ = real_constant(0);
    real_one_ = real_constant(1);
    axis_ = edit.constant(std::vector<int64_t>{1}, {1});
    axis_scalar_ = edit.constant(std::vector<int64_t>{1}, {});
    all_ = edit.constant(std::vector<int64_t>{vocab_}, {1});
    std::vector<float> ids(static_cast<std::size_t>(vocab_));
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<float>(i);
    ids_ = edit.constant(ids, {1, vocab_});
    declare();
  }

  void build(const std::vector<SamplerStage>& order) {
    Name last = edit_.node("Gather", {"logits", edit_.constant(std::vector<int64_t>{-1}, {})}, {{"axis", 1}});
    if (half_) last = cast(last, ort::ElementType::kFloat32);
    sound_ = reduce("ReduceMin", cast(edit_.node("Equal", {last, last}), ort::ElementType::kFloat32));
    set_logits(last);
    alive_ = edit_.node("GreaterOrEqual", {x_, lowest_});
    bool penalized = false;
    for (const SamplerStage stage : order) {
      apply(stage);
      penalized = penalized || stage == SamplerStage::kRepetitionPenalty;
    }
    if (!penalized) penalty();  // greedy penalizes in every family
    finish();
  }

 private:
  static constexpr int kOldestOpset = 13;

  Name cast(const Name& x, ort::ElementType to) {
    return edit_.node("Cast", {x}, {{"to", int64_t{static_cast<int>(to)}}});
  }
  Name real(const Name& x) { return float64_ ? cast(x, ort::ElementType::kFloat64) : x; }
  Name single(const Name& x) { return float64_ ? cast(x, ort::ElementType::kFloat32) : x; }
  Name real_constant(double value) {
    return float64_ ? edit_.constant(std::vector<double>{value}, {1})
                    : edit_.constant(std::vector<float>{static_cast<float>(value)}, {1});
  }
  Name reduce(const char* op, const Name& x) {
    constexpr int kAxesAreInput = 18;
    if (edit_.opset() >= kAxesAreInput || std::string(op) == "ReduceSum") return edit_.node(op, {x, axis_});
    return edit_.node(op, {x}, {{"axes", std::vector<int64_t>{1}}});
  }
  Name count(const Name& condition) {
    return reduce("ReduceSum", cast(condition, ort::ElementType::kFloat32));
  }
  Name cumulated(const Name& x, bool exclusive = false) {
    return edit_.node("CumSum", {x, axis_scalar_}, {{"exclusive", int64_t{exclusive ? 1 : 0}}});
  }
  Name at(const Name& row, const Name& index) {
    return edit_.node("GatherElements", {row, cast(index, ort::ElementType::kInt32)}, {{"axis", 1}});
  }
  void keep(const Name& condition) { alive_ = edit_.node("And", {alive_, condition}); }
  void set_logits(const Name& x) {
    x_ = x;
    largest_.clear();
    sorted_.clear();
  }

  // Inputs with a value of their own, so that the graph also runs when nobody wants a token.
  void declare() {
    namespace names = device_sampler;
    const auto type = float64_ ? ort::ElementType::kFloat64 : ort::ElementType::kFloat32;
    std::vector<double> off(names::kParamCount, 0.0);
    off[names::kTemperature] = off[names::kPenalty] = 1;
    off[names::kDropped] = -1;
    const auto width = static_cast<int64_t>(names::kParamCount);
    edit_.input(names::kParams, type, {-1, width});
    if (float64_) {
      edit_.constant(off, {1, width}, names::kParams);
    } else {
      edit_.constant(std::vector<float>(off.begin(), off.end()), {1, width}, names::kParams);
    }
    edit_.input(names::kHistory, ort::ElementType::kFloat32, {-1, vocab_});
    edit_.constant(std::vector<float>(static_cast<std::size_t>(vocab_), 0.0f), {1, vocab_}, names::kHistory);
    const Name ones = edit_.constant(std::vector<int64_t>(names::kParamCount, 1), {width});
    params_ = edit_.nodes("Split", {names::kParams, ones}, names::kParamCount, {{"axis", 1}});
    edit_.output(names::kToken, ort::ElementType::kInt64, {-1, 1});
    edit_.output(names::kHistoryAfter, ort::ElementType::kFloat32, {-1, vocab_});
  }

  void apply(SamplerStage stage) {
    switch (stage) {
      case SamplerStage::kTemperature:
        return temperature();
      case SamplerStage::kTopK:
        return top_k();
      case SamplerStage::kTopP:
        return top_p();
      case SamplerStage::kMinP:
        return min_p();
      case SamplerStage::kRepetitionPenalty:
        return penalty();
    }
  }

  void temperature() {
    set_logits(edit_.node("Div", {x_, single(params_[device_sampler::kTemperature])}));
    keep(edit_.node("GreaterOrEqual", {x_, lowest_}));
  }

  // The logits in ascending order, equal ones by ascending id, removed ones first.
  void sort() {
    if (!sorted_.empty()) return;
    masked_ = edit_.node("Where", {alive_, x_, nothing_});
    sorted_ = edit_.nodes("TopK", {masked_, all_}, 2, {{"axis", 1}, {"largest", 0}, {"sorted", 1}})[0];
    sorted_alive_ = edit_.node("GreaterOrEqual", {sorted_, lowest_});
  }

  void top_k() {
    sort();
    const Name kth = at(sorted_, params_[device_sampler::kKthPlace]);
    keep(edit_.node("GreaterOrEqual", {x_, kth}));
    sorted_alive_ = edit_.node("And", {sorted_alive_, edit_.node("GreaterOrEqual", {sorted_, kth})});
  }

  void top_p() {
    sort();
    const Name weights = edit_.node("Where", {sorted_alive_, weight(sorted_), real_zero_});
    const Name sums = cumulated(weights);
    const Name share = edit_.node("Div", {sums, reduce("ReduceMax", sums)});
    const Name last = edit_.constant(std::vector<float>{static_cast<float>(vocab_ - 1)}, {1});
    const Name first_kept = edit_.node(
        "Min", {count(edit_.node("LessOrEqual", {share, params_[device_sampler::kDropped]})), last});
    const Name border = at(sorted_, first_kept);
    // Tokens equal to the border are dropped in the order of their ids, so many of them:
    const Name equal = edit_.node("Equal", {masked_, border});
    const Name dropped = edit_.node("Sub", {first_kept, count(edit_.node("Less", {masked_, border}))});
    const Name place = cumulated(cast(equal, ort::ElementType::kFloat32), true);
    const Name out = edit_.node("And", {equal, edit_.node("Less", {place, dropped})});
    keep(edit_.node("And", {edit_.node("GreaterOrEqual", {masked_, border}), edit_.node("Not", {out})}));
    sorted_.clear();
  }

  void min_p() {
    keep(edit_.node("GreaterOrEqual", {weight(x_), params_[device_sampler::kMinP]}));
    sorted_.clear();
  }

  void penalty() {
    const Name by = single(params_[device_sampler::kPenalty]);
    const Name changed = edit_.node(
        "Where", {edit_.node("Less", {x_, zero_}), edit_.node("Mul", {x_, by}), edit_.node("Div", {x_, by})});
    const Name in_history = edit_.node("Greater", {device_sampler::kHistory, zero_});
    set_logits(edit_.node("Where", {in_history, changed, x_}));
    keep(edit_.node("GreaterOrEqual", {x_, lowest_}));
  }

  // exp(logit - largest), and 1 for the largest even at +inf.
  Name weight(const Name& logits, const Name& times = "") {
    if (largest_.empty()) largest_ = reduce("ReduceMax", edit_.node("Where", {alive_, x_, lowest_}));
    Name less = edit_.node("Exp", {edit_.node("Sub", {real(logits), real(largest_)})});
    if (!times.empty()) less = edit_.node("Mul", {less, times});
    return edit_.node("Where", {edit_.node("Equal", {logits, largest_}), real_one_, less});
  }

  // The inverse CDF. Greedy is the same with all weights but the largest made 0, and u = 0.
  void finish() {
    const Name weights =
        edit_.node("Where", {alive_, weight(x_, params_[device_sampler::kSampling]), real_zero_});
    const Name sums = cumulated(weights);
    const Name total = reduce("ReduceMax", sums);
    const Name target = edit_.node("Mul", {params_[device_sampler::kUniform], total});
    Name token = count(edit_.node("LessOrEqual", {sums, target}));
    if (!float64_) {  // the target may be rounded up to the total
      const Name possible = edit_.node("Greater", {weights, real_zero_});
      token = edit_.node("Min", {token, reduce("ReduceMax", edit_.node("Where", {possible, ids_, zero_}))});
    }
    const Name none = edit_.constant(std::vector<float>{static_cast<float>(kNoToken)}, {1});
    const Name nan = edit_.constant(std::vector<float>{static_cast<float>(device_sampler::kNotANumber)}, {1});
    token = edit_.node("Where", {edit_.node("Greater", {total, real_zero_}), token, none});
    token = edit_.node("Where", {edit_.node("Greater", {sound_, zero_}), token, nan});
    const Name kept = edit_.node("Mul", {device_sampler::kHistory, single(params_[device_sampler::kKeep])});
    const Name now = cast(edit_.node("Equal", {ids_, token}), ort::ElementType::kFloat32);
    edit_.node("Max", {kept, now}, {}, device_sampler::kHistoryAfter);
    edit_.node("Cast", {token}, {{"to", int64_t{static_cast<int>(ort::ElementType::kInt64)}}},
               device_sampler::kToken);
  }

  ort::GraphEdit& edit_;
  bool float64_;
  bool half_ = false;
  int64_t vocab_ = 0;
  Name lowest_, nothing_, zero_, real_zero_, real_one_, axis_, axis_scalar_, all_, ids_;
  std::vector<Name> params_;
  Name x_;        // the logits as processed so far
  Name alive_;    // which tokens are still in play
  Name largest_;  // of those in play; empty when it must be computed again, as the next three
  Name masked_, sorted_, sorted_alive_;
  Name sound_;  // 1 where no logit is NaN
};

}  // namespace

ort::GraphExtension device_sampler_nodes(std::vector<SamplerStage> order, bool float64) {
  return [order = std::move(order), float64](ort::GraphEdit& edit) { Builder(edit, float64).build(order); };
}

}  // namespace loquor
