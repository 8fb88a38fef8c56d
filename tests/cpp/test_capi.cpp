// The C ABI's own promises, as far as they need no model: NULL, struct sizes, error texts, the log.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "capi/handles.hpp"

namespace {

// A call that must be refused as invalid input; returns what it says.
std::string refused(loquor_status status) {
  CHECK(status == LOQUOR_ERROR_INVALID_INPUT);
  return loquor_last_error();
}

const float kFeatures[] = {1, 2, 3, 4, 5, 6};
const float kMel[] = {8, 7, 6, 5, 4, 3, 2, 1};
const int64_t kTokens[] = {7, 8};

loquor_voice_tensors some_tensors() {
  loquor_voice_tensors tensors = {};
  tensors.struct_size = sizeof(tensors);
  tensors.audio_features = kFeatures;
  tensors.prefix_length = 2;
  tensors.hidden_size = 3;
  tensors.audio_tokens = kTokens;
  tensors.audio_token_count = 2;
  tensors.speaker_embeddings = kFeatures;
  tensors.speaker_embedding_size = 4;
  tensors.speaker_features = kMel;
  tensors.speaker_frames = 4;
  tensors.speaker_feature_size = 2;
  return tensors;
}

// What a newer header would declare: the struct and more behind it.
template <class T>
struct Newer {
  T known;
  unsigned char more[24];
};

}  // namespace

TEST_CASE("versions come from the library") {
  CHECK(loquor_abi_version() == LOQUOR_ABI_VERSION);
  CHECK(std::string(loquor_version()).find('.') != std::string::npos);
}

TEST_CASE("NULL is refused by name wherever it is not allowed") {
  loquor_runtime* runtime = nullptr;
  loquor_engine* engine = nullptr;
  loquor_voice* voice = nullptr;
  loquor_tokens* tokens = nullptr;
  loquor_waveform* waveform = nullptr;
  loquor_runtime no_library{nullptr};
  const loquor_voice_tensors tensors = some_tensors();
  const std::string not_null = " must not be NULL";

  CHECK(refused(loquor_runtime_open("x", nullptr)) == "out" + not_null);
  CHECK(refused(loquor_runtime_open(nullptr, &runtime)) == "library_path" + not_null);
  CHECK(refused(loquor_engine_open(&no_library, "x", nullptr, nullptr)) == "out" + not_null);
  CHECK(refused(loquor_engine_open(nullptr, "x", nullptr, &engine)) == "runtime" + not_null);
  CHECK(refused(loquor_engine_open(&no_library, nullptr, nullptr, &engine)) == "bundle_folder" + not_null);
  CHECK(refused(loquor_engine_get_info(nullptr, nullptr)) == "engine" + not_null);
  CHECK(refused(loquor_engine_get_graph(nullptr, 0, nullptr)) == "engine" + not_null);
  CHECK(refused(loquor_bundle_get_graph(nullptr, 0, nullptr)) == "bundle" + not_null);
  CHECK(refused(loquor_graph_open(nullptr, "x", nullptr, 0, nullptr)) == "out" + not_null);
  CHECK(refused(loquor_graph_run(nullptr, nullptr, 0, nullptr)) == "out" + not_null);
  CHECK(refused(loquor_cancel_create(nullptr)) == "out" + not_null);
  CHECK(refused(loquor_engine_encode_voice(nullptr, kFeatures, 6, nullptr, nullptr)) == "out" + not_null);
  CHECK(refused(loquor_engine_encode_voice(nullptr, nullptr, 6, nullptr, &voice)) == "samples" + not_null);
  CHECK(refused(loquor_engine_encode_voice(nullptr, kFeatures, 6, nullptr, &voice)) == "engine" + not_null);
  CHECK(refused(loquor_voice_create(&tensors, nullptr)) == "out" + not_null);
  CHECK(refused(loquor_voice_create(nullptr, &voice)) == "tensors" + not_null);
  CHECK(refused(loquor_voice_get_tensors(nullptr, nullptr)) == "voice" + not_null);
  CHECK(refused(loquor_engine_default_options(nullptr, nullptr)) == "engine" + not_null);
  CHECK(refused(loquor_engine_generate_tokens(nullptr, nullptr, nullptr)) == "out" + not_null);
  CHECK(refused(loquor_engine_generate_tokens(nullptr, nullptr, &tokens)) == "engine" + not_null);
  CHECK(refused(loquor_tokens_get_info(nullptr, nullptr)) == "tokens" + not_null);
  CHECK(refused(loquor_engine_decode(nullptr, kTokens, 2, nullptr, nullptr, nullptr, nullptr)) ==
        "out" + not_null);
  CHECK(refused(loquor_engine_decode(nullptr, nullptr, 2, nullptr, nullptr, nullptr, &waveform)) ==
        "tokens" + not_null);
  CHECK(refused(loquor_engine_decode(nullptr, kTokens, 2, nullptr, nullptr, nullptr, &waveform)) ==
        "engine" + not_null);
  CHECK(refused(loquor_waveform_get_info(nullptr, nullptr)) == "waveform" + not_null);
  loquor_stream* stream = nullptr;
  loquor_chunk chunk = {};
  CHECK(refused(loquor_engine_stream(nullptr, nullptr, nullptr, nullptr)) == "out" + not_null);
  CHECK(refused(loquor_engine_stream(nullptr, nullptr, nullptr, &stream)) == "engine" + not_null);
  CHECK(refused(loquor_engine_default_stream_options(nullptr, nullptr)) == "engine" + not_null);
  CHECK(refused(loquor_stream_next(nullptr, 0, &chunk)) == "stream" + not_null);
  CHECK(refused(loquor_stream_on_ready(nullptr, nullptr, nullptr)) == "stream" + not_null);
  CHECK(refused(loquor_stream_get_info(nullptr, nullptr)) == "stream" + not_null);
  // Nothing was written to any of them.
  CHECK((runtime == nullptr && engine == nullptr && voice == nullptr));
  CHECK((tokens == nullptr && waveform == nullptr && stream == nullptr));
}

TEST_CASE("NULL is no handle to close, ask or raise, and no struct to fill") {
  loquor_runtime_close(nullptr);
  loquor_engine_close(nullptr);
  loquor_cancel_destroy(nullptr);
  loquor_voice_destroy(nullptr);
  loquor_tokens_destroy(nullptr);
  loquor_waveform_destroy(nullptr);
  loquor_cancel_request(nullptr);
  loquor_stream_cancel(nullptr);
  loquor_stream_destroy(nullptr);
  loquor_engine_halt(nullptr);
  loquor_bundle_close(nullptr);
  loquor_graph_close(nullptr);
  loquor_engine_options_init(nullptr);
  loquor_request_init(nullptr);
  CHECK(loquor_runtime_version(nullptr) == nullptr);
  CHECK(loquor_runtime_path(nullptr) == nullptr);
  CHECK(loquor_runtime_provider_count(nullptr) == 0);
  CHECK(loquor_runtime_provider(nullptr, 0) == nullptr);
  CHECK(loquor_engine_graph_count(nullptr) == 0);
  CHECK(loquor_bundle_graph_count(nullptr) == 0);
}

TEST_CASE("init functions set the size and the defaults") {
  loquor_engine_options options;
  std::memset(&options, 0xAA, sizeof(options));
  loquor_engine_options_init(&options);
  CHECK(options.struct_size == sizeof(options));
  CHECK(std::string(options.dtype) == "auto");
  CHECK(std::string(options.device) == "auto");
  CHECK(options.provider_option_count == 0);
  CHECK(options.threads == 0);
  CHECK((options.slots == 0 && options.max_queue == 0 && options.batching == 1));
  loquor_request request;
  std::memset(&request, 0xAA, sizeof(request));
  loquor_request_init(&request);
  CHECK(request.struct_size == sizeof(request));
  CHECK((request.voice == nullptr && request.options == nullptr && request.cancel == nullptr));
  CHECK((request.progress == nullptr && request.input_id_count == 0));
}

TEST_CASE("a struct without its size is refused by name, in both directions") {
  loquor_voice* voice = nullptr;
  loquor_voice_tensors tensors = some_tensors();
  REQUIRE(loquor_voice_create(&tensors, &voice) == LOQUOR_OK);
  loquor_tokens tokens{{{1, 2}}};
  loquor_waveform waveform{{{0.5f}, 24000, 1}};
  loquor_runtime no_library{nullptr};
  loquor_engine* engine = nullptr;
  for (const std::size_t size : {std::size_t{0}, sizeof(std::size_t) - 1}) {
    CAPTURE(size);
    tensors.struct_size = size;
    loquor_voice* other = nullptr;
    CHECK(refused(loquor_voice_create(&tensors, &other)) == "tensors: struct_size is not set");
    CHECK(refused(loquor_voice_get_tensors(voice, &tensors)) == "tensors: struct_size is not set");
    CHECK(other == nullptr);
    loquor_tokens_info tokens_info = {};
    tokens_info.struct_size = size;
    CHECK(refused(loquor_tokens_get_info(&tokens, &tokens_info)) == "info: struct_size is not set");
    CHECK(tokens_info.tokens == nullptr);
    loquor_waveform_info waveform_info = {};
    waveform_info.struct_size = size;
    CHECK(refused(loquor_waveform_get_info(&waveform, &waveform_info)) == "info: struct_size is not set");
    loquor_engine_options options;
    loquor_engine_options_init(&options);
    options.struct_size = size;
    CHECK(refused(loquor_engine_open(&no_library, "x", &options, &engine)) ==
          "options: struct_size is not set");
  }
  CHECK(refused(loquor_voice_get_tensors(voice, nullptr)) == "tensors must not be NULL");
  loquor_voice_destroy(voice);
}

TEST_CASE("an older caller's shorter struct is read as far as it goes") {
  loquor_voice_tensors tensors = some_tensors();
  tensors.struct_size = offsetof(loquor_voice_tensors, speaker_features);  // all behind is not the caller's
  tensors.speaker_feature_size = 5;
  loquor_voice* voice = nullptr;
  CHECK(refused(loquor_voice_create(&tensors, &voice))
            .find("width of speaker_features must be 1 to 16384, not 0") != std::string::npos);

  loquor_engine_options options;
  loquor_engine_options_init(&options);
  options.provider_option_count = 1;  // whose keys are missing
  loquor_runtime no_library{nullptr};
  loquor_engine* engine = nullptr;
  CHECK(refused(loquor_engine_open(&no_library, "x", &options, &engine)) ==
        "provider_option_keys must not be NULL");
  const char* const key = "k";
  options.provider_option_keys = &key;
  CHECK(refused(loquor_engine_open(&no_library, "x", &options, &engine)) ==
        "provider_option_values must not be NULL");
}

TEST_CASE("prepared graphs are told by the graphs' names") {
  loquor_engine_options options;
  loquor_engine_options_init(&options);
  CHECK(options.prepared_graph_count == 0);
  options.prepared_graph_count = 1;
  loquor_runtime no_library{nullptr};
  loquor_engine* engine = nullptr;
  const auto open = [&] { return refused(loquor_engine_open(&no_library, "x", &options, &engine)); };
  CHECK(open() == "prepared_graph_names must not be NULL");
  const char* name = nullptr;
  options.prepared_graph_names = &name;
  CHECK(open() == "prepared_graph_files must not be NULL");
  const char* file = nullptr;
  options.prepared_graph_files = &file;
  CHECK(open() == "prepared graph's name must not be NULL");
  name = "mel";
  CHECK(open() ==
        "no graph is named 'mel' that a prepared one could stand for: use speech_encoder, "
        "embed_tokens, language_model, conditional_decoder");
  name = "language_model";
  CHECK(open() == "prepared graph's file must not be NULL");
}

TEST_CASE("an older caller's shorter struct is not written beyond its end") {
  const loquor_tokens tokens{{{1, 2, 3}, loquor::FinishReason::kLength, 44, 0.5, 0.25}};
  loquor_tokens_info info;
  std::memset(&info, 0xAA, sizeof(info));
  const loquor_tokens_info before = info;
  info.struct_size = offsetof(loquor_tokens_info, finish_reason);
  REQUIRE(loquor_tokens_get_info(&tokens, &info) == LOQUOR_OK);
  CHECK(info.struct_size == offsetof(loquor_tokens_info, finish_reason));
  CHECK(info.count == 3);
  CHECK(info.tokens[2] == 3);
  const auto rest = sizeof(info) - offsetof(loquor_tokens_info, finish_reason);
  CHECK(std::memcmp(reinterpret_cast<const char*>(&info) + offsetof(loquor_tokens_info, finish_reason),
                    reinterpret_cast<const char*>(&before) + offsetof(loquor_tokens_info, finish_reason),
                    rest) == 0);
}

TEST_CASE("a struct that ends within a field is no older caller's") {
  const loquor_tokens tokens{{{1, 2, 3}, loquor::FinishReason::kLength, 44, 0.5, 0.25}};
  loquor_tokens_info info = {};
  info.struct_size = offsetof(loquor_tokens_info, tokens) + sizeof(void*) / 2;
  const std::string told =
      ": struct_size " + std::to_string(info.struct_size) + " is no struct's: set it to its sizeof";
  CHECK(refused(loquor_tokens_get_info(&tokens, &info)) == "info" + told);
  CHECK(info.tokens == nullptr);
  loquor_voice_tensors tensors = some_tensors();
  tensors.struct_size = info.struct_size;
  loquor_voice* voice = nullptr;
  CHECK(refused(loquor_voice_create(&tensors, &voice)) == "tensors" + told);
}

TEST_CASE("a listing forgets what it chose when it is asked for what it has not") {
  const char* paths[] = {"config.json", "onnx/speech_encoder.onnx", "onnx/embed_tokens.onnx",
                         "onnx/language_model.onnx", "onnx/conditional_decoder.onnx"};
  loquor_listing* listing = nullptr;
  REQUIRE(loquor_listing_create(paths, 5, &listing) == LOQUOR_OK);
  REQUIRE(loquor_listing_choose(listing, "auto", nullptr, "it") == LOQUOR_OK);
  CHECK(std::string(loquor_listing_dtype(listing, 2)) == "fp32");
  CHECK(loquor_listing_needs(listing, 3) == 1);
  CHECK(loquor_listing_choose(listing, "q4", nullptr, "it") == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(loquor_listing_dtype(listing, 2) == nullptr);
  CHECK(loquor_listing_needs(listing, 3) == 0);
  loquor_listing_destroy(listing);
}

TEST_CASE("a newer caller's longer struct is served as far as this library knows") {
  Newer<loquor_voice_tensors> given{some_tensors(), {}};
  std::memset(given.more, 0xAA, sizeof(given.more));
  given.known.struct_size = sizeof(given);
  loquor_voice* voice = nullptr;
  REQUIRE(loquor_voice_create(&given.known, &voice) == LOQUOR_OK);

  Newer<loquor_voice_tensors> read{};
  std::memset(read.more, 0xAA, sizeof(read.more));
  read.known.struct_size = sizeof(read);
  REQUIRE(loquor_voice_get_tensors(voice, &read.known) == LOQUOR_OK);
  CHECK(read.known.struct_size == sizeof(read));
  CHECK(read.known.speaker_frames == 4);
  CHECK(std::memcmp(read.known.audio_features, kFeatures, sizeof(kFeatures)) == 0);
  CHECK(read.known.audio_features != kFeatures);  // copied
  CHECK(std::memcmp(read.more, given.more, sizeof(read.more)) == 0);
  loquor_voice_destroy(voice);
}

TEST_CASE("info structs tell what the handles hold") {
  const loquor_tokens tokens{{{1, 2, 3}, loquor::FinishReason::kLength, 44, 0.5, 0.25}};
  loquor_tokens_info told = {};
  told.struct_size = sizeof(told);
  REQUIRE(loquor_tokens_get_info(&tokens, &told) == LOQUOR_OK);
  CHECK(told.finish_reason == LOQUOR_FINISH_LENGTH);
  CHECK(told.prompt_length == 44);
  CHECK(told.prefill_seconds == 0.5);
  CHECK(told.steps_seconds == 0.25);
  const loquor_waveform waveform{{{0.5f, -0.5f}, 24000, 2.5}};
  loquor_waveform_info wave = {};
  wave.struct_size = sizeof(wave);
  REQUIRE(loquor_waveform_get_info(&waveform, &wave) == LOQUOR_OK);
  CHECK(wave.count == 2);
  CHECK(wave.samples[1] == -0.5f);
  CHECK(wave.sample_rate == 24000);
  CHECK(wave.decoder_seconds == 2.5);
}

TEST_CASE("tensors of an impossible shape are refused before they are read") {
  const auto create = [](auto change) {
    loquor_voice_tensors tensors = some_tensors();
    change(tensors);
    loquor_voice* voice = nullptr;
    const std::string text = refused(loquor_voice_create(&tensors, &voice));
    CHECK(voice == nullptr);
    return text;
  };
  const std::string end = ": make it again from its recording";
  CHECK(create([](auto& t) { t.prefix_length = -2; }) ==
        "a voice's number of audio_features (prefix positions) must be 1 to 1024, not -2" + end);
  CHECK(create([](auto& t) { t.prefix_length = 1025; }).find("1 to 1024, not 1025") != std::string::npos);
  CHECK(create([](auto& t) { t.hidden_size = int64_t{1} << 40; }) ==
        "a voice's width of audio_features must be 1 to 16384, not 1099511627776" + end);
  CHECK(create([](auto& t) { t.audio_token_count = -1; }) ==
        "a voice's number of audio_tokens must be 1 to 750, not -1" + end);
  CHECK(create([](auto& t) { t.audio_token_count = 751; }).find("1 to 750, not 751") != std::string::npos);
  CHECK(create([](auto& t) { t.speaker_embedding_size = 0; }).find("not 0") != std::string::npos);
  CHECK(create([](auto& t) { t.speaker_embeddings = nullptr; }) == "speaker_embeddings must not be NULL");
  CHECK(create([](auto& t) { t.speaker_feature_size = -1; }).find("not -1") != std::string::npos);
  CHECK(create([](auto& t) { t.speaker_frames = 5; }) ==
        "a voice's speaker_features must be two frames for each of its 2 audio_tokens, 4, not 5" + end);
}

TEST_CASE("tensors that no encoder gives are refused before they are a voice") {
  const auto create = [](auto change) {
    float numbers[] = {1, 2, 3, 4, 5, 6, 7, 8};
    int64_t tokens[] = {7, 8};
    loquor_voice_tensors tensors = some_tensors();
    change(tensors, numbers, tokens);
    loquor_voice* voice = nullptr;
    const std::string text = refused(loquor_voice_create(&tensors, &voice));
    CHECK(voice == nullptr);
    return text;
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  CHECK(create([](auto& t, auto& n, auto&) {
          t.audio_features = n, n[5] = kNan;
        }).find("audio_features holds values that are not finite") != std::string::npos);
  CHECK(create([](auto& t, auto& n, auto&) {
          t.speaker_embeddings = n, n[0] = kInfinity;
        }).find("speaker_embeddings holds values") != std::string::npos);
  CHECK(create([](auto& t, auto& n, auto&) {
          t.speaker_features = n, n[7] = -kInfinity;
        }).find("speaker_features holds values") != std::string::npos);
  for (const float value : {65505.0f, -3e38f}) {
    CHECK(create([value](auto& t, auto& n, auto&) {
            t.speaker_features = n, n[7] = value;
          }).find("larger than 65504") != std::string::npos);
  }
  CHECK(create([](auto& t, auto&, auto& k) {
          t.audio_tokens = k, k[1] = -1;
        }).find("audio_tokens must not be negative, not -1") != std::string::npos);
}

TEST_CASE("each thread has an error text of its own") {
  CHECK(refused(loquor_cancel_create(nullptr)) == "out must not be NULL");
  std::string elsewhere = "not asked";
  std::thread([&] {
    elsewhere = loquor_last_error();
    loquor_voice* voice = nullptr;
    loquor_voice_create(nullptr, &voice);
  }).join();
  CHECK(elsewhere.empty());
  CHECK(std::string(loquor_last_error()) == "out must not be NULL");
}

TEST_CASE("a failure's kind is its status") {
  loquor_runtime* runtime = nullptr;
  CHECK(loquor_runtime_open("/no/such/library.so", &runtime) == LOQUOR_ERROR_RUNTIME_MISSING);
  CHECK(std::string(loquor_last_error()).find("/no/such/library.so") != std::string::npos);
  CHECK(runtime == nullptr);
  using loquor::ErrorKind;
  using loquor::capi::as_status;
  const auto status = [](ErrorKind kind) { return as_status([&] { throw loquor::Error(kind, "text"); }); };
  CHECK(status(ErrorKind::kCancelled) == LOQUOR_CANCELLED);
  CHECK(status(ErrorKind::kInvalidInput) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(status(ErrorKind::kModel) == LOQUOR_ERROR_MODEL);
  CHECK(status(ErrorKind::kExecution) == LOQUOR_ERROR_EXECUTION);
  CHECK(status(ErrorKind::kInternal) == LOQUOR_ERROR_INTERNAL);
  CHECK(status(ErrorKind::kBusy) == LOQUOR_ERROR_BUSY);
  CHECK(as_status([] { throw std::bad_alloc(); }) == LOQUOR_ERROR_INTERNAL);
  CHECK(std::string(loquor_last_error()) == loquor::kMemoryRanOut);
  CHECK(as_status([] { throw std::length_error("too long"); }) == LOQUOR_ERROR_INTERNAL);
  CHECK(std::string(loquor_last_error()) == "too long");
  CHECK(as_status([] { throw 5; }) == LOQUOR_ERROR_INTERNAL);
  CHECK(as_status([] {}) == LOQUOR_OK);
}

TEST_CASE("a cancel token can be made, raised from another thread, and destroyed") {
  loquor_cancel* cancel = nullptr;
  REQUIRE(loquor_cancel_create(&cancel) == LOQUOR_OK);
  CHECK_FALSE(cancel->token.requested());
  std::thread([&] { loquor_cancel_request(cancel); }).join();
  CHECK(cancel->token.requested());
  loquor_cancel_destroy(cancel);
}

TEST_CASE("log lines of a level reach the sink with its user pointer, and none without a sink") {
  std::vector<std::string> lines;
  const auto sink = [](void* user, int level, const char* message) {
    static_cast<std::vector<std::string>*>(user)->push_back(std::to_string(level) + message);
  };
  using loquor::log::Level;
  loquor_set_log(sink, &lines, LOQUOR_LOG_WARNING);
  loquor::log::write(Level::kInfo, "dropped");
  loquor::log::write(Level::kWarning, "kept");
  loquor::log::write(Level::kError, "kept");
  CHECK(lines == std::vector<std::string>{"2kept", "3kept"});
  loquor_set_log(nullptr, nullptr, LOQUOR_LOG_DEBUG);
  loquor::log::write(Level::kError, "dropped");
  CHECK_FALSE(loquor::log::enabled(Level::kError));
  CHECK(lines.size() == 2);
}
