#include "decode/text_guard.hpp"

#include <algorithm>
#include <cmath>

namespace loquor {
namespace {

constexpr double kCodesPerCharacter = 1.7;  // 15 characters and 25 codes are a second
constexpr double kUnknownCodesPerId = 2.0;
constexpr double kLeastCodesPerId = 1.0, kMostCodesPerId = 12.0;

constexpr float kFading = 0.5f;   // of attention, from code to code
constexpr float kClear = 0.25f;   // attention to an id and its neighbours that says where speech is
constexpr float kNoise = 0.05f;   // attention that says nothing, however many codes have it
constexpr float kSaid = 0.15f;    // attention, of all codes together, to an id that was said
constexpr double kFollows = 0.5;  // of the codes, which are clear where a model's attention follows its text
constexpr std::size_t kStep = 8;  // ids that speech may pass from code to code
constexpr std::size_t kSteady = 4;  // codes in a row that show that it passed more

// Times in codes, of 40 ms.
constexpr double kSkippedCodes = 15.0;    // that the skipped ids would have taken at least
constexpr std::size_t kLeastSkipped = 3;  // ids: signs at the end are often not attended to
constexpr double kBackCodes = 10.0;       // that the way back would take at least
constexpr std::size_t kLeastBack = 5;     // ids, as upstream has it
constexpr std::size_t kAgain = 10;        // there in a row: text is said again
constexpr std::size_t kAgainAtEnd = 6;    // the same, when all was said
constexpr std::size_t kClosing = 3;       // ids at the end, of which one is the last to be attended to
constexpr double kSaidShare = 0.5;        // of the ids, without which the text's end is not believed
constexpr double kCertainAtEnd = 12.0;    // codes behind the end's beginning, beside what its ids take
constexpr double kLongAtEnd = 25.0;       // which are too many

}  // namespace

TextGuard::TextGuard(std::size_t ids, int64_t characters)
    : ids_(std::max<std::size_t>(1, ids)), now_(ids_), said_(ids_) {
  codes_per_id_ = characters > 0
                      ? kCodesPerCharacter * static_cast<double>(characters) / static_cast<double>(ids_)
                      : kUnknownCodesPerId;
  codes_per_id_ = std::clamp(codes_per_id_, kLeastCodesPerId, kMostCodesPerId);
}

void TextGuard::push(Span<const float> attention) {
  if (attention.size() != ids_) return;
  ++codes_;
  for (std::size_t id = 0; id < ids_; ++id) {
    const float seen = std::isfinite(attention[id]) ? std::max(0.0f, attention[id]) : 0.0f;
    if (seen >= kNoise) said_[id] += seen;
    now_[id] = kFading * now_[id] + (1.0f - kFading) * seen;
  }
  std::size_t focus = 0;
  float most = -1.0f;
  for (std::size_t id = 0; id < ids_; ++id) {
    const float around = now_[id] + (id > 0 ? now_[id - 1] : 0.0f) + (id + 1 < ids_ ? now_[id + 1] : 0.0f);
    if (around > most) most = around, focus = id;
  }
  if (most >= kClear) follow(focus);
  if (ended_ && static_cast<double>(codes_ - *ended_) > kLongAtEnd + kClosing * codes_per_id_)
    past_end_ = true;
}

// The next clear code is at `focus`.
void TextGuard::follow(std::size_t focus) {
  ++clear_;
  beyond_ = focus > front_ ? beyond_ + 1 : 0;
  if (focus > front_ && (focus <= front_ + kStep || beyond_ >= kSteady)) {
    front_ = focus;
    beyond_ = 0;
  }
  const std::size_t back =
      std::max(kLeastBack, static_cast<std::size_t>(std::ceil(kBackCodes / codes_per_id_)));
  behind_ = focus + back <= front_ ? behind_ + 1 : 0;
  if (!ended_ && behind_ >= kAgain) {
    ++repeats_;
    behind_ = 0;
    front_ = focus;
  }
  if (ended_ && behind_ >= kAgainAtEnd) past_end_ = true;
  if (ended_ || front_ + std::min(kClosing, (ids_ + 1) / 2) < ids_) return;
  const auto said = std::count_if(said_.begin(), said_.end(), [](float seen) { return seen >= kSaid; });
  if (follows() && static_cast<double>(said) >= kSaidShare * static_cast<double>(ids_)) ended_ = codes_;
}

bool TextGuard::follows() const {
  return static_cast<double>(clear_) >= kFollows * static_cast<double>(codes_);
}

std::size_t TextGuard::certain() const {
  if (!ended_) return codes_;
  const auto kept = static_cast<std::size_t>(kCertainAtEnd + kClosing * codes_per_id_);
  return std::min(codes_, *ended_ + kept);
}

TextFaults TextGuard::faults(bool whole) const {
  TextFaults found;
  if (codes_ == 0 || !follows()) return found;
  const std::size_t end = whole || ended_ ? ids_ : front_;
  std::size_t run = 0, longest = 0;
  for (std::size_t id = 0; id < end; ++id) {
    run = said_[id] < kSaid ? run + 1 : 0;
    if (run <= longest) continue;
    longest = run;
    found.skipped_to = static_cast<int32_t>(id) + 1;
  }
  found.skipped_from = found.skipped_to - static_cast<int32_t>(longest);
  if (longest >= kLeastSkipped && static_cast<double>(longest) * codes_per_id_ >= kSkippedCodes) {
    found.bits |= static_cast<uint32_t>(TextFault::kSkipped);
  } else {
    found.skipped_from = found.skipped_to = 0;
  }
  found.repeats = repeats_;
  if (repeats_ > 0) found.bits |= static_cast<uint32_t>(TextFault::kRepeated);
  if (past_end_) found.bits |= static_cast<uint32_t>(TextFault::kPastEnd);
  return found;
}

void TextGuard::reset() {
  std::fill(now_.begin(), now_.end(), 0.0f);
  std::fill(said_.begin(), said_.end(), 0.0f);
  codes_ = clear_ = front_ = beyond_ = behind_ = 0;
  ended_.reset();
  repeats_ = 0;
  past_end_ = false;
}

}  // namespace loquor
