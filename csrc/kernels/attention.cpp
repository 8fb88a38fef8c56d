#include "kernels/attention.hpp"

#include "kernels/attention_body.hpp"
#include "kernels/cpu.hpp"

namespace loquor {

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

void weigh(const AttentionRow& row) {
  using Body = void (*)(const AttentionRow&);
  static const Body body = []() -> Body {
#if LOQUOR_HAS_AVX2
    if (vector_unit() != VectorUnit::kPlain) return avx2::weigh_body;
#endif
    return plain::weigh_body;
  }();
  body(row);
}

}  // namespace loquor
