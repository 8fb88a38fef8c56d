// An engine whose streams are read to the end, or not.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bundle.hpp"
#include "engine/engine.hpp"
#include "fault_injection.hpp"

namespace loquor::testing {

using Samples = std::vector<float>;

inline StreamOptions chunks_of(int32_t first) {
  StreamOptions options;
  options.first_chunk = first;
  options.left_context = 5;
  return options;
}

// What a reader got from a stream that it read to its end.
struct Heard {
  Samples samples;
  std::vector<int64_t> tokens;
  int chunks = 0;
};

class EngineFixture {
 public:
  explicit EngineFixture(const FaultInjection& faults, const std::string& form = "gqa", int32_t slots = 4,
                         int32_t max_queue = 0, bool batching = true) {
    EngineOptions options = engine_options();
    options.slots = slots;
    options.max_queue = max_queue;
    options.batching = batching;
    engine = std::make_unique<Engine>(faults.api, bundle(form), options);
    voice = std::make_shared<const Voice>(engine->encode_voice(recording(), nullptr));
  }

  RequestPtr open(const GenerationOptions& options, const StreamOptions& stream) const {
    RequestPtr request = engine->prepare_stream({text_ids(), voice, options}, stream, false);
    engine->submit(request);
    return request;
  }
  Samples one_shot(const GenerationOptions& options) const {
    return engine->decode(engine->generate({text_ids(), voice, options}, nullptr, {}).ids, voice, nullptr)
        .samples;
  }

  std::unique_ptr<Engine> engine;
  std::shared_ptr<const Voice> voice;
};

inline Request::Next read(Request& request, Chunk& chunk) {
  const auto next = request.next(chunk, std::chrono::minutes(1), {});
  if (next == Request::Next::kPending) FAIL("nothing came for a minute");
  return next;
}

inline Heard read_all(Request& request) {
  Heard heard;
  Chunk chunk;
  while (read(request, chunk) == Request::Next::kChunk) {
    CHECK(chunk.first_code * 960 == static_cast<int64_t>(heard.samples.size()));
    CHECK(chunk.code_count * 960 == static_cast<int64_t>(chunk.samples.size()));
    heard.samples.insert(heard.samples.end(), chunk.samples.begin(), chunk.samples.end());
    ++heard.chunks;
  }
  heard.tokens = request.result().tokens.ids;
  return heard;
}

}  // namespace loquor::testing
