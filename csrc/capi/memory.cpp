// What an engine holds in memory.
#include "capi/handles.hpp"

using namespace loquor::capi;

extern "C" {

loquor_status loquor_engine_get_memory(const loquor_engine* engine, loquor_memory_info* info) {
  return as_status([&] {
    const loquor::Engine::Memory memory = required(engine, "engine").engine.memory();
    const loquor::PrefixCache::Usage& prefixes = memory.prefixes;
    write_struct(info,
                 {sizeof(loquor_memory_info), memory.kv_bytes, static_cast<int64_t>(prefixes.bytes),
                  static_cast<int64_t>(prefixes.limit), prefixes.count, prefixes.hits, prefixes.misses,
                  memory.encoder_loaded ? 1 : 0, memory.arena_bytes},
                 "info");
  });
}

loquor_status loquor_engine_unload_encoder(loquor_engine* engine) {
  return as_status([&] { required(engine, "engine").engine.unload_encoder(); });
}

}  // extern "C"
