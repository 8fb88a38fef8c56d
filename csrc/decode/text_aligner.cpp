#include "decode/text_aligner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace loquor {
namespace {

constexpr std::size_t kLongestMove = 8;  // ids that one code may pass
constexpr std::size_t kEasyMove = 2;     // of letters two are soon said; farther it costs
constexpr float kMoveCost = 0.5f;
// What is added to attention: below it all is noise, and a step that attends to nothing of the text says
// nothing of where it is.
constexpr float kFloor = 0.01f;

float cost_of(std::size_t move) {
  return move <= kEasyMove ? 0.0f : kMoveCost * static_cast<float>(move - kEasyMove);
}

}  // namespace

TextAligner::TextAligner(std::size_t ids, std::size_t most)
    : ids_(std::max<std::size_t>(1, ids)),
      most_(most),
      scores_(ids_),
      earlier_(ids_),
      moves_(ids_ * most),
      path_(most) {}

void TextAligner::push(Span<const float> attention) {
  if (size_ == most_ || end_ || attention.size() != ids_) return;
  std::swap(scores_, earlier_);
  uint8_t* const moves = moves_.data() + size_ * ids_;
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  float best = kNever;
  for (std::size_t id = 0; id < ids_; ++id) {
    float score = kNever;
    if (size_ == 0) {
      if (id <= kLongestMove) score = -cost_of(id);
      moves[id] = 0;
    } else {
      for (std::size_t move = 0; move <= std::min(id, kLongestMove); ++move) {
        const float through = earlier_[id - move] - cost_of(move);
        if (through <= score) continue;
        score = through;
        moves[id] = static_cast<uint8_t>(move);
      }
    }
    const float seen = std::isfinite(attention[id]) ? std::max(0.0f, attention[id]) : 0.0f;
    scores_[id] = score + std::log(seen + kFloor);
    best = std::max(best, scores_[id]);
  }
  for (float& score : scores_) score -= best;  // which stay small however long the speech
  ++size_;
}

// Traces the path to the newest code, and returns where it is at code `to`.
std::size_t TextAligner::trace(std::size_t to) {
  const auto likeliest =
      static_cast<std::size_t>(std::max_element(scores_.begin(), scores_.end()) - scores_.begin());
  std::size_t id = end_ ? *end_ : likeliest;
  for (std::size_t code = size_; code-- > 0;) {
    path_[code] = static_cast<int32_t>(id);
    id -= moves_[code * ids_ + id];
  }
  return static_cast<std::size_t>(path_[to]);
}

void TextAligner::read(std::size_t from, std::size_t to, std::vector<int32_t>& ids) {
  to = std::min(to, size_);
  if (from >= to) return;
  trace(0);
  for (std::size_t code = from; code < to; ++code) {
    read_ = std::max(read_, path_[code]);
    ids.push_back(read_);
  }
}

void TextAligner::truncate(std::size_t count) {
  if (count >= size_) return;
  if (count > 0) end_ = trace(count - 1);
  size_ = count;
}

void TextAligner::reset() {
  size_ = 0;
  read_ = 0;
  end_.reset();
}

}  // namespace loquor
