// Which file of a bundle serves each graph.
#pragma once

#include <array>
#include <string>

#include "model/manifest.hpp"

namespace loquor {

// `dtype`: "auto", one for all graphs, or a list with exceptions as "q4,conditional_decoder=fp32". "auto"
// takes for each graph the first on offer, since some published sets are mixtures; "auto:fp32" the same, but
// fp32 where it is. Throws kInvalidInput for a dtype that does not exist, kModel for one that is not there.
std::array<GraphFile, kGraphCount> find_graph_files(const std::string& folder, const std::string& dtype);

}  // namespace loquor
