#include "model/noise.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/rng.hpp"
#include "kernels/normal.hpp"

namespace loquor {
namespace {

constexpr const char* kNormal = "loquor_normal_";
constexpr const char* kUniform = "loquor_uniform_";
constexpr uint64_t kNoiseStream = 1;  // second half of the key; the sampler's is 0
constexpr int64_t kLanes = 8;         // values of one block

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

// The values of one channel at positions [8 * block, 8 * (block + count)).
class Lanes {
 public:
  static constexpr std::size_t kMostBlocks = 64;

  Lanes(uint64_t seed, uint64_t input, bool normal) : seed_(seed), input_(input), normal_(normal) {}

  const float* at(int64_t block, std::size_t count, uint64_t channel) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto place = static_cast<uint64_t>(block + static_cast<int64_t>(i));
      const Block4x64 bits = philox4x64({place, channel, input_, 0}, seed_, kNoiseStream);
      for (std::size_t word = 0; word < bits.size(); ++word) {
        low_[i * bits.size() + word] = static_cast<uint32_t>(bits[word]);
        high_[i * bits.size() + word] = static_cast<uint32_t>(bits[word] >> 32);
      }
    }
    const std::size_t pairs = count * kPairs;
    if (normal_) {
      box_muller(low_.data(), high_.data(), one_.data(), other_.data(), pairs);
    } else {
      for (std::size_t i = 0; i < pairs; ++i) {
        one_[i] = static_cast<float>(low_[i] >> 8) * 0x1p-24f;
        other_[i] = static_cast<float>(high_[i] >> 8) * 0x1p-24f;
      }
    }
    for (std::size_t i = 0; i < pairs; ++i) {
      values_[2 * i] = one_[i];
      values_[2 * i + 1] = other_[i];
    }
    return values_.data();
  }

 private:
  static constexpr std::size_t kPairs = kLanes / 2;

  uint64_t seed_;
  uint64_t input_;
  bool normal_;
  std::array<uint32_t, kMostBlocks * kPairs> low_{}, high_{};
  std::array<float, kMostBlocks * kPairs> one_{}, other_{};
  std::array<float, kMostBlocks * kLanes> values_{};
};

int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

}  // namespace

bool NoiseInput::is_one(const std::string& name) {
  return starts_with(name, kNormal) || starts_with(name, kUniform);
}

NoiseInput::NoiseInput(const ort::Port& port, const Contract& contract)
    : name_(port.name), normal_(starts_with(port.name, kNormal)) {
  if (port.type != static_cast<int>(ort::ElementType::kFloat32)) {
    contract.fail("input '" + name_ + "' should be float32 but is " + port.describe());
  }
  index_ = std::strtoull(name_.c_str() + std::string(normal_ ? kNormal : kUniform).size(), nullptr, 10);
  int growing = 0;
  for (std::size_t axis = 0; axis < port.dims.size(); ++axis) {
    const bool fixed = port.dims[axis] >= 0;
    extents_.push_back(fixed ? Extent{port.dims[axis], 0, 0} : parse(port.symbols[axis], contract));
    growing += extents_.back().tokens != 0 ? 1 : 0;
  }
  if (growing > 1) contract.fail("input '" + name_ + "' grows with the tokens along two axes");
}

// A sum of integers, each alone or times a length: "2*tokens", "960*tokens-480*frames+3",
// "1*tokens-1*frames/2".
NoiseInput::Extent NoiseInput::parse(const std::string& text, const Contract& contract) {
  Extent extent;
  const char* at = text.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    const int64_t number = std::strtoll(at, &end, 10);
    if (end == at) contract.fail("the length '" + text + "' of a noise input is not understood");
    const std::string rest(end);
    if (starts_with(rest, "*tokens")) {
      extent.tokens += number;
      at = end + 7;
    } else if (starts_with(rest, "*frames/2")) {
      extent.half_frames += number;
      at = end + 9;
    } else if (starts_with(rest, "*frames")) {
      extent.frames += number;
      at = end + 7;
    } else {
      extent.fixed += number;
      at = end;
    }
  }
  return extent;
}

std::vector<int64_t> NoiseInput::dims(const DecodeLengths& lengths) const {
  std::vector<int64_t> dims;
  for (const Extent& extent : extents_) {
    const int64_t length = extent.fixed + extent.tokens * lengths.tokens + extent.frames * lengths.frames +
                           extent.half_frames * lengths.frames / 2;
    if (length < 0) {
      throw Error(ErrorKind::kInvalidInput, "the voice's prompt is too long for its tokens: '" + name_ +
                                                "' would have a negative size");
    }
    dims.push_back(length);
  }
  return dims;
}

void NoiseInput::fill(float* out, const DecodeLengths& lengths, const NoiseOrigin& origin) const {
  const std::vector<int64_t> sizes = dims(lengths);
  // The channels lie around the axis of time; without one, all is one channel that does not move.
  int64_t outer = 1;
  int64_t time = 1;
  int64_t inner = 1;
  int64_t first = 0;
  bool found = false;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    const int64_t rate = extents_[axis].tokens;
    if (rate != 0) {
      found = true;
      time = sizes[axis];
      // The last position is the last new token's end, so the first new token's start is position zero.
      first = rate * (origin.first_token + lengths.new_tokens) - time;
    } else {
      (found ? inner : outer) *= sizes[axis];
    }
  }
  if (!found) std::swap(time, outer);
  Lanes lanes(origin.seed, index_, normal_);
  for (int64_t channel = 0; channel < outer * inner; ++channel) {
    float* to = out + channel / inner * time * inner + channel % inner;
    for (int64_t done = 0; done < time;) {
      const int64_t block = floor_div(first + done, kLanes), skipped = first + done - block * kLanes;
      const int64_t left = (skipped + time - done + kLanes - 1) / kLanes;
      const std::size_t blocks = std::min(Lanes::kMostBlocks, static_cast<std::size_t>(left));
      const float* values = lanes.at(block, blocks, static_cast<uint64_t>(channel)) + skipped;
      const int64_t end = std::min(time, done + static_cast<int64_t>(blocks) * kLanes - skipped);
      for (; done < end; ++done) to[done * inner] = *values++;
    }
  }
}

}  // namespace loquor
