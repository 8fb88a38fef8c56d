#include <doctest/doctest.h>

#include <string>

#include "model/bundle_files.hpp"
#include "model/generation_options.hpp"
#include "model/manifest.hpp"
#include "refusal.hpp"
#include "small_graphs.hpp"
#include "temp_folder.hpp"

using loquor::ErrorKind;
using loquor::Manifest;
using loquor::read_manifest;

namespace {

// A bundle folder whose graphs are empty, but for what embed_tokens takes, and, as wanted, its two settings
// files.
class Bundle {
 public:
  Bundle() {
    for (const char* name : loquor::kGraphNames) folder_.write("onnx/" + std::string(name) + ".onnx");
    embed_inputs({"input_ids"});
  }
  Bundle& embed_inputs(const std::vector<std::string>& names) {
    folder_.write("onnx/embed_tokens.onnx", loquor::testing::SmallGraphs::taking(names));
    return *this;
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
  CHECK(manifest.family->name == std::string("turbo"));
  CHECK(manifest.end_of_text_token == 50256);
  CHECK(manifest.prompt_opening.empty());
  CHECK(manifest.prompt_closing == std::vector<int64_t>{50256, 50256});
  CHECK(manifest.text_normalizer == "none");
  CHECK(manifest.piece_characters == 250);
  CHECK(!manifest.default_voice);
  CHECK(manifest.text_vocab_size == 50276);
  CHECK(manifest.defaults.temperature == doctest::Approx(0.8));
  CHECK(manifest.defaults.repetition_penalty == doctest::Approx(1.2));
}

TEST_CASE("a bundle's own voices, and the one to speak in when none is asked for") {
  const Bundle bundle;
  const TempFolder& folder = bundle.folder();
  CHECK(bundle.manifest().voices.empty());
  const std::string recording = folder.write("default_voice.wav");
  CHECK(bundle.manifest().default_voice == recording);
  const std::string saved = folder.write("default_voice.safetensors");
  CHECK(bundle.manifest().default_voice == saved);

  const std::string man = folder.write("voices/man.safetensors");
  const std::string ada = folder.write("voices/Ada \u00e9.safetensors");
  for (const char* other :
       {"README.md", "eve.SAFETENSORS", ".safetensors", "safetensors", "folder.safetensors/x"})
    folder.write(std::string("voices/") + other);
  const auto voices = bundle.manifest().voices;
  REQUIRE(voices.size() == 2);
  CHECK((voices[0].name == "Ada \u00e9" && voices[0].path == ada));
  CHECK((voices[1].name == "man" && voices[1].path == man));
  CHECK(bundle.manifest().default_voice == saved);
  folder.write("config.json", R"({"default_voice": "man"})");
  CHECK(bundle.manifest().default_voice == man);
  folder.write("config.json", R"({"default_voice": "eve"})");
  CHECK_FALSE(bundle.manifest().default_voice);
#ifndef _WIN32
  folder.write("voices/\xff.safetensors");
  CHECK(bundle.manifest().voices.size() == 2);
#endif
}

TEST_CASE("guards are all on, with the family's numbers, unless config.json says otherwise") {
  Bundle bundle;
  CHECK(bundle.manifest().defaults.guards == loquor::kAllGuards);
  CHECK(bundle.manifest().defaults.text_guard == 2);
  CHECK(bundle.manifest().guard_limits.pause_tokens == 50);
  bundle.config(R"({"guards": ["loop", "tail"], "guard_tokens_per_character": 2.5, "guard_tokens_at_least": 9,
                    "guard_pause_tokens": 30})");
  const Manifest manifest = bundle.manifest();
  CHECK(manifest.defaults.guards == (2 | 8));
  CHECK(manifest.defaults.text_guard == 1);  // told alone
  CHECK(manifest.guard_limits.length.tokens_per_character == doctest::Approx(2.5));
  CHECK(manifest.guard_limits.length.tokens_at_least == 9);
  CHECK(manifest.guard_limits.pause_tokens == 30);
  bundle.config(R"({"guards": []})");
  CHECK(bundle.manifest().defaults.guards == 0);
  bundle.config(R"({"guards": ["lenght"]})");
  CHECK(bundle.refused().kind == ErrorKind::kModel);
  CHECK(bundle.refused().names("'guards': it should name length, loop, silence or tail, not 'lenght'"));
}

TEST_CASE("config.json says what differs") {
  Bundle bundle;
  bundle.config(
      R"({"model_type": "chatterbox", "sample_rate": 16000, "samples_per_token": 640, "start_speech_token": 10,
                    "stop_speech_token": 11, "silence_token": 7, "end_of_text_token": 99, "closing_silence_tokens": 0,
                    "max_positions": 512, "voice_prefix_positions": 1, "text_normalizer": "en", "piece_characters": 99,
                    "default_voice": "woman", "text_config": {"text_vocab_size": 100}, "unknown": [1, 2]})");
  const Manifest manifest = bundle.manifest();
  CHECK(manifest.sample_rate == 16000);
  CHECK(manifest.samples_per_token == 640);
  CHECK(manifest.start_token == 10);
  CHECK(manifest.stop_token == 11);
  CHECK(manifest.silence_token == 7);
  CHECK(manifest.end_of_text_token == 99);
  CHECK(manifest.prompt_closing == std::vector<int64_t>{99, 99});
  CHECK(manifest.text_normalizer == "en");
  CHECK(manifest.piece_characters == 99);
  CHECK_FALSE(manifest.default_voice);  // it brings none of that name
  CHECK(manifest.closing_silence_tokens == 0);
  CHECK(manifest.max_positions == 512);
  CHECK(manifest.voice_prefix_positions == 1);
  CHECK(manifest.text_vocab_size == 100);
}

TEST_CASE("settings that cannot be true together are refused when they are read") {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"silence_token": 6561})", "silence_token 6561 is no speech code"},
      {R"({"start_speech_token": 6562})", "stop_speech_token 6562 is start_speech_token as well"},
      {R"({"text_config": {"text_vocab_size": 704}})",
       "a prompt's id 50256 is outside the text vocabulary of 704"},
      {R"({"voice_prefix_positions": 8196})",
       "voice_prefix_positions 8196 leave no room in max_positions 8196"},
  };
  for (const auto& [config, problem] : cases) {
    CAPTURE(config);
    Bundle bundle;
    bundle.config(config);
    CHECK(bundle.refused().kind == ErrorKind::kModel);
    CHECK(bundle.refused().names(problem));
  }
}

TEST_CASE("special ids that trade places keep theirs in a prompt") {
  Bundle bundle;
  bundle.config(R"({"end_of_text_token": 6561, "start_speech_token": 6000, "silence_token": 5})");
  CHECK(bundle.manifest().prompt_closing == std::vector<int64_t>{6561, 6561});
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
      {R"({"text_normalizer": 5})", "'text_normalizer': JSON line 1: expected a string, found 5"},
      {R"({"text_normalizer": "en\u0000x"})", "'text_normalizer' holds a null character"},
      {R"({"default_voice": ["woman"]})", "'default_voice': JSON line 1: expected a string"},
      {R"({"piece_characters": 5})", "'piece_characters' should be a number from 20 to 5000, not 5"},
      {R"({"piece_characters": true})", "'piece_characters': JSON line 1: expected an integer"},
      {R"({"text_config": {"model_type": 5}})", "'text_config': JSON line 1: expected a string"},
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

TEST_CASE("the family is the one that the graphs and the config declare") {
  Bundle bundle;
  CHECK(bundle.config(R"({"family": "turbo", "text_config": {"model_type": "gpt2"}})").manifest().family ==
        &loquor::families()[0]);
  CHECK(bundle.config(R"({"text_config": {"model_type": "a word of others"}})").manifest().family ==
        &loquor::families()[0]);
  bundle.config(R"({"family": "english"})");
  CHECK(bundle.refused().kind == ErrorKind::kModel);
  CHECK(bundle.refused().names(
      "config.json: family is 'english', whose embed_tokens takes input_ids, position_ids, exaggeration, but "
      "this bundle's takes input_ids"));
  bundle.config(R"({"text_config": {"model_type": "llama"}})");
  CHECK(bundle.refused().kind == ErrorKind::kModel);
  CHECK(bundle.refused().names("config.json: text_config.model_type is 'llama', but"));
  bundle.config(R"({"family": "Turbo"})");
  CHECK(bundle.refused().names("family is 'Turbo', and this Loquor knows turbo, english, multilingual"));
}

TEST_CASE("English and Multilingual are told apart by what they say and by their vocabulary") {
  Bundle bundle;
  bundle.embed_inputs({"input_ids", "position_ids", "exaggeration"});
  const auto family = [&](const std::string& config) {
    return std::string(bundle.config(config).manifest().family->name);
  };
  CHECK(family(R"({"text_config": {"text_vocab_size": 2454}})") == "multilingual");
  CHECK(family(R"({"text_config": {"text_vocab_size": 704}})") == "english");
  CHECK(family(R"({"family": "multilingual"})") == "multilingual");
  CHECK(family("{}") == "english");
  bundle.embed_inputs({"input_ids", "text_conditioning", "position_ids", "exaggeration"});
  CHECK(family(R"({"family": "multilingual"})") == "multilingual");
  CHECK(
      bundle.config(R"({"family": "turbo"})").refused().names("family is 'turbo', whose embed_tokens takes"));
}

TEST_CASE("a graph that no family has is refused by what it takes and what families do") {
  Bundle bundle;
  for (const std::vector<std::string>& inputs :
       {std::vector<std::string>{}, {"input_ids", "position_ids"}, {"input_ids", "input_ids"}, {"a", "b"}}) {
    const Refusal refused = bundle.embed_inputs(inputs).refused();
    CHECK(refused.kind == ErrorKind::kModel);
    CHECK(refused.names("embed_tokens.onnx: it takes " + (inputs.empty() ? "no inputs" : inputs[0])));
    CHECK(refused.names("turbo: input_ids; english: input_ids, position_ids, exaggeration"));
  }
  bundle.folder().write("onnx/embed_tokens.onnx", "<html>Not found</html>");
  CHECK(bundle.refused().names("embed_tokens.onnx cannot be used as an ONNX graph"));
}

TEST_CASE("special ids of another number are those of prompts, too") {
  Bundle bundle;
  const Manifest manifest =
      bundle.config(R"({"end_of_text_token": 7, "start_speech_token": 50256})").manifest();
  CHECK(manifest.prompt_closing == std::vector<int64_t>{7, 7});
}
