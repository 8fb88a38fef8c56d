#include "engine/watermark.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/watermark_encoder.hpp"

namespace loquor {
namespace {

constexpr int64_t kFrame = WatermarkEncoder::kFrame;
constexpr int64_t kHalf = kFrame / 2;
constexpr int64_t kHop = WatermarkEncoder::kHop;
constexpr int64_t kContext = WatermarkEncoder::kContext;
constexpr int64_t kMostFrames =
    400;  // in a run, context aside: 4 s, so that long speech takes no more memory

// The frames that reach the samples before `place`; the window is 0 at its edge.
int64_t frames_reaching(int64_t place) { return std::max<int64_t>(0, (place + kHalf - 2) / kHop + 1); }
// The samples that no later frame reaches.
int64_t settled_by(int64_t frames) { return std::max<int64_t>(0, kHop * frames - kHalf + 1); }

}  // namespace

Watermark::Watermark(Encode encode, bool early) : encode_(std::move(encode)), early_(early) {
  constexpr double kPi = 3.14159265358979323846;
  for (int64_t i = 0; i < kFrame; ++i) {
    const double hann = 0.5 - 0.5 * std::cos(2 * kPi * static_cast<double>(i) / kFrame);
    squared_window_.push_back(static_cast<float>(hann * hann));
  }
}

void Watermark::process(std::vector<float>& block, int64_t /*place*/) {
  wave_.insert(wave_.end(), block.begin(), block.end());
  length_ += static_cast<int64_t>(block.size());
  block.clear();
  const int64_t whole = whole_frames();
  const int64_t early = length_ - kEarly;
  if (early_ && early > 0) {
    early_ = false;
    const int64_t to = frames_reaching(early);
    mark(std::min(to, whole), whole);
    for (; marked_ < to; ++marked_) add(marked_, nullptr);
    return give(block, early);
  }
  if (early_) return;
  mark(whole - kContext, whole);
  give(block, std::min(length_, settled_by(marked_)));
}

void Watermark::flush(std::vector<float>& block) {
  ended_ = true;
  const int64_t frames = length_ / kHop + 1;
  mark(frames, frames);
  give(block, length_);
}

int64_t Watermark::whole_frames() const { return length_ < kHalf + 1 ? 0 : (length_ - kHalf) / kHop + 1; }

// The wave, mirrored at its ends; 0 where it is too short for that.
float Watermark::sample(int64_t place) const {
  if (place < 0) place = -place;
  if (place >= length_) place = 2 * (length_ - 1) - place;
  const int64_t at = place - kept_;
  return at < 0 || place >= length_ ? 0.0F : wave_[static_cast<std::size_t>(at)];
}

// Settles the changes of the frames before `to`; the network hears those before `frames`.
void Watermark::mark(int64_t to, int64_t frames) {
  while (marked_ < to) {
    const int64_t end = std::min(to, marked_ + kMostFrames);
    const int64_t first = std::max<int64_t>(0, marked_ - kContext);
    const int64_t last = std::min(frames, end + kContext);
    std::vector<float> heard;
    heard.reserve(static_cast<std::size_t>((last - first) * kFrame));
    for (int64_t frame = first; frame < last; ++frame) {
      const int64_t begin = frame * kHop - kHalf;
      if (begin >= kept_ && begin + kFrame <= length_) {
        const auto from = wave_.begin() + (begin - kept_);
        heard.insert(heard.end(), from, from + kFrame);
        continue;
      }
      for (int64_t i = 0; i < kFrame; ++i) heard.push_back(sample(begin + i));
    }
    const std::vector<float> change = encode_({heard.data(), heard.size()});
    for (; marked_ < end; ++marked_) add(marked_, change.data() + (marked_ - first) * kFrame);
  }
}

// `change` of a frame, null for none; samples that went already are past changing.
void Watermark::add(int64_t frame, const float* change) {
  const int64_t begin = frame * kHop - kHalf;
  const int64_t end = ended_ ? std::min(begin + kFrame, length_) : begin + kFrame;
  const auto size = static_cast<std::size_t>(std::max<int64_t>(0, end - kept_));
  if (size > weight_.size()) {
    weight_.resize(size);
    change_.resize(size);
  }
  for (int64_t place = std::max(begin + 1, given_); place < end; ++place) {  // the window begins with 0
    const auto at = static_cast<std::size_t>(place - kept_);
    weight_[at] += squared_window_[static_cast<std::size_t>(place - begin)];
    if (change != nullptr) change_[at] += change[place - begin];
  }
}

// Hands the samples before `to` out, and forgets what no frame to come hears.
void Watermark::give(std::vector<float>& block, int64_t to) {
  for (; given_ < to; ++given_) {
    const auto at = static_cast<std::size_t>(given_ - kept_);
    block.push_back(wave_[at] + (weight_[at] > 0 ? change_[at] / weight_[at] : 0.0F));
  }
  const int64_t keep = std::min(given_, (marked_ - kContext) * kHop - kHalf);
  if (keep <= kept_) return;
  const auto drop = [&](std::vector<float>& of) {
    of.erase(of.begin(), of.begin() + std::min<int64_t>(keep - kept_, static_cast<int64_t>(of.size())));
  };
  drop(wave_);
  drop(change_);
  drop(weight_);
  kept_ = keep;
}

}  // namespace loquor
