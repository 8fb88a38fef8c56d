// What attention_body.cpp is, by unit.
#pragma once

#include "kernels/attention.hpp"
#include "kernels/units.hpp"

namespace loquor::plain {
void attend_body(const AttentionHead& head);
void weigh_body(const AttentionRow& row);
}  // namespace loquor::plain
#if LOQUOR_HAS_AVX2
namespace loquor::avx2 {
void attend_body(const AttentionHead& head);
void weigh_body(const AttentionRow& row);
}  // namespace loquor::avx2
#endif
