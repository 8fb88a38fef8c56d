/* The teacher: reads texts, one a line, and writes what a CMU Flite clustergen voice predicts for each.
 *
 * usage: teacher slt|rms|awb FRAMES.f32 UTTERANCES.jsonl < texts
 * FRAMES: for each 5 ms frame 31 floats: f0 (Hz, 0 unvoiced), 25 mel-cepstra (alpha 0.42, 16 kHz),
 *         5 band strengths of the voiced excitation.
 * UTTERANCES: one JSON object a text: its frames, and each token's phones with stress and times in seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cst_cg.h"
#include "flite.h"

enum { CEPSTRA = 26, BANDS = 5, LINE = 4096 };

cst_voice *register_cmu_us_slt(const char *);
cst_voice *register_cmu_us_rms(const char *);
cst_voice *register_cmu_us_awb(const char *);

/* Takes the place of the library's own: the waveform, nearly all of the work, is not wanted here. */
cst_wave *mlsa_resynthesis(const cst_track *params, const cst_track *strengths, cst_cg_db *db,
                           cst_audio_streaming_info *streaming, int voicing) {
  (void)params, (void)strengths, (void)streaming, (void)voicing;
  cst_wave *wave = new_wave();
  cst_wave_resize(wave, 16, 1);
  wave->sample_rate = db->sample_rate;
  return wave;
}

static cst_voice *voice_of(const char *name) {
  if (!strcmp(name, "slt")) return register_cmu_us_slt(NULL);
  if (!strcmp(name, "rms")) return register_cmu_us_rms(NULL);
  if (!strcmp(name, "awb")) return register_cmu_us_awb(NULL);
  return NULL;
}

static void write_frames(cst_utterance *utterance, FILE *out, int *count) {
  cst_cg_db *db = val_cg_db(utt_feat_val(utterance, "cg_db"));
  cst_track *predicted = val_track(utt_feat_val(utterance, "param_track"));
  cst_track *strengths = db->mixed_excitation ? val_track(utt_feat_val(utterance, "str_track")) : NULL;
  cst_track *smooth = db->do_mlpg ? mlpg(predicted, db) : predicted;
  for (int i = 0; i < smooth->num_frames; i++) {
    float frame[CEPSTRA + BANDS] = {0};
    for (int j = 0; j < CEPSTRA && j < smooth->num_channels; j++) frame[j] = smooth->frames[i][j];
    for (int j = 0; strengths && j < BANDS && j < strengths->num_channels; j++)
      frame[CEPSTRA + j] = strengths->frames[i][j];
    fwrite(frame, sizeof frame, 1, out);
  }
  *count = smooth->num_frames;
  if (smooth != predicted) delete_track(smooth);
}

static void write_phones(cst_item *word, FILE *out, const char **separator) {
  cst_item *structure = item_as(word, "SylStructure");
  for (cst_item *syllable = structure ? item_daughter(structure) : NULL; syllable; syllable = item_next(syllable))
    for (cst_item *phone = item_daughter(syllable); phone; phone = item_next(phone)) {
      cst_item *segment = item_as(phone, "Segment");
      cst_item *before = item_prev(segment);
      fprintf(out, "%s[\"%s\",%d,%.3f,%.3f]", *separator, item_feat_string(phone, "name"),
              !strcmp(ffeature_string(syllable, "stress"), "1"), before ? item_feat_float(before, "end") : 0.0,
              item_feat_float(segment, "end"));
      *separator = ",";
    }
}

static void write_utterance(cst_utterance *utterance, const char *text, int frames, FILE *out) {
  fprintf(out, "{\"text\":\"%s\",\"frames\":%d,\"tokens\":[", text, frames);
  const char *between = "";
  for (cst_item *token = relation_head(utt_relation(utterance, "Token")); token; token = item_next(token)) {
    fprintf(out, "%s[\"%s\",[", between, item_feat_string(token, "name"));
    const char *separator = "";
    for (cst_item *word = item_daughter(token); word; word = item_next(word)) write_phones(word, out, &separator);
    fprintf(out, "]]");
    between = ",";
  }
  fprintf(out, "]}\n");
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: teacher slt|rms|awb FRAMES.f32 UTTERANCES.jsonl < texts\n");
    return 2;
  }
  flite_init();
  cst_voice *voice = voice_of(argv[1]);
  FILE *frames = fopen(argv[2], "wb"), *utterances = fopen(argv[3], "w");
  if (!voice || !frames || !utterances) {
    fprintf(stderr, "teacher: no voice %s, or cannot write %s or %s\n", argv[1], argv[2], argv[3]);
    return 1;
  }
  char line[LINE];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    cst_utterance *utterance = flite_synth_text(line, voice);
    int count = 0;
    if (!utterance) {
      fprintf(stderr, "teacher: cannot speak: %s\n", line);
      return 1;
    }
    write_frames(utterance, frames, &count);
    write_utterance(utterance, line, count, utterances);
    delete_utterance(utterance);
  }
  return fclose(frames) || fclose(utterances);
}
