// The KV of voices' prefixes.
#include "capi/handles.hpp"
#include "model/kv_dtype.hpp"

using namespace loquor::capi;

namespace {

std::string described(const char* dtype, int64_t tensors, int64_t heads, int64_t positions, int64_t dim) {
  return std::string(dtype) + " [" + std::to_string(tensors) + ", " + std::to_string(heads) + ", " +
         std::to_string(positions) + ", " + std::to_string(dim) + "]";
}

// That of a voice in a model, as loquor_prefix_get_info tells it.
void require_layout(const loquor_prefix_info& given, const loquor::KvLayout& kv, int64_t positions) {
  const std::string expected =
      described(loquor::kv_dtype_name(kv.type), static_cast<int64_t>(kv.past_names.size()), kv.heads,
                positions, kv.head_dim);
  const std::string found =
      described(&required(given.dtype, "dtype"), given.tensors, given.heads, given.positions, given.head_dim);
  if (found == expected) return;
  throw loquor::Error(loquor::ErrorKind::kInvalidInput, "the prefix of this voice should be " + expected +
                                                            " but is " + found +
                                                            ": make it again with this model");
}

}  // namespace

extern "C" {

loquor_status loquor_engine_get_prefix(loquor_engine* engine, const loquor_voice* voice,
                                       loquor_cancel* cancel, loquor_prefix** out) {
  return as_status([&] {
    required(out, "out");
    loquor::Engine& target = required(engine, "engine").engine;
    loquor::PrefixPtr prefix = target.prefix(required(voice, "voice").voice, token_of(cancel));
    *out = new loquor_prefix{std::move(prefix), target.model().language_model.signature().kv};
  });
}

loquor_status loquor_prefix_get_info(const loquor_prefix* prefix, loquor_prefix_info* info) {
  return as_status([&] {
    const loquor::Prefix& from = *required(prefix, "prefix").prefix;
    const loquor::KvLayout& kv = prefix->layout;
    write_struct(
        info,
        {sizeof(loquor_prefix_info), from.kv.get(), from.size, static_cast<int64_t>(kv.past_names.size()),
         kv.heads, from.positions, kv.head_dim, loquor::kv_dtype_name(kv.type)},
        "info");
  });
}

void loquor_prefix_destroy(loquor_prefix* prefix) { delete prefix; }

loquor_status loquor_engine_keep_prefix(loquor_engine* engine, const loquor_voice* voice,
                                        const loquor_prefix_info* prefix) {
  return as_status([&] {
    loquor::Engine& target = required(engine, "engine").engine;
    const std::shared_ptr<const loquor::Voice>& of = required(voice, "voice").voice;
    const auto given = read_struct(required(prefix, "prefix"), loquor_prefix_info{}, "prefix");
    require_layout(given, target.model().language_model.signature().kv, of->prefix_length);
    const auto* const bytes = static_cast<const unsigned char*>(given.data);
    if (given.size > 0) required(bytes, "data");
    target.keep_prefix(of, {bytes, given.size});
  });
}

}  // extern "C"
