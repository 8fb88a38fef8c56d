// A recording in a file, read by libsndfile: wav, flac, ogg, opus, mp3, aiff.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace loquor {

class SoundFile {
 public:
  // Throws kInvalidInput for a file that is missing or that libsndfile does not read, and kRuntimeMissing
  // where libsndfile was not there at the build, or is not there now.
  explicit SoundFile(const std::string& path);
  ~SoundFile();
  SoundFile(const SoundFile&) = delete;
  SoundFile& operator=(const SoundFile&) = delete;

  int32_t rate() const;
  int32_t channels() const;
  // The next second of interleaved frames in [-1, 1]; empty at the end. Throws kInvalidInput where not even
  // the first can be read.
  std::vector<float> read();
  // At the end: whether the file promised more than it held.
  bool cut_off() const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace loquor
