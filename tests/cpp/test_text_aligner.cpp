// The path through a text, against the rule computed by trying all paths, and on made-up attention.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "decode/text_aligner.hpp"

using namespace loquor;

namespace {

using Rows = std::vector<std::vector<float>>;

std::vector<int32_t> path_of(TextAligner& aligner, const Rows& rows) {
  for (const auto& row : rows) aligner.push(Span<const float>(row));
  std::vector<int32_t> path;
  aligner.read(0, rows.size(), path);
  return path;
}

// Attention that goes along `ids` ids, `codes_per_id` codes each, over noise.
Rows staircase(std::size_t ids, std::size_t codes_per_id, float noise, uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> level(0, noise);
  Rows rows;
  for (std::size_t code = 0; code < ids * codes_per_id; ++code) {
    rows.emplace_back(ids);
    for (float& weight : rows.back()) weight = level(random);
    rows.back()[code / codes_per_id] += 0.6F;
  }
  return rows;
}

double score_of(const Rows& rows, const std::vector<std::size_t>& path) {
  double score = 0;
  std::size_t at = 0;
  for (std::size_t code = 0; code < rows.size(); at = path[code++]) {
    const std::size_t move = path[code] - at;
    score += std::log(rows[code][path[code]] + 0.01) - 0.5 * static_cast<double>(move > 2 ? move - 2 : 0);
  }
  return score;
}

}  // namespace

TEST_CASE("the path is the best of all that only go forward") {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> level(0, 1);
  for (int attempt = 0; attempt < 20; ++attempt) {
    constexpr std::size_t kIds = 5, kCodes = 6;
    Rows rows(kCodes, std::vector<float>(kIds));
    for (auto& row : rows) std::generate(row.begin(), row.end(), [&] { return level(random); });
    double best = -std::numeric_limits<double>::infinity();
    std::vector<std::size_t> path(kCodes, 0), found;
    for (;;) {  // all that never fall
      if (const double score = score_of(rows, path); score > best) best = score, found = path;
      std::size_t code = kCodes;
      while (code > 0 && path[code - 1] == kIds - 1) --code;
      if (code == 0) break;
      std::fill(path.begin() + static_cast<std::ptrdiff_t>(code) - 1, path.end(), path[code - 1] + 1);
    }
    TextAligner aligner(kIds, kCodes);
    CHECK(path_of(aligner, rows) == std::vector<int32_t>(found.begin(), found.end()));
  }
}

TEST_CASE("a path through noise is the staircase, whole and as it is read chunk by chunk") {
  const Rows rows = staircase(30, 3, 0.3F);
  TextAligner whole(30, 200), streamed(30, 200);
  const std::vector<int32_t> expected = path_of(whole, rows);
  std::vector<int32_t> told;
  for (std::size_t code = 0; code < rows.size(); ++code) {
    streamed.push(Span<const float>(rows[code]));
    if (code % 10 == 9) streamed.read(told.size(), told.size() + 4, told);  // some codes behind
  }
  streamed.read(told.size(), rows.size(), told);
  for (std::size_t code = 0; code < rows.size(); ++code) {
    CHECK(expected[code] == static_cast<int32_t>(code / 3));
    CHECK(std::abs(told[code] - expected[code]) <= 1);
  }
  CHECK(std::is_sorted(told.begin(), told.end()));
}

TEST_CASE("what was told stays true for those who heard it") {
  TextAligner aligner(20, 40);
  Rows rows = staircase(20, 2, 0.1F);
  std::vector<int32_t> told;
  for (std::size_t code = 0; code < 20; ++code) aligner.push(Span<const float>(rows[code]));
  aligner.read(0, 20, told);
  CHECK(told.back() == 9);
  for (std::size_t code = 0; code < 20; ++code)
    aligner.push(Span<const float>(rows[0]));  // back to the start
  aligner.read(20, 40, told);
  CHECK(std::is_sorted(told.begin(), told.end()));
}

TEST_CASE("a cut path keeps what it was with what came behind the cut") {
  const Rows rows = staircase(10, 4, 0.2F);
  TextAligner whole(10, 40), cut(10, 40);
  const std::vector<int32_t> expected = path_of(whole, rows);
  for (const auto& row : rows) cut.push(Span<const float>(row));
  cut.truncate(13);
  CHECK(cut.size() == 13);
  std::vector<int32_t> found;
  cut.read(0, 40, found);
  CHECK(found == std::vector<int32_t>(expected.begin(), expected.begin() + 13));
  cut.push(Span<const float>(rows[0]));
  CHECK(cut.size() == 13);
  cut.reset();
  CHECK(path_of(cut, rows) == expected);
}

TEST_CASE("attention that says nothing, is no number, or is of another text does no harm") {
  TextAligner aligner(4, 3);
  const std::vector<float> nothing(4, 0.0F), other(5, 1.0F);
  const std::vector<float> broken = {NAN, -1.0F, INFINITY, 0.2F};
  aligner.push(Span<const float>(nothing));
  aligner.push(Span<const float>(other));
  CHECK(aligner.size() == 1);
  aligner.push(Span<const float>(broken));
  aligner.push(Span<const float>(nothing));
  aligner.push(Span<const float>(nothing));  // behind the most
  CHECK(aligner.size() == 3);
  std::vector<int32_t> path;
  aligner.read(2, 1, path);
  CHECK(path.empty());
  aligner.read(0, 9, path);
  CHECK(path.size() == 3);
  CHECK(std::is_sorted(path.begin(), path.end()));
}
