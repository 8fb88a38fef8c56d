// What a host of the C ABI has in its hands.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bundle.hpp"
#include "loquor/loquor.h"
#include "trouble.hpp"

namespace loquor::testing {

// One of everything, with a stream under way.
struct Scene {
  Scene() : samples(recording()), ids(text_ids()) {
    REQUIRE(loquor_runtime_open(environment("LOQUOR_TEST_RUNTIME").c_str(), &runtime.it) == LOQUOR_OK);
    REQUIRE(open(&engine.it) == LOQUOR_OK);
    REQUIRE(loquor_cancel_create(&cancel.it) == LOQUOR_OK);
    REQUIRE(loquor_engine_encode_voice(engine.it, samples.data(), samples.size(), nullptr, &voice.it) ==
            LOQUOR_OK);
    options.struct_size = sizeof(options);
    REQUIRE(loquor_engine_default_options(engine.it, &options) == LOQUOR_OK);
    options.max_new_tokens = 2000;
    loquor_request_init(&request);
    request.input_ids = ids.data();
    request.input_id_count = ids.size();
    request.voice = voice.it;
    request.options = &options;
    REQUIRE(loquor_engine_stream(engine.it, &request, nullptr, &stream.it) == LOQUOR_OK);
  }
  loquor_status open(loquor_engine** out) const {
    loquor_engine_options given;
    loquor_engine_options_init(&given);
    given.device = "cpu";
    given.threads = 2;
    return loquor_engine_open(runtime.it, bundle("gqa").c_str(), &given, out);
  }

  Handle<loquor_runtime, loquor_runtime_close> runtime;
  Handle<loquor_engine, loquor_engine_close> engine;
  Handle<loquor_cancel, loquor_cancel_destroy> cancel;
  std::vector<float> samples;
  std::vector<int64_t> ids;
  Handle<loquor_voice, loquor_voice_destroy> voice;
  loquor_generation_options options{};
  loquor_request request{};
  Handle<loquor_stream, loquor_stream_destroy> stream;
};

}  // namespace loquor::testing
