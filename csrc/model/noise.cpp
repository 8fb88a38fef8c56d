#include "model/noise.hpp"

#include <array>
#include <cmath>
#include <cstdlib>

#include "base/rng.hpp"

namespace loquor {
namespace {

constexpr const char* kNormal = "loquor_normal_";
constexpr const char* kUniform = "loquor_uniform_";
constexpr uint64_t kNoiseStream = 1;  // second half of the key; the sampler's is 0
constexpr int64_t kLanes = 8;         // values of one block

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

// Values at positions [8 * block, 8 * block + 8) of one channel.
class Lanes {
 public:
  Lanes(uint64_t seed, uint64_t input, bool normal) : seed_(seed), input_(input), normal_(normal) {}

  const std::array<float, kLanes>& at(int64_t block, uint64_t channel) {
    const Block4x64 bits =
        philox4x64({static_cast<uint64_t>(block), channel, input_, 0}, seed_, kNoiseStream);
    for (std::size_t i = 0; i < bits.size(); ++i) {
      const auto low = static_cast<uint32_t>(bits[i]);
      const auto high = static_cast<uint32_t>(bits[i] >> 32);
      if (normal_) {
        box_muller(low, high, &values_[2 * i]);
      } else {
        values_[2 * i] = static_cast<float>(low >> 8) * 0x1p-24f;
        values_[2 * i + 1] = static_cast<float>(high >> 8) * 0x1p-24f;
      }
    }
    return values_;
  }

 private:
  // Box and Muller, "A note on the generation of random normal deviates" (1958).
  static void box_muller(uint32_t a, uint32_t b, float* out) {
    const float uniform = (static_cast<float>(a >> 8) + 0.5f) * 0x1p-24f;  // never 0
    const float radius = std::sqrt(-2.0f * std::log(uniform));
    const float angle = static_cast<float>(b >> 8) * (6.2831853f * 0x1p-24f);
    out[0] = radius * std::cos(angle);
    out[1] = radius * std::sin(angle);
  }

  uint64_t seed_;
  uint64_t input_;
  bool normal_;
  std::array<float, kLanes> values_{};
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
  // Around the axis of time lie the channels; without one, all is one channel that does not move.
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
      const int64_t block = floor_div(first + done, kLanes);
      const auto& values = lanes.at(block, static_cast<uint64_t>(channel));
      for (int64_t lane = first + done - block * kLanes; lane < kLanes && done < time; ++lane, ++done) {
        to[done * inner] = values[static_cast<std::size_t>(lane)];
      }
    }
  }
}

}  // namespace loquor
