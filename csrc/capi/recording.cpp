// Recordings made ready for a voice.
#include "audio/reference.hpp"
#include "audio/sound_file.hpp"
#include "capi/handles.hpp"

using namespace loquor::capi;

struct loquor_recording {
  loquor_recording(std::string name, int32_t rate, int32_t channel_count)
      : reference(std::move(name), rate, channel_count), channels(static_cast<std::size_t>(channel_count)) {}

  loquor::Reference reference;
  std::size_t channels;
  bool finished = false;
  loquor::ReferenceAudio audio{};

  void finish(bool cut_off, int32_t keep_level) {
    if (keep_level != 0 && keep_level != 1) {
      throw loquor::Error(loquor::ErrorKind::kInvalidInput, "keep_level must be 0 or 1");
    }
    require_open();
    finished = true;  // also if it fails: what was heard is used up
    audio = reference.finish(cut_off, keep_level == 1);
  }
  void require_open() const {
    if (!finished) return;
    throw loquor::Error(loquor::ErrorKind::kInvalidInput,
                        "this recording is finished: create another one for what follows");
  }
};

extern "C" {

loquor_status loquor_recording_create(const char* name, int32_t sample_rate, int32_t channels,
                                      loquor_recording** out) {
  return as_status([&] {
    required(out, "out");
    *out = new loquor_recording(name != nullptr ? name : "the recording", sample_rate, channels);
  });
}

loquor_status loquor_recording_add(loquor_recording* recording, const float* frames, size_t frame_count) {
  return as_status([&] {
    loquor_recording& target = required(recording, "recording");
    target.require_open();
    if (frame_count > 0) required(frames, "frames");
    target.reference.add({frames, frame_count * target.channels});
  });
}

loquor_status loquor_recording_finish(loquor_recording* recording, int32_t keep_level) {
  return as_status([&] { required(recording, "recording").finish(false, keep_level); });
}

loquor_status loquor_recording_open(const char* path, int32_t keep_level, loquor_recording** out) {
  return as_status([&] {
    required(out, "out");
    const std::string file = &required(path, "path");
    loquor::SoundFile sound(file);
    auto recording = std::make_unique<loquor_recording>("'" + file + "'", sound.rate(), sound.channels());
    while (!recording->reference.full()) {
      const std::vector<float> frames = sound.read();
      if (frames.empty()) break;
      recording->reference.add(frames);
    }
    const bool cut_off = !recording->reference.full() && sound.cut_off();
    recording->finish(cut_off, keep_level);
    *out = recording.release();
  });
}

loquor_status loquor_recording_get_info(const loquor_recording* recording, loquor_recording_info* info) {
  return as_status([&] {
    const loquor_recording& made = required(recording, "recording");
    if (made.audio.samples.empty()) {
      throw loquor::Error(loquor::ErrorKind::kInvalidInput,
                          "this recording is not finished: call loquor_recording_finish first");
    }
    write_struct(
        info,
        {sizeof(*info), made.audio.samples.data(), made.audio.samples.size(), made.audio.warnings.size()},
        "info");
  });
}

const char* loquor_recording_warning(const loquor_recording* recording, size_t index) {
  if (recording == nullptr || index >= recording->audio.warnings.size()) return nullptr;
  return recording->audio.warnings[index].c_str();
}

void loquor_recording_destroy(loquor_recording* recording) { delete recording; }

}  // extern "C"
