// Noise for a prepared decoder: how much, of what kind, and the same at the same place.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "bundle.hpp"
#include "model/noise.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

constexpr int kFloat32 = static_cast<int>(ort::ElementType::kFloat32);

// Makes inputs without a graph of their own; errors name some other one.
class Maker {
 public:
  Maker()
      : session_(
            load_graph(ort::Api::open(environment("LOQUOR_TEST_RUNTIME")), "concat", Graph::kEmbedTokens)) {}

  NoiseInput make(const std::string& name, const std::vector<std::string>& extents, int type = kFloat32) {
    ort::Port port;
    port.name = name;
    port.type = type;
    for (const std::string& extent : extents) {
      const bool fixed = extent.find_first_not_of("0123456789") == std::string::npos;
      port.dims.push_back(fixed ? std::stoll(extent) : -1);
      port.symbols.push_back(fixed ? "" : extent);
    }
    return NoiseInput(port, Contract(session_));
  }

 private:
  ort::Session session_;
};

std::vector<float> filled(const NoiseInput& input, const DecodeLengths& lengths, const NoiseOrigin& origin) {
  std::size_t count = 1;
  for (const int64_t dim : input.dims(lengths)) count *= static_cast<std::size_t>(dim);
  std::vector<float> values(count);
  input.fill(values.data(), lengths, origin);
  return values;
}

}  // namespace

TEST_CASE("lengths are sums of the decoder's own") {
  if (!have_bundles()) return;
  Maker maker;
  const auto input = maker.make("loquor_normal_0", {"1", "960*tokens-480*frames+3", "2*frames", "7"});
  CHECK(input.dims({30, 40, 10}) == std::vector<int64_t>{1, 960 * 30 - 480 * 40 + 3, 80, 7});
  CHECK(maker.make("loquor_normal_0", {"1*tokens-3*frames/2"}).dims({30, 7, 10}) == std::vector<int64_t>{20});
  CHECK(refusal([&] { maker.make("loquor_normal_0", {"1*tokens/2"}); }).kind == ErrorKind::kModel);
  CHECK(refusal([&] { input.dims({10, 40, 10}); }).kind == ErrorKind::kInvalidInput);
  CHECK(refusal([&] { maker.make("loquor_normal_0", {"batch"}); }).kind == ErrorKind::kModel);
  CHECK(refusal([&] { maker.make("loquor_normal_0", {"2*tokens", "3*tokens"}); }).kind == ErrorKind::kModel);
  CHECK(refusal([&] { maker.make("loquor_normal_0", {"1"}, 10); }).kind == ErrorKind::kModel);
  CHECK(NoiseInput::is_one("loquor_uniform_3"));
  CHECK_FALSE(NoiseInput::is_one("speech_tokens"));
}

TEST_CASE("normal and uniform values are distributed as they say") {
  if (!have_bundles()) return;
  Maker maker;
  for (const std::string name : {"loquor_normal_0", "loquor_uniform_0"}) {
    CAPTURE(name);
    const auto values = filled(maker.make(name, {"2", "100*tokens", "5"}), {100, 0, 100}, {3, 0});
    double sum = 0;
    double squares = 0;
    for (const float value : values) {
      REQUIRE(std::isfinite(value));
      sum += value;
      squares += static_cast<double>(value) * value;
    }
    const auto count = static_cast<double>(values.size());
    const double mean = sum / count;
    const double deviation = std::sqrt(squares / count - mean * mean);
    const bool normal = name == "loquor_normal_0";
    CHECK(std::fabs(mean - (normal ? 0.0 : 0.5)) < 0.01);
    CHECK(std::fabs(deviation - (normal ? 1.0 : std::sqrt(1.0 / 12))) < 0.01);
  }
}

TEST_CASE("a value depends on seed, input, channel and place, not on what is decoded around it") {
  if (!have_bundles()) return;
  Maker maker;
  // [channels, time] and [time, channels], as a mel and a sine source have them.
  const auto mel = maker.make("loquor_normal_0", {"1", "4", "2*tokens"});
  const auto source = maker.make("loquor_normal_1", {"1", "6*tokens-3*frames", "4"});
  const auto at = [](const std::vector<float>& values, int64_t index) {
    return values[static_cast<std::size_t>(index)];
  };
  const DecodeLengths whole = {25, 10, 20};  // a prompt of 5 tokens, 10 frames
  const auto mel_whole = filled(mel, whole, {9, 0});
  const auto source_whole = filled(source, whole, {9, 0});
  CHECK(filled(mel, whole, {9, 0}) == mel_whole);
  CHECK(filled(mel, whole, {10, 0}) != mel_whole);

  const DecodeLengths window = {19, 14, 12};  // tokens 3 to 15, after a longer prompt
  const auto mel_window = filled(mel, window, {9, 3});
  const auto source_window = filled(source, window, {9, 3});
  for (int64_t channel = 0; channel < 4; ++channel) {
    for (int64_t t = 0; t < 24; ++t) {
      CHECK(at(mel_window, channel * 38 + 14 + t) == at(mel_whole, channel * 50 + 10 + 6 + t));
    }
    for (int64_t t = 0; t < 14; ++t) {  // the prompt ends where the tokens begin
      if (t < 4) continue;
      CHECK(at(filled(mel, window, {9, 0}), channel * 38 + t) == at(mel_whole, channel * 50 + t - 4));
    }
    for (int64_t t = 0; t < 72; ++t) {
      CHECK(at(source_window, t * 4 + channel) == at(source_whole, (18 + t) * 4 + channel));
    }
  }
  CHECK(at(mel_whole, 10) != at(mel_whole, 50 + 10));                  // channels differ
  CHECK(at(mel_whole, 10) != at(source_whole, 0));                     // inputs differ
  const auto still = maker.make("loquor_uniform_2", {"1", "9", "1"});  // without time
  CHECK(filled(still, whole, {9, 0}) == filled(still, window, {9, 3}));
}
