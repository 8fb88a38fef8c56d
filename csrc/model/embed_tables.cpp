#include "model/embed_tables.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "base/half.hpp"
#include "ort/graph_file.hpp"
#include "ort/weights.hpp"

namespace loquor {
namespace {

constexpr int32_t kFloat32 = 1;   // TensorProto.DataType
constexpr int32_t kFloat16 = 10;  // the same
constexpr std::size_t kMostTables = 16;

// A weight [rows, hidden] in a file.
class Table {
 public:
  Table(std::string file, const ort::DeclaredWeight& weight, int64_t hidden)
      : file_(std::move(file)),
        offset_(weight.offset),
        rows_(weight.dims[0]),
        hidden_(static_cast<std::size_t>(hidden)),
        half_(weight.type == kFloat16) {}

  int64_t rows() const { return rows_; }

  // Rows from `first` on, as float32.
  std::vector<float> read(int64_t first, int64_t count) const {
    const std::size_t values = static_cast<std::size_t>(count) * hidden_;
    const std::size_t size = half_ ? sizeof(uint16_t) : sizeof(float);
    std::ifstream stream(std::filesystem::u8path(file_), std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset_ + static_cast<std::size_t>(first) * hidden_ * size));
    std::vector<char> bytes(values * size);
    if (!stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
      throw Error(ErrorKind::kModel,
                  file_ + " is too short for a table of its graph: fetch the bundle again");
    std::vector<float> read(values);
    if (!half_) {
      std::memcpy(read.data(), bytes.data(), bytes.size());
      return read;
    }
    std::vector<uint16_t> halves(values);
    std::memcpy(halves.data(), bytes.data(), bytes.size());
    half_to_float(Span<const uint16_t>{halves.data(), values}, {read.data(), values});
    return read;
  }

 private:
  std::string file_;
  uint64_t offset_;
  int64_t rows_;
  std::size_t hidden_;
  bool half_;
};

std::vector<Table> candidates(const std::string& file, int64_t hidden) {
  std::vector<Table> tables;
  const std::vector<ort::WeightFile> places = ort::find_weights(file, file);
  for (const ort::DeclaredWeight& weight : ort::declared_weights(file)) {
    const bool wanted = (weight.type == kFloat32 || weight.type == kFloat16) && weight.dims.size() == 2 &&
                        weight.dims[0] > 1 && weight.dims[0] < (1 << 24) && weight.dims[1] == hidden;
    const uint64_t size = weight.type == kFloat16 ? 2 : 4;
    if (!wanted || weight.bytes != static_cast<uint64_t>(weight.dims[0] * hidden) * size) continue;
    if (weight.location.empty()) {
      tables.emplace_back(file, weight, hidden);
      continue;
    }
    for (const ort::WeightFile& place : places) {
      if (place.location == weight.location) tables.emplace_back(place.file, weight, hidden);
    }
  }
  if (tables.size() > kMostTables) tables.clear();
  return tables;
}

struct Pair {
  const Table* own = nullptr;     // of ids
  const Table* places = nullptr;  // of positions
};

// The two tables whose rows are added for each id at its position.
Pair find_pair(const std::vector<Table>& tables, Span<const int64_t> ids, Span<const int64_t> positions,
               const std::vector<float>& expected) {
  const std::size_t hidden = expected.size() / ids.size();
  const auto fits = [&](const Table& own, const Table& places) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] >= own.rows() || positions[i] >= places.rows()) return false;
      const std::vector<float> row = own.read(ids[i], 1);
      const std::vector<float> place = places.read(positions[i], 1);
      for (std::size_t at = 0; at < hidden; ++at) {
        const float sum = row[at] + place[at];
        // In float16 the graph rounds the sum once more.
        if (!(std::fabs(sum - expected[i * hidden + at]) <= 1e-3f * std::fabs(sum) + 1e-4f)) return false;
      }
    }
    return true;
  };
  for (const Table& own : tables) {
    for (const Table& places : tables) {
      if (&own != &places && fits(own, places)) return {&own, &places};
    }
  }
  return {};
}

}  // namespace

std::optional<EmbedTables> find_embed_tables(const std::string& file, int64_t hidden, int64_t feeling_id,
                                             const EmbedProbe& embed) {
  const std::vector<Table> tables = candidates(file, hidden);
  if (tables.size() < 4) return std::nullopt;
  // Up to the first 0 ids are text. No id stands at its own number.
  const std::array<int64_t, 3> text = {7, 11, 0};
  const std::array<int64_t, 3> text_at = {9, 3, 5};
  const std::array<int64_t, 1> speech = {12};
  const std::array<int64_t, 1> speech_at = {6};
  const Pair of_text = find_pair(tables, {text.data(), text.size()}, {text_at.data(), text_at.size()},
                                 embed({text.data(), text.size()}, {text_at.data(), text_at.size()}));
  const Pair of_speech = find_pair(tables, {speech.data(), 1}, {speech_at.data(), 1},
                                   embed({speech.data(), 1}, {speech_at.data(), 1}));
  if (of_text.own == nullptr || of_speech.own == nullptr || feeling_id >= of_speech.own->rows())
    return std::nullopt;
  EmbedTables found;
  found.text_positions = of_text.places->rows();
  found.speech_positions = of_speech.places->rows();
  found.text_places = of_text.places->read(0, found.text_positions);
  found.speech_places = of_speech.places->read(0, found.speech_positions);
  found.feeling_speech = of_speech.own->read(feeling_id, 1);
  return found;
}

}  // namespace loquor
