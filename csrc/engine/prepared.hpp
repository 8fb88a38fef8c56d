// Opening an engine with the prepared graphs that the cache has.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.hpp"

namespace loquor {

// As Engine, with graphs from the cache where `options` give none; without them if they do not load. The log
// says which graphs run as published though prepared ones would be faster. Throws as Engine.
std::unique_ptr<Engine> open_with_prepared(const ort::ApiPtr& api, const std::string& folder,
                                           const EngineOptions& options);

}  // namespace loquor
