// What an embedding graph keeps of positions and speech, read from its file: guidance needs a text's
// positions without its text, and a graph that takes the id 6563 for a feeling cannot look it up as speech.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/span.hpp"

namespace loquor {

struct EmbedTables {
  int64_t text_positions = 0;
  int64_t speech_positions = 0;
  std::vector<float> text_places;     // [text_positions, hidden]
  std::vector<float> speech_places;   // [speech_positions, hidden]
  std::vector<float> feeling_speech;  // [hidden], the row of the feeling's id among speech
};

// Embeds `ids` at `positions`; returns [ids, hidden].
using EmbedProbe = std::function<std::vector<float>(Span<const int64_t> ids, Span<const int64_t> positions)>;

// Names differ between exporters: the tables are those, among the file's float weights of `hidden` columns,
// whose rows add up to what `embed` gives. None if there are no such (quantised tables, for example). Throws
// kModel where the file cannot be read.
std::optional<EmbedTables> find_embed_tables(const std::string& file, int64_t hidden, int64_t feeling_id,
                                             const EmbedProbe& embed);

}  // namespace loquor
