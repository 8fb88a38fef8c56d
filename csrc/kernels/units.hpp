// Which vector units this build has kernels for: the one place that decides it, for all that is compiled.
//
// CMakeLists.txt says which it wants, LOQUOR_WITH_VECTORS, _AVX2, _AVX512 and _AMX (0 or 1), and compiles
// each
// *_body.cpp once a unit, in a namespace of the unit's name: LOQUOR_UNIT. The rest follows from the
// architecture being compiled for. A universal binary is compiled for several: in each the bodies of
// another's units are empty, and nothing asks for them.
#pragma once

#if !defined(LOQUOR_WITH_VECTORS) || !defined(LOQUOR_WITH_AVX2) || !defined(LOQUOR_WITH_AVX512) || \
    !defined(LOQUOR_WITH_AMX)
#error "CMakeLists.txt defines LOQUOR_WITH_... for all that includes this"
#endif

// Vector types of the compiler, which `plain` uses as well: SSE2 on x86-64, NEON on AArch64. Without them it
// is loops over the lanes.
#if LOQUOR_WITH_VECTORS && (defined(__GNUC__) || defined(__clang__))
#define LOQUOR_HAS_VECTORS 1
#else
#define LOQUOR_HAS_VECTORS 0
#endif
#if LOQUOR_HAS_VECTORS && defined(__ARM_NEON)
#define LOQUOR_HAS_NEON 1
#else
#define LOQUOR_HAS_NEON 0
#endif

// Namespaces that exist, besides `plain`, which every build has.
#if LOQUOR_HAS_VECTORS && defined(__x86_64__)
#define LOQUOR_HAS_AVX2 LOQUOR_WITH_AVX2      // with FMA and F16C
#define LOQUOR_HAS_AVX512 LOQUOR_WITH_AVX512  // F, BW, DQ, VL and VNNI, besides all of AVX2
#else
#define LOQUOR_HAS_AVX2 0
#define LOQUOR_HAS_AVX512 0
#endif
#if LOQUOR_HAS_AVX512 && defined(__linux__)  // where a process has to ask for tiles
#define LOQUOR_HAS_AMX LOQUOR_WITH_AMX       // tiles of bytes, besides all of AVX-512
#else
#define LOQUOR_HAS_AMX 0
#endif
#if LOQUOR_HAS_AVX512 && !LOQUOR_HAS_AVX2
#error "what AVX-512 does not gain from runs with AVX2: a build has both, or AVX2 alone"
#endif

// What a *_body.cpp may use, and whether it has anything to compile.
#if defined(LOQUOR_UNIT)
#define LOQUOR_JOIN_NAMES(a, b) a##b
#define LOQUOR_NAMED(prefix, unit) LOQUOR_JOIN_NAMES(prefix, unit)
#define LOQUOR_LEVEL_plain 0
#define LOQUOR_LEVEL_avx2 1
#define LOQUOR_LEVEL_avx512 2
#define LOQUOR_LEVEL_amx 3
#define LOQUOR_LEVEL LOQUOR_NAMED(LOQUOR_LEVEL_, LOQUOR_UNIT)

#define LOQUOR_USES_AVX2 (LOQUOR_LEVEL >= LOQUOR_LEVEL_avx2)
#define LOQUOR_USES_AVX512 (LOQUOR_LEVEL >= LOQUOR_LEVEL_avx512)
#define LOQUOR_USES_VNNI LOQUOR_USES_AVX512
#define LOQUOR_USES_AMX (LOQUOR_LEVEL >= LOQUOR_LEVEL_amx)
#if LOQUOR_USES_AMX
#define LOQUOR_HAS_BODY LOQUOR_HAS_AMX
#elif LOQUOR_USES_AVX512
#define LOQUOR_HAS_BODY LOQUOR_HAS_AVX512
#elif LOQUOR_USES_AVX2
#define LOQUOR_HAS_BODY LOQUOR_HAS_AVX2
#else
#define LOQUOR_HAS_BODY 1
#endif

#if LOQUOR_HAS_BODY && LOQUOR_USES_AVX2 && !(defined(__AVX2__) && defined(__FMA__) && defined(__F16C__))
#error "the unit avx2 is compiled without the instructions it is named for"
#endif
#if LOQUOR_HAS_BODY && LOQUOR_USES_AVX512 && !(defined(__AVX512F__) && defined(__AVX512VNNI__))
#error "the unit avx512 is compiled without the instructions it is named for"
#endif
#if LOQUOR_HAS_BODY && LOQUOR_USES_AMX && !defined(__AMX_INT8__) && \
    !defined(__AMXINT8__)  // as Clang 14 has it
#error "the unit amx is compiled without the instructions it is named for"
#endif
#endif
