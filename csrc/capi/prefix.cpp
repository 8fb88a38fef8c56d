// The KV of voices' prefixes.
#include "capi/handles.hpp"

using namespace loquor::capi;

extern "C" {

loquor_status loquor_engine_get_prefix(loquor_engine* engine, const loquor_voice* voice,
                                       loquor_cancel* cancel, loquor_prefix** out) {
  return guarded([&] {
    required(out, "out");
    loquor::Engine& target = required(engine, "engine").engine;
    loquor::PrefixPtr prefix = target.prefix(required(voice, "voice").voice, token_of(cancel));
    *out = new loquor_prefix{std::move(prefix), target.model().language_model.signature().kv};
  });
}

loquor_status loquor_prefix_get_info(const loquor_prefix* prefix, loquor_prefix_info* info) {
  return guarded([&] {
    const loquor::Prefix& from = *required(prefix, "prefix").prefix;
    const loquor::KvLayout& kv = prefix->layout;
    write_struct(
        info,
        {sizeof(loquor_prefix_info), from.kv.get(), from.size, static_cast<int64_t>(kv.past_names.size()),
         kv.heads, from.voice->prefix_length, kv.head_dim, kv_dtype_name(kv.type)},
        "info");
  });
}

void loquor_prefix_destroy(loquor_prefix* prefix) { delete prefix; }

loquor_status loquor_engine_keep_prefix(loquor_engine* engine, const loquor_voice* voice, const void* data,
                                        size_t size) {
  return guarded([&] {
    const auto* const bytes = static_cast<const unsigned char*>(data);
    if (size > 0) required(bytes, "data");
    required(engine, "engine").engine.keep_prefix(required(voice, "voice").voice, {bytes, size});
  });
}

}  // extern "C"
