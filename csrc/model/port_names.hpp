// The names that a graph's inputs and outputs go by here, however its exporter spelled them: known spellings
// are taken as they are, others by their place, with a warning.
#pragma once

#include "model/family.hpp"
#include "model/graphs.hpp"
#include "ort/session.hpp"

namespace loquor {

// Renames ports of the session to those of the published graphs. What cannot be told keeps its name, and the
// contract says what is missing.
void adopt_names(ort::Session& session, Graph graph, const Family& family);

}  // namespace loquor
