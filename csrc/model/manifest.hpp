// What a bundle's folder says of itself: files, precisions, its family and what it has of its own. Everything
// that differs between models is data here, never a case in the loop.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "model/bundle_files.hpp"
#include "model/family.hpp"

namespace loquor {

struct Manifest : ModelFacts {
  // The manifest of a bundle without settings of its own.
  explicit Manifest(const Family& of) : ModelFacts(of.facts), family(&of) {}

  const Family* family;
  std::string folder;
  std::array<GraphFile, kGraphCount> files;
  std::vector<VoiceFile> voices;             // by name
  std::optional<std::string> default_voice;  // file of the voice to speak in when none is asked for
};

// How many of so many codes are decoded and not heard: the family's last, but never the only one.
inline int64_t codes_cut(const Manifest& manifest, int64_t codes) {
  const int64_t most = codes > 1 ? codes - 1 : 0;
  return manifest.family->dropped_tokens < most ? manifest.family->dropped_tokens : most;
}

// `dtype` and `advised` as find_graph_files takes them. Throws kModel for a folder that is no bundle, lacks a
// file or cannot be run, kInvalidInput for a dtype that does not exist.
Manifest read_manifest(const std::string& folder, const std::string& dtype, const std::string& advised = "");

}  // namespace loquor
