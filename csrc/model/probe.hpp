// Facts about a language_model graph that its declaration does not tell, found by running it on a few
// positions.
#pragma once

#include "model/kv_cache.hpp"
#include "model/lm_signature.hpp"

namespace loquor {

struct LmProbe {
  KvMode kv_mode = KvMode::kPingPong;
  bool logits_of_last_only = false;  // else of every new position
  bool batched = false;              // in place, rows of different lengths may share a step
  bool extends = false;              // a run may add several positions to a past
};

// In place needs that past and present, bound to one buffer longer than its content, give the logits that
// separate buffers give. A graph that cannot do it fails or differs, and is run in ping-pong. Batched needs
// in the same way that two rows of different lengths give what each gave alone; extends, that a prompt in two
// runs gives what it gave otherwise. Of a family whose sequences take several `rows`, these are run in the
// way that they will be: together, unless they lie in a pool. Throws kExecution or kModel when the graph does
// not run even with separate buffers, or not with so many rows.
LmProbe probe_language_model(const ort::Session& session, const LmSignature& signature,
                             const ort::Device& device, int64_t rows = 1);

}  // namespace loquor
