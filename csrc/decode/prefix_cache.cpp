#include "decode/prefix_cache.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace loquor {

PrefixPtr PrefixCache::find(const Voice& voice) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = place_of(voice);
  if (found == kept_.end()) {
    ++usage_.misses;
    return nullptr;
  }
  ++usage_.hits;
  kept_.splice(kept_.begin(), kept_, found);
  return kept_.front();
}

std::shared_ptr<Prefix> PrefixCache::make(std::shared_ptr<const Voice> voice, std::size_t size) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (size == 0 || size > usage_.limit) return nullptr;
  make_room(size);
  try {
    auto prefix = std::make_shared<Prefix>();
    prefix->voice = std::move(voice);
    prefix->size = size;
    prefix->kv.reset(new unsigned char[size]);  // not zeroed: it is filled at once
    return prefix;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void PrefixCache::put(PrefixPtr prefix) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = place_of(*prefix->voice);
  if (found != kept_.end()) {
    usage_.bytes -= (*found)->size;
    kept_.erase(found);
  }
  make_room(prefix->size);
  usage_.bytes += prefix->size;
  kept_.push_front(std::move(prefix));
}

PrefixCache::Usage PrefixCache::usage() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  Usage usage = usage_;
  usage.count = static_cast<int64_t>(kept_.size());
  return usage;
}

// By content: a voice that was read from its file again is the same voice. Others differ in the first values.
PrefixCache::Kept::iterator PrefixCache::place_of(const Voice& voice) {
  return std::find_if(kept_.begin(), kept_.end(), [&](const PrefixPtr& prefix) {
    return prefix->voice.get() == &voice || prefix->voice->audio_features == voice.audio_features;
  });
}

void PrefixCache::make_room(std::size_t size) {
  while (!kept_.empty() && usage_.bytes + size > usage_.limit) {
    usage_.bytes -= kept_.back()->size;
    kept_.pop_back();
  }
}

}  // namespace loquor
