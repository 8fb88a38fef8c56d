// What made a voice, so that one of another model is refused and not spoken with (docs/adr/0005).
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace loquor {

class Model;

// sha256 in hex digits, and the speech encoder's precision.
struct Fingerprint {
  std::string bundle;   // of config.json, tokenizer.json and the sizes at the graphs' boundaries
  std::string encoder;  // of the speech encoder's graph and samples of its weights
  std::string dtype;
};

// "bundle 0123456789ab (fp32 encoder 0123456789ab)"
std::string describe(const Fingerprint& fingerprint);

// A fingerprint that is computed when somebody first asks, which takes the reading of some files.
class LazyFingerprint {
 public:
  explicit LazyFingerprint(const Model& model);
  explicit LazyFingerprint(Fingerprint known) : found_(std::move(known)) {}
  // Any thread. Throws kModel for a file that is missing or cannot be read.
  const Fingerprint& get() const;

 private:
  std::string folder_;
  std::string encoder_;
  std::string dtype_;
  std::string contract_;
  mutable std::mutex mutex_;
  mutable std::optional<Fingerprint> found_;
};

using FingerprintPtr = std::shared_ptr<const LazyFingerprint>;

// sha256 in hex digits of a language model as it runs, its weights and the type of its KV cache: no other can
// use a prefix that it gave. Throws kModel.
std::string prefix_fingerprint(const Model& model);

}  // namespace loquor
