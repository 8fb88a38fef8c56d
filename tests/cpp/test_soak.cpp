// Does an engine survive many clients whose requests are short, cancelled, left and failing at random?
// Through the C ABI; LOQUOR_SOAK says how many requests (400). Every one that is taken must end in what it
// gives alone, or in LOQUOR_CANCELLED or the error that it had to expect, and nothing may be left.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bundle.hpp"
#include "capi/handles.hpp"
#include "fault_injection.hpp"
#include "trouble.hpp"

using namespace loquor::testing;

namespace {

constexpr int kClients = 16;
constexpr int32_t kLengths[] = {3, 8, 20, 35};
constexpr uint64_t kSeeds = 3;
constexpr int32_t kRunaway = 200;     // tokens asked for with a text that takes 80
constexpr double kMostGrowth = 12e6;  // bytes of RSS after the first fifth

class Soak {
 public:
  Soak(const FaultInjection& faults, const std::string& form, int requests)
      : runtime_{faults.api}, left_(requests) {
    loquor_engine_options options;
    loquor_engine_options_init(&options);
    options.dtype = "fp32";
    options.device = "cpu";
    options.threads = 1;
    options.slots = 5;
    options.max_queue = 10;
    const std::string folder = bundle(form);
    REQUIRE(loquor_engine_open(&runtime_, folder.c_str(), &options, &engine_.it) == LOQUOR_OK);
    REQUIRE(encode(voice_) == LOQUOR_OK);
    for (const int32_t length : kLengths) {
      for (uint64_t seed = 0; seed < kSeeds; ++seed) expected_[{length, seed}] = alone(length, seed);
    }
    expected_[{kRunaway, 0}] = alone(80, 0);
    warm_up_ = requests - requests / 5;
    total_ = requests;
  }

  void run() {
    std::vector<std::future<void>> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.push_back(std::async(std::launch::async, [this, i] {
        Random random(static_cast<uint32_t>(i));
        while (take()) one(random);
      }));
    }
    for (auto& client : clients) {
      if (client.wait_for(std::chrono::minutes(30)) != std::future_status::ready) {
        std::fprintf(stderr, "a client hangs\n");
        std::abort();
      }
    }
  }

  void check() {
    int ends = 0;
    std::string told;
    for (const auto& [outcome, count] : outcomes_) {
      ends += count;
      told += " " + outcome + " " + std::to_string(count) + ";";
    }
    const double grown = rss() - rss_warm_;
    MESSAGE(total_ << " requests:" << told << " busy " << busy_.load() << " times; RSS "
                   << static_cast<int>(rss() / 1e6) << " MB, " << static_cast<int>(grown / 1e4) / 100.0
                   << " MB more than after the first fifth");
    for (const auto& [what, count] : wrong_) MESSAGE("wrong, " << count << " times: " << what);
    CHECK(wrong_.empty());
    CHECK(ends == total_);
    if (total_ >= 2000) {
      for (const char* where : {"speech_encoder", "embed_tokens", "language_model", "conditional_decoder",
                                "before the first token", "behind the first token"}) {
        CAPTURE(where);
        CHECK(failed_[where] > 0);
      }
      if (!kSanitized && rss_warm_ > 0) CHECK(grown < kMostGrowth);
    }
    CHECK(alone(20, 1).samples == expected_[{20, 1}].samples);  // it still answers
  }

  Trouble trouble;

 private:
  using Engine = Handle<loquor_engine, loquor_engine_close>;
  using Voice = Handle<loquor_voice, loquor_voice_destroy>;
  using Stream = Handle<loquor_stream, loquor_stream_destroy>;
  using Cancel = Handle<loquor_cancel, loquor_cancel_destroy>;
  using Tokens = Handle<loquor_tokens, loquor_tokens_destroy>;
  using Waveform = Handle<loquor_waveform, loquor_waveform_destroy>;

  // What is asked, and what the structs point to.
  struct Asked {
    Asked(const Soak& soak, int32_t length, uint64_t seed) {
      generation = {};
      generation.struct_size = sizeof(generation);
      REQUIRE(loquor_engine_default_options(soak.engine_.it, &generation) == LOQUOR_OK);
      generation.max_new_tokens = length;
      generation.seed = seed;
      generation.guards = length == kRunaway ? LOQUOR_GUARD_LENGTH : 0;
      loquor_request_init(&request);
      request.input_ids = text_ids().data();
      request.input_id_count = text_ids().size();
      request.voice = soak.voice_.it;
      request.options = &generation;
      request.text = "a";
    }
    loquor_generation_options generation;
    loquor_request request;
  };

  loquor_status open(const Asked& asked, int32_t first_chunk, Stream& stream) const {
    loquor_stream_options options = {};
    options.struct_size = sizeof(options);
    loquor_engine_default_stream_options(engine_.it, &options);
    options.first_chunk = first_chunk;
    options.left_context = 3;
    return loquor_engine_stream(engine_.it, &asked.request, &options, &stream.it);
  }

  // Reads up to so many chunks; LOQUOR_DONE at the end.
  loquor_status read(Stream& stream, int chunks, std::vector<float>& samples) {
    loquor_chunk chunk = {};
    chunk.struct_size = sizeof(chunk);
    for (int i = 0; i < chunks; ++i) {
      const loquor_status status = loquor_stream_next(stream.it, 300, &chunk);
      if (status == LOQUOR_PENDING) note_wrong("nothing came for five minutes");
      if (status != LOQUOR_OK) return status;
      samples.insert(samples.end(), chunk.samples, chunk.samples + chunk.count);
    }
    return LOQUOR_OK;
  }

  Speech alone(int32_t length, uint64_t seed) {
    const Asked asked(*this, length, seed);
    Tokens tokens;
    REQUIRE(loquor_engine_generate_tokens(engine_.it, &asked.request, &tokens.it) == LOQUOR_OK);
    loquor_tokens_info info = {};
    info.struct_size = sizeof(info);
    REQUIRE(loquor_tokens_get_info(tokens.it, &info) == LOQUOR_OK);
    Waveform waveform;
    REQUIRE(loquor_engine_decode(engine_.it, info.tokens, info.count, voice_.it, nullptr, nullptr,
                                 &waveform.it) == LOQUOR_OK);
    loquor_waveform_info sound = {};
    sound.struct_size = sizeof(sound);
    REQUIRE(loquor_waveform_get_info(waveform.it, &sound) == LOQUOR_OK);
    return {{info.tokens, info.tokens + info.count}, {sound.samples, sound.samples + sound.count}};
  }

  loquor_status encode(Voice& voice) const {
    const std::vector<float> samples = recording();
    return loquor_engine_encode_voice(engine_.it, samples.data(), samples.size(), nullptr, &voice.it);
  }

  // --- Kinds of request: each returns how it ended ---

  loquor_status speak(Random& random, int32_t first_chunk, int32_t length) {
    const uint64_t seed = length == kRunaway ? 0 : static_cast<uint64_t>(below(random, kSeeds));
    Stream stream;
    loquor_status status = open(Asked(*this, length, seed), first_chunk, stream);
    if (status != LOQUOR_OK) return status;
    std::atomic<int> ready{0};
    const auto count = [](void* user) { ++*static_cast<std::atomic<int>*>(user); };
    if (one_in(random, 3)) loquor_stream_on_ready(stream.it, count, &ready);
    std::vector<float> samples;
    status = read(stream, 10000, samples);
    const Speech& expected = expected_.at({length, seed});
    if (status == LOQUOR_DONE && samples != expected.samples) note_wrong("it sounded otherwise than alone");
    if (status != LOQUOR_DONE && !starts_with(expected.samples, samples))
      note_wrong("a part sounded otherwise");
    if (status == LOQUOR_ERROR_EXECUTION) note_place(stream);
    loquor_stream_on_ready(stream.it, nullptr, nullptr);
    return status == LOQUOR_DONE ? LOQUOR_OK : status;
  }

  loquor_status leave(Random& random) {
    Stream stream;
    const auto seed = static_cast<uint64_t>(below(random, kSeeds));
    loquor_status status = open(Asked(*this, 35, seed), 2, stream);
    if (status != LOQUOR_OK) return status;
    std::vector<float> samples;
    status = read(stream, below(random, 3), samples);
    if (!starts_with(expected_.at({35, seed}).samples, samples)) note_wrong("a part sounded otherwise");
    if (status == LOQUOR_ERROR_EXECUTION || one_in(random, 2)) return status;
    loquor_stream_cancel(stream.it);
    return read(stream, 1, samples);
  }

  loquor_status cancel(Random& random) {
    Cancel token;
    if (loquor_cancel_create(&token.it) != LOQUOR_OK) return LOQUOR_ERROR_INTERNAL;
    const auto delay = std::chrono::microseconds(below(random, 15000));
    Asked asked(*this, 3000, 0);
    asked.request.cancel = token.it;
    std::thread canceller([&] {
      std::this_thread::sleep_for(delay);
      loquor_cancel_request(token.it);
    });
    loquor_status status = LOQUOR_OK;
    if (one_in(random, 2)) {
      Tokens tokens;
      status = loquor_engine_generate_tokens(engine_.it, &asked.request, &tokens.it);
    } else {
      Stream stream;
      status = open(asked, 4, stream);
      std::vector<float> samples;
      if (status == LOQUOR_OK) status = read(stream, 10000, samples);
    }
    canceller.join();
    return status;
  }

  loquor_status tokens_and_sound(Random& random) {
    const int32_t length = kLengths[below(random, 4)];
    const auto seed = static_cast<uint64_t>(below(random, kSeeds));
    const Speech& expected = expected_.at({length, seed});
    const Asked asked(*this, length, seed);
    Tokens tokens;
    loquor_status status = loquor_engine_generate_tokens(engine_.it, &asked.request, &tokens.it);
    if (status != LOQUOR_OK) return status;
    loquor_tokens_info info = {};
    info.struct_size = sizeof(info);
    loquor_tokens_get_info(tokens.it, &info);
    if (std::vector<int64_t>(info.tokens, info.tokens + info.count) != expected.tokens)
      note_wrong("other tokens");
    Waveform waveform;
    status =
        loquor_engine_decode(engine_.it, info.tokens, info.count, voice_.it, nullptr, nullptr, &waveform.it);
    if (status != LOQUOR_OK) return status;
    loquor_waveform_info sound = {};
    sound.struct_size = sizeof(sound);
    loquor_waveform_get_info(waveform.it, &sound);
    if (std::vector<float>(sound.samples, sound.samples + sound.count) != expected.samples)
      note_wrong("other sound");
    return LOQUOR_OK;
  }

  loquor_status make_voice() {
    Voice made;
    const loquor_status status = encode(made);
    if (status == LOQUOR_OK && made.it->voice->audio_features != voice_.it->voice->audio_features) {
      note_wrong("another voice");
    }
    return status;
  }

  loquor_status refuse() {
    Stream stream;
    return open(Asked(*this, 0, 0), 2, stream);
  }

  // --- One request: until it is taken ---

  struct Kind {
    const char* name;
    std::vector<loquor_status> ends;  // that it may come to
    std::function<loquor_status(Random&)> ask;
  };

  Kind choose(Random& random) {
    const int dice = below(random, 100);
    const int32_t length = kLengths[below(random, 4)];
    const int32_t chunk = 1 + below(random, 8);
    if (dice < 25) return {"whole", {LOQUOR_OK}, [=](Random& r) { return speak(r, 0, length); }};
    if (dice < 50) return {"stream", {LOQUOR_OK}, [=](Random& r) { return speak(r, chunk, length); }};
    if (dice < 54)
      return {"runaway", {LOQUOR_OK}, [=](Random& r) { return speak(r, chunk % 2 * 5, kRunaway); }};
    if (dice < 68) return {"leave", {LOQUOR_OK, LOQUOR_CANCELLED}, [=](Random& r) { return leave(r); }};
    if (dice < 82) return {"cancel", {LOQUOR_CANCELLED}, [=](Random& r) { return cancel(r); }};
    if (dice < 92) return {"tokens", {LOQUOR_OK}, [=](Random& r) { return tokens_and_sound(r); }};
    if (dice < 96) return {"voice", {LOQUOR_OK}, [=](Random&) { return make_voice(); }};
    return {"refused", {LOQUOR_ERROR_INVALID_INPUT}, [=](Random&) { return refuse(); }};
  }

  void one(Random& random) {
    const Kind kind = choose(random);
    for (;;) {
      const loquor_status status = kind.ask(random);
      if (status == LOQUOR_ERROR_BUSY) {
        ++busy_;
        std::this_thread::sleep_for(std::chrono::microseconds(below(random, 10000)));
        continue;
      }
      const bool failed = status == LOQUOR_ERROR_EXECUTION;  // made by the test
      if (failed) note_failure(loquor_last_error());
      if (!failed && std::find(kind.ends.begin(), kind.ends.end(), status) == kind.ends.end()) {
        note_wrong(std::string(kind.name) + " ended in status " + std::to_string(status) + ": " +
                   loquor_last_error());
      }
      const std::lock_guard<std::mutex> lock(mutex_);
      ++outcomes_[std::string(kind.name) + (failed                       ? " failed"
                                            : status == LOQUOR_CANCELLED ? " cancelled"
                                                                         : "")];
      return;
    }
  }

  bool take() {
    const int left = --left_;
    if (left == warm_up_) rss_warm_ = rss();
    return left >= 0;
  }

  // --- What is noted ---

  static bool starts_with(const std::vector<float>& whole, const std::vector<float>& part) {
    return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
  }
  void note_wrong(const std::string& what) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++wrong_[what];
  }
  void note_failure(const std::string& text) {
    if (text.find("a failure made by the test") == std::string::npos)
      note_wrong("an error of its own: " + text);
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const char* graph : loquor::kGraphNames) {
      if (text.find(graph) != std::string::npos) ++failed_[graph];
    }
  }
  void note_place(const Stream& stream) {
    loquor_stream_info info = {};
    info.struct_size = sizeof(info);
    const std::string text = loquor_last_error();
    loquor_stream_get_info(stream.it, &info);
    if (text.find("conditional_decoder") != std::string::npos) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    ++failed_[info.token_count == 0 ? "before the first token" : "behind the first token"];
  }

  loquor_runtime runtime_;
  Engine engine_;
  Voice voice_;
  std::map<std::pair<int32_t, uint64_t>, Speech> expected_;
  std::atomic<int> left_;
  int warm_up_ = 0;
  int total_ = 0;
  std::atomic<double> rss_warm_{0};
  std::atomic<int> busy_{0};
  std::mutex mutex_;
  std::map<std::string, int> outcomes_;
  std::map<std::string, int> wrong_;
  std::map<std::string, int> failed_;
};

}  // namespace

TEST_CASE("soak: sixteen clients, cancels, readers that leave, and failures in every stage") {
  if (!have_bundles()) return;
  const std::string wanted = environment("LOQUOR_SOAK");
  const int requests = wanted.empty() ? 400 : std::max(1, std::atoi(wanted.c_str()));
  const FaultInjection faults;
  for (const std::string form : {"gqa", "concat"}) {
    CAPTURE(form);
    Soak soak(faults, form,
              wanted.empty()  ? requests / 2
              : form == "gqa" ? requests - requests / 5
                              : requests / 5);
    soak.trouble.on = true;
    soak.run();
    soak.trouble.on = false;
    soak.check();
  }
}
