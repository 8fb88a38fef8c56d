#include <doctest/doctest.h>

#include <string>

#include "model/bundle_files.hpp"
#include "model/generation_options.hpp"
#include "model/manifest.hpp"
#include "refusal.hpp"
#include "temp_folder.hpp"

using loquor::ErrorKind;
using loquor::Manifest;
using loquor::read_manifest;

namespace {

// A bundle folder with empty graphs and, as wanted, its two settings files.
class Bundle {
 public:
  Bundle() {
    for (const char* name : loquor::kGraphNames) folder_.write("onnx/" + std::string(name) + ".onnx");
  }
  Bundle& config(const std::string& json) { return write("config.json", json); }
  Bundle& generation(const std::string& json) { return write("generation_config.json", json); }
  Manifest manifest() const { return read_manifest(folder_.path(), "auto"); }
  Refusal refused() const {
    return refusal([&] { manifest(); });
  }
  const TempFolder& folder() const { return folder_; }

 private:
  Bundle& write(const char* name, const std::string& json) {
    folder_.write(name, json);
    return *this;
  }
  TempFolder folder_;
};

}  // namespace

TEST_CASE("without settings the family's own hold") {
  const Bundle bundle;
  const Manifest manifest = bundle.manifest();
  CHECK(manifest.folder == bundle.folder().path());
  CHECK(manifest.files[3].dtype == "fp32");
  CHECK(manifest.sample_rate == 24000);
  CHECK(manifest.samples_per_token == 960);
  CHECK(manifest.start_token == 6561);
  CHECK(manifest.stop_token == 6562);
  CHECK(manifest.silence_token == 4299);
  CHECK(manifest.end_of_text_token == 50256);
  CHECK(manifest.text_vocab_size == 50276);
  CHECK(manifest.defaults.temperature == doctest::Approx(0.8));
  CHECK(manifest.defaults.repetition_penalty == doctest::Approx(1.2));
}

TEST_CASE("guards are all on, with the family's numbers, unless config.json says otherwise") {
  Bundle bundle;
  CHECK(bundle.manifest().defaults.guards == loquor::kAllGuards);
  CHECK(bundle.manifest().guard_limits.pause_tokens == 50);
  bundle.config(R"({"guards": ["loop", "tail"], "guard_tokens_per_character": 2.5, "guard_tokens_at_least": 9,
                    "guard_pause_tokens": 30})");
  const Manifest manifest = bundle.manifest();
  CHECK(manifest.defaults.guards == (2 | 8));
  CHECK(manifest.guard_limits.length.tokens_per_character == doctest::Approx(2.5));
  CHECK(manifest.guard_limits.length.tokens_at_least == 9);
  CHECK(manifest.guard_limits.pause_tokens == 30);
  bundle.config(R"({"guards": []})");
  CHECK(bundle.manifest().defaults.guards == 0);
  bundle.config(R"({"guards": ["lenght"]})");
  CHECK(bundle.refused().kind == ErrorKind::kModel);
  CHECK(bundle.refused().names("'guards' should name length, loop, silence or tail, not 'lenght'"));
}

TEST_CASE("config.json says what differs") {
  Bundle bundle;
  bundle.config(
      R"({"model_type": "chatterbox", "sample_rate": 16000, "samples_per_token": 640, "start_speech_token": 10,
                    "stop_speech_token": 11, "silence_token": 7, "end_of_text_token": 99, "closing_silence_tokens": 0,
                    "max_positions": 512, "voice_prefix_positions": 1, "text_config": {"text_vocab_size": 100}, "unknown": [1, 2]})");
  const Manifest manifest = bundle.manifest();
  CHECK(manifest.sample_rate == 16000);
  CHECK(manifest.samples_per_token == 640);
  CHECK(manifest.start_token == 10);
  CHECK(manifest.stop_token == 11);
  CHECK(manifest.silence_token == 7);
  CHECK(manifest.end_of_text_token == 99);
  CHECK(manifest.closing_silence_tokens == 0);
  CHECK(manifest.max_positions == 512);
  CHECK(manifest.voice_prefix_positions == 1);
  CHECK(manifest.text_vocab_size == 100);
}

TEST_CASE("generation_config.json gives the defaults, by the hub's keys") {
  Bundle bundle;
  bundle.generation(
      R"({"temperature": 0.5, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.5,
                        "max_new_tokens": 300, "bos_token_id": 6561})");
  const auto defaults = bundle.manifest().defaults;
  CHECK(defaults.temperature == 0.5f);
  CHECK(defaults.top_k == 20);
  CHECK(defaults.top_p == 0.9f);
  CHECK(defaults.min_p == 0.05f);
  CHECK(defaults.repetition_penalty == 1.5f);
  CHECK(defaults.max_new_tokens == 300);
  bundle.generation(R"({"do_sample": false, "temperature": 0.5})");
  CHECK(bundle.manifest().defaults.temperature == 0);
  bundle.generation(R"({"do_sample": true, "temperature": null})");
  CHECK(bundle.manifest().defaults.temperature == 0.8f);
}

TEST_CASE("what is null counts as absent") {
  Bundle bundle;
  bundle.config(R"({"model_type": null, "sample_rate": null, "guards": null, "text_config": null})");
  CHECK(bundle.manifest().sample_rate == 24000);
  bundle.config(R"({"text_config": {"text_vocab_size": null}})");
  CHECK(bundle.manifest().text_vocab_size == 50276);
}

TEST_CASE("settings larger than any real ones are refused, and so is what is no file") {
  Bundle bundle;
  bundle.config("{\"a\": \"" + std::string(4 << 20, 'x') + "\"}");
  CHECK(bundle.refused().names("config.json: JSON line 1 column 1: expected at most 1048576 bytes"));
  const std::string file = bundle.folder().path() + "/config.json";
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  CHECK(bundle.refused().names("config.json is no regular file"));
}

TEST_CASE("a bundle may have for its default what a request may ask for") {
  Bundle bundle;
  bundle.generation(
      R"({"temperature": 10, "top_k": 2147483647, "top_p": 1, "min_p": 1, "repetition_penalty": 1e30,
                        "max_new_tokens": 2147483647})");
  bundle.config(
      R"({"stream_max_chunk": 1048576, "stream_left_context": 1048576, "stream_look_ahead": 1048576,
                        "stream_fade_samples": 65536})");
  const auto manifest = bundle.manifest();
  CHECK(manifest.defaults.top_k == 2147483647);
  CHECK(manifest.defaults.min_p == 1);
  CHECK(manifest.defaults.repetition_penalty == 1e30f);
  CHECK(manifest.streaming.max_chunk == 1048576);
  CHECK(manifest.streaming.fade_samples == 65536);
  loquor::validate(manifest.defaults);
  loquor::validate(manifest.streaming);
}

TEST_CASE("settings that cannot be meant are refused by file, key and range") {
  struct Case {
    const char* json;
    const char* says;
  };
  const Case configs[] = {
      {R"({"model_type": "llama"})", "'chatterbox', not 'llama'"},
      {R"({"model_type": 5})", "config.json"},
      {R"({"sample_rate": 0})", "'sample_rate' should be a number from 8000"},
      {R"({"sample_rate": 24000.5})", "config.json"},
      {R"({"samples_per_token": "many"})", "config.json"},
      {R"({"stop_speech_token": -1})", "'stop_speech_token'"},
      {R"({"max_positions": 1e30})", "config.json"},
      {R"({"text_config": {"text_vocab_size": true}})", "config.json"},
      {R"({"text_config": []})", "expected an object, found an array"},
      {R"({"text_config": "small"})", "expected an object, found a string"},
      {R"({"guards": "loop"})", "expected an array, found a string"},
      {R"({"guards": [["loop"]]})", "expected a string, found an array"},
      {R"({"stream_max_chunk": {}})", "expected an integer, found an object"},
      {R"({"sample_rate": 24000)", "config.json"},
      {R"([1, 2])", "config.json"},
      {"", "config.json"},
      {"<html>Not found</html>", "config.json"},
  };
  for (const Case& wrong : configs) {
    CAPTURE(wrong.json);
    Bundle bundle;
    const Refusal refused = bundle.config(wrong.json).refused();
    CHECK(refused.kind == ErrorKind::kModel);
    CHECK(refused.names(wrong.says));
    CHECK(refused.names(bundle.folder().path()));
  }
  const Case defaults[] = {
      {R"({"temperature": -1})", "'temperature'"},
      {R"({"top_p": 0})", "top_p must be in"},
      {R"({"top_k": 2.5})", "generation_config.json"},
      {R"({"max_new_tokens": 0})", "'max_new_tokens'"},
      {R"({"do_sample": "no"})", "generation_config.json"},
      {R"({"repetition_penalty": 0})", "repetition_penalty"},
  };
  for (const Case& wrong : defaults) {
    CAPTURE(wrong.json);
    Bundle bundle;
    const Refusal refused = bundle.generation(wrong.json).refused();
    CHECK(refused.kind == ErrorKind::kModel);
    CHECK(refused.names(wrong.says));
    CHECK(refused.names("generation_config.json"));
  }
}

TEST_CASE("a text vocabulary must have a size that can be one") {
  for (const char* size : {"0", "-5", "1000000000000"}) {
    CAPTURE(size);
    Bundle bundle;
    bundle.config(R"({"text_config": {"text_vocab_size": )" + std::string(size) + "}}");
    const Refusal refused = bundle.refused();
    CHECK(refused.kind == ErrorKind::kModel);
    CHECK(refused.names("text_vocab_size"));
  }
}

TEST_CASE("a folder that is not there is named") {
  const TempFolder folder;
  const std::string absent = folder.path() + "/absent";
  Refusal refused = refusal([&] { read_manifest(absent, "auto"); });
  CHECK(refused.kind == ErrorKind::kModel);
  CHECK(refused.names(absent));
  const std::string file = folder.write("file");
  refused = refusal([&] { read_manifest(file, "auto"); });
  CHECK(refused.kind == ErrorKind::kModel);
  CHECK(refused.names(file));
}
