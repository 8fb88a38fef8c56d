#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "base/error.hpp"
#include "model/generation_options.hpp"

using loquor::Error;
using loquor::ErrorKind;
using loquor::GenerationOptions;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

std::string message(const GenerationOptions& options) {
  try {
    validate(options);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInvalidInput);
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("options out of range are refused by name, value and range") {
  CHECK(message({}) == "accepted");
  GenerationOptions options;
  options.top_p = 1.5f;
  CHECK(message(options) == "top_p must be in (0, 1], not 1.5");
  options.top_p = std::nextafter(1.0f, 2.0f);
  CHECK(message(options) == "top_p must be in (0, 1], not 1.0000001");
  options.top_p = std::numeric_limits<float>::quiet_NaN();
  CHECK(message(options) == "top_p must be in (0, 1], not NaN");

  const auto refused = [](auto change) {
    GenerationOptions changed;
    change(changed);
    return message(changed);
  };
  CHECK(refused([](auto& o) { o.top_p = 0; }) == "top_p must be in (0, 1], not 0");
  CHECK(refused([](auto& o) { o.temperature = -0.5f; }).find("temperature must be in [0, 10]") == 0);
  CHECK(refused([](auto& o) { o.temperature = 80; }).find("not 80") != std::string::npos);
  CHECK(refused([](auto& o) { o.temperature = kInf; }) != "accepted");
  CHECK(refused([](auto& o) { o.top_k = -1; }) == "top_k must be 0 (off) or more, not -1");
  CHECK(refused([](auto& o) { o.min_p = 1.1f; }) == "min_p must be in [0, 1], not 1.1");
  CHECK(refused([](auto& o) { o.min_p = -0.1f; }) != "accepted");
  CHECK(refused([](auto& o) { o.repetition_penalty = 0; }).find("repetition_penalty must be") == 0);
  CHECK(refused([](auto& o) { o.repetition_penalty = kInf; }) != "accepted");
  CHECK(refused([](auto& o) { o.max_new_tokens = 0; }) == "max_new_tokens must be 1 or more, not 0");
  // The ends that are in range.
  CHECK(refused([](auto& o) { o.temperature = 0; }) == "accepted");
  CHECK(refused([](auto& o) { o.temperature = 10; }) == "accepted");
  CHECK(refused([](auto& o) { o.top_p = 1; }) == "accepted");
  CHECK(refused([](auto& o) { o.min_p = 1; }) == "accepted");
  CHECK(refused([](auto& o) { o.top_k = 0; }) == "accepted");
}
