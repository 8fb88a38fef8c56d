/* Recordings made ready for a voice. Conventions: loquor.h, which brings this in.
 *
 *   loquor_recording* recording = NULL;
 *   loquor_recording_info info = {.struct_size = sizeof info};
 *   loquor_status status = loquor_recording_open("speaker.wav", 0, &recording);
 *   if (!status) status = loquor_recording_get_info(recording, &info);
 *   if (!status) status = loquor_engine_encode_voice(engine, info.samples, info.sample_count, NULL, &voice);
 *   loquor_recording_destroy(recording);
 */
#ifndef LOQUOR_RECORDING_H_
#define LOQUOR_RECORDING_H_

#include "loquor/loquor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A recording of any rate and number of channels becomes what the speech encoder of every Chatterbox model
 * expects, mono at 24,000 Hz: the mean of its channels; resampled by libsoxr; without a second and more of
 * silence before the voice; at -27 LUFS over the whole of it (BS.1770, weighted as upstream does); its first
 * 15 s. It is what Python's Engine.voice makes of the same samples. One thread at a time. */
typedef struct loquor_recording loquor_recording;

/* Begins one that is fed. name: what messages call it, NULL for "the recording". sample_rate: 8,000 to
 * 192,000; channels: 1 to 8. LOQUOR_ERROR_RUNTIME_MISSING for another rate than 24,000 where libsoxr was not
 * there when Loquor was built, or is not there now. */
LOQUOR_EXPORT loquor_status loquor_recording_create(const char* name, int32_t sample_rate, int32_t channels,
                                                    loquor_recording** out);
/* frames: [frame_count, channels] in [-1, 1], which are not kept; of an hour and more the first hour is
 * heard, and the voice must begin within 90 s. LOQUOR_ERROR_INVALID_INPUT for values that are not finite or
 * beyond 8, and behind loquor_recording_finish. Does the work: a minute of sound takes some 50 ms. */
LOQUOR_EXPORT loquor_status loquor_recording_add(loquor_recording* recording, const float* frames,
                                                 size_t frame_count);
/* Behind the last frame, once. keep_level: 1 leaves the level as it was recorded. LOQUOR_ERROR_INVALID_INPUT
 * for less than a second, and for silence. */
LOQUOR_EXPORT loquor_status loquor_recording_finish(loquor_recording* recording, int32_t keep_level);

/* A whole file, finished: wav, flac, ogg, opus, mp3, aiff by libsndfile. LOQUOR_ERROR_INVALID_INPUT for a
 * file that is missing or of another format, and as the three above; LOQUOR_ERROR_RUNTIME_MISSING where
 * libsndfile, or libsoxr for another rate than 24,000, was not there at the build, or is not there now. */
LOQUOR_EXPORT loquor_status loquor_recording_open(const char* path, int32_t keep_level,
                                                  loquor_recording** out);

typedef struct loquor_recording_info {
  size_t struct_size;
  const float* samples; /* [sample_count] at 24,000 Hz: for loquor_engine_encode_voice or _start_voice */
  size_t sample_count;
  size_t warning_count;
} loquor_recording_info;

/* LOQUOR_ERROR_INVALID_INPUT before it was finished. */
LOQUOR_EXPORT loquor_status loquor_recording_get_info(const loquor_recording* recording,
                                                      loquor_recording_info* info);
/* A sentence on what may harm the voice: what was left out, a low rate, clipping, pauses, what hardly is
 * speech. NULL for an index out of range, and before it was finished. */
LOQUOR_EXPORT const char* loquor_recording_warning(const loquor_recording* recording, size_t index);
LOQUOR_EXPORT void loquor_recording_destroy(loquor_recording* recording);

#ifdef __cplusplus
}
#endif

#endif /* LOQUOR_RECORDING_H_ */
