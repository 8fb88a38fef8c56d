// The KV of voices' prefixes, computed once and copied in for each later request: the least recently used go
// when together they exceed a limit of bytes. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "model/voice.hpp"

namespace loquor {

struct Prefix {
  std::shared_ptr<const Voice> voice;      // whose features it was computed from; null if it was brought
  std::weak_ptr<const Voice> brought_for;  // else
  int64_t positions = 0;
  std::size_t size = 0;
  std::unique_ptr<unsigned char[]> kv;  // as KvCache::save writes it
};
using PrefixPtr = std::shared_ptr<const Prefix>;

class PrefixCache {
 public:
  struct Usage {
    int64_t count = 0;
    std::size_t bytes = 0;
    std::size_t limit = 0;
    int64_t hits = 0;
    int64_t misses = 0;
  };

  explicit PrefixCache(std::size_t limit) { usage_.limit = limit; }

  // The prefix that was computed from equal features, whichever voice's; else the one brought for this very
  // voice: a file can claim anything, so nobody else is to speak with it. Null if there is neither.
  PrefixPtr find(const Voice& voice);
  // Whether one was computed from equal features.
  bool has_computed(const Voice& voice);
  // Room for one of `size` bytes, to be filled and put(), others having made way; null if it is larger than
  // the limit, or memory ran out: a prefix is never worth a request.
  std::shared_ptr<Prefix> make_computed(std::shared_ptr<const Voice> voice, std::size_t size);
  std::shared_ptr<Prefix> make_brought(const std::shared_ptr<const Voice>& voice, std::size_t size);
  void put(PrefixPtr prefix);
  Usage usage() const;

 private:
  using Kept = std::list<PrefixPtr>;
  Kept::iterator computed_from(const Voice& voice);
  Kept::iterator brought_for(const Voice& voice);
  std::shared_ptr<Prefix> make(int64_t positions, std::size_t size);
  void drop(Kept::iterator prefix);
  void make_room(std::size_t size);

  mutable std::mutex mutex_;
  Kept kept_;  // the most recently used first
  Usage usage_;
};

}  // namespace loquor
