#include "kernels/attention.hpp"

#include "kernels/attention_body.hpp"
#include "kernels/cpu.hpp"

namespace loquor {

std::size_t bytes_of(CacheType type) {
  switch (type) {
    case CacheType::kFloat32:
      return 4;
    case CacheType::kFloat16:
      return 2;
    case CacheType::kInt8:
      break;
  }
  return 1;
}

void attend(const AttentionHead& head) {
  using Body = void (*)(const AttentionHead&);
  static const Body body = []() -> Body {
#if LOQUOR_HAS_AVX2
    // Vectors wider than AVX2's only wait for memory.
    if (vector_unit() != VectorUnit::kPlain) return avx2::attend_body;
#endif
    return plain::attend_body;
  }();
  body(head);
}

}  // namespace loquor
