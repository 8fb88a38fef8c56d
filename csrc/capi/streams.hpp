// How a stream begins, for the calls that start one.
#pragma once

#include <memory>

#include "capi/handles.hpp"

namespace loquor::capi {

// `request` is read already, with its defaults filled in.
std::unique_ptr<loquor_stream> begin_stream(loquor_engine& engine, const loquor_request& request,
                                            const StreamOptions& options);

}  // namespace loquor::capi
