#include "audio/resampler.hpp"

#include <cmath>

#include "audio/shared_library.hpp"
#include "base/error.hpp"

#if LOQUOR_WITH_SOXR
#include <soxr.h>
#endif

namespace loquor {

#if LOQUOR_WITH_SOXR

namespace {

struct Library {
  decltype(&soxr_create) create = nullptr;
  decltype(&soxr_delete) destroy = nullptr;
  decltype(&soxr_process) process = nullptr;
  decltype(&soxr_quality_spec) quality = nullptr;

  Library() {
    const SharedLibrary file("to change a recording's sample rate takes libsoxr",
#if defined(_WIN32)
                             {"libsoxr.dll", "soxr.dll"},
#elif defined(__APPLE__)
                             {"libsoxr.0.dylib"},
#else
                             {"libsoxr.so.0"},
#endif
                             "install it (on Debian: libsoxr0), or give mono samples at 24000 Hz");
    file.find("soxr_create", create);
    file.find("soxr_delete", destroy);
    file.find("soxr_process", process);
    file.find("soxr_quality_spec", quality);
  }
};

const Library& library() {
  static const Library opened;  // tried again where it failed
  return opened;
}

}  // namespace

struct Resampler::Soxr {
  explicit Soxr(double rate, double wanted) : ratio(wanted / rate) {
    const soxr_quality_spec_t quality = library().quality(SOXR_HQ, 0);
    soxr_error_t error = nullptr;
    state = library().create(rate, wanted, 1, &error, nullptr, &quality, nullptr);
    if (error != nullptr) throw Error(ErrorKind::kInternal, std::string("libsoxr: ") + error);
  }
  ~Soxr() { library().destroy(state); }
  Soxr(const Soxr&) = delete;
  Soxr& operator=(const Soxr&) = delete;

  // Null `in`: the end.
  std::vector<float> run(const float* in, std::size_t count) {
    std::vector<float> made;
    for (;;) {
      const std::size_t room = static_cast<std::size_t>(std::ceil(static_cast<double>(count) * ratio)) + 4096;
      const std::size_t before = made.size();
      made.resize(before + room);
      std::size_t used = 0, written = 0;
      const soxr_error_t error =
          library().process(state, in, count, &used, made.data() + before, room, &written);
      if (error != nullptr) throw Error(ErrorKind::kInternal, std::string("libsoxr: ") + error);
      made.resize(before + written);
      if (in != nullptr) in += used;
      count -= used;
      if (count == 0 && written < room) return made;
    }
  }

  double ratio;
  soxr_t state = nullptr;
};

Resampler::Resampler(int32_t rate, int32_t wanted) : soxr_(std::make_unique<Soxr>(rate, wanted)) {}

std::vector<float> Resampler::process(Span<const float> mono) {
  return mono.empty() ? std::vector<float>() : soxr_->run(mono.data(), mono.size());
}

std::vector<float> Resampler::finish() { return soxr_->run(nullptr, 0); }

#else

struct Resampler::Soxr {};

Resampler::Resampler(int32_t rate, int32_t wanted) {
  throw Error(ErrorKind::kRuntimeMissing,
              "samples at " + std::to_string(rate) + " Hz would have to be resampled to " +
                  std::to_string(wanted) +
                  ", which this build of Loquor cannot, since soxr.h was not there (on Debian: libsoxr-dev): "
                  "build it again where it is, or resample before");
}
std::vector<float> Resampler::process(Span<const float>) { return {}; }
std::vector<float> Resampler::finish() { return {}; }

#endif

Resampler::~Resampler() = default;

}  // namespace loquor
