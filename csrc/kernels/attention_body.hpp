// What attention_body.cpp is, by instruction set.
#pragma once

#include "kernels/attention.hpp"
#include "kernels/cpu.hpp"

namespace loquor::plain {
void attend_body(const AttentionHead& head);
}
#if LOQUOR_X86_UNITS
namespace loquor::avx2 {
void attend_body(const AttentionHead& head);
}
#endif
