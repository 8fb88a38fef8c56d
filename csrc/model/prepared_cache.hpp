// The cache of prepared graphs, which Python's preparation fills (docs/adr/0020, 0091): under which name an
// entry lies, and whether it may be taken.
#pragma once

#include <optional>
#include <string>

namespace loquor {

// The version of the rewrites: another number makes all graphs again.
constexpr int kPreparationVersion = 11;

// What a graph is prepared for.
struct PreparedUse {
  std::string graph;  // its name
  std::string kv_dtype = "auto";
  bool own_operators = true;
  std::string vector_unit;  // of the kernels
  std::string device;
  bool int16 = false;  // products and attention may be of 16 bits
  int version = kPreparationVersion;
  std::string runtime;     // its version
  std::string scaled_for;  // real path of the bundle whose voice the cache's scales suit, or empty
};

// Names the entry of a published graph: 32 hex digits of a hash of its content, its weights' samples, and the
// use. Where the file lies is no part of it: a hub's cache moves its blobs, and bundles share them. Throws
// kModel for a file that cannot be read.
std::string prepared_key(const std::string& source, const PreparedUse& use);

// What the cache knows of a graph.
struct PreparedEntry {
  std::string file;     // the rewritten graph; empty: there is nothing to rewrite, or `refused` says why not
  std::string vocoder;  // the second part of a decoder that was cut in two
  double window_prompt = 0;
  std::string refused;
};

// The entry of a graph, if there is a whole one. Throws kInvalidInput where somebody else than this user or
// root could have written it: such a graph would run in this process.
std::optional<PreparedEntry> find_prepared(const std::string& source, const PreparedUse& use);

}  // namespace loquor
