// Which file of a bundle serves each graph.
#pragma once

#include <array>
#include <string>

#include "model/manifest.hpp"

namespace loquor {

// `dtype`: "auto", one for all graphs, or a list with exceptions as "q4,conditional_decoder=fp32", where
// spaces do not matter. "auto" takes for each graph `preferred` where that is on offer, else (or if it is "")
// the first, since some published sets are mixtures. Throws kInvalidInput for a dtype that does not exist,
// kModel for one that is not there.
std::array<GraphFile, kGraphCount> find_graph_files(const std::string& folder, const std::string& dtype,
                                                    const std::string& preferred = "");

}  // namespace loquor
