#include "decode/prefix_cache.hpp"

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

namespace loquor {

PrefixPtr PrefixCache::find(const Voice& voice) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto found = computed_from(voice);
  if (found == kept_.end()) found = brought_for(voice);
  if (found == kept_.end()) {
    ++usage_.misses;
    return nullptr;
  }
  ++usage_.hits;
  kept_.splice(kept_.begin(), kept_, found);
  return kept_.front();
}

bool PrefixCache::has_computed(const Voice& voice) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return computed_from(voice) != kept_.end();
}

std::shared_ptr<Prefix> PrefixCache::make_computed(std::shared_ptr<const Voice> voice, std::size_t size) {
  std::shared_ptr<Prefix> prefix = make(voice->prefix_length, size);
  if (prefix != nullptr) prefix->voice = std::move(voice);
  return prefix;
}

std::shared_ptr<Prefix> PrefixCache::make_brought(const std::shared_ptr<const Voice>& voice,
                                                  std::size_t size) {
  std::shared_ptr<Prefix> prefix = make(voice->prefix_length, size);
  if (prefix != nullptr) prefix->brought_for = voice;
  return prefix;
}

void PrefixCache::put(PrefixPtr prefix) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::shared_ptr<const Voice> owner = prefix->brought_for.lock();
  const auto older = prefix->voice != nullptr ? computed_from(*prefix->voice)
                     : owner != nullptr       ? brought_for(*owner)
                                              : kept_.end();
  if (older != kept_.end()) drop(older);
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

// Compares by content: a voice that was read from its file again is the same voice. Others differ in the
// first values.
PrefixCache::Kept::iterator PrefixCache::computed_from(const Voice& voice) {
  return std::find_if(kept_.begin(), kept_.end(), [&](const PrefixPtr& prefix) {
    return prefix->voice != nullptr &&
           (prefix->voice.get() == &voice || prefix->voice->audio_features == voice.audio_features);
  });
}

PrefixCache::Kept::iterator PrefixCache::brought_for(const Voice& voice) {
  return std::find_if(kept_.begin(), kept_.end(),
                      [&](const PrefixPtr& prefix) { return prefix->brought_for.lock().get() == &voice; });
}

std::shared_ptr<Prefix> PrefixCache::make(int64_t positions, std::size_t size) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (size == 0 || size > usage_.limit) return nullptr;
  make_room(size);
  try {
    auto prefix = std::make_shared<Prefix>();
    prefix->positions = positions;
    prefix->size = size;
    prefix->kv.reset(new unsigned char[size]);  // not zeroed: it is filled at once
    return prefix;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void PrefixCache::drop(Kept::iterator prefix) {
  usage_.bytes -= (*prefix)->size;
  kept_.erase(prefix);
}

// Drops first those that nobody can find any more, since their voice is gone.
void PrefixCache::make_room(std::size_t size) {
  for (auto each = kept_.begin(); each != kept_.end();) {
    const auto next = std::next(each);
    if ((*each)->voice == nullptr && (*each)->brought_for.expired()) drop(each);
    each = next;
  }
  while (!kept_.empty() && usage_.bytes + size > usage_.limit) drop(std::prev(kept_.end()));
}

}  // namespace loquor
