#include "text/bpe.hpp"

#include <queue>
#include <tuple>

#include "base/utf8.hpp"

namespace loquor {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};

// A part of the word, in a list that shrinks as parts are joined.
struct Part {
  int32_t id;
  std::size_t left;
  std::size_t right;
  bool gone = false;
};

struct Candidate {
  int32_t rank;
  std::size_t at;
  int32_t id;  // of what the pair becomes
  // A queue gives out its greatest: the lowest rank, and of equals the leftmost.
  bool operator<(const Candidate& other) const { return std::tie(rank, at) > std::tie(other.rank, other.at); }
};

}  // namespace

std::vector<int32_t> Bpe::characters(std::string_view word) const {
  std::vector<int32_t> ids;
  ids.reserve(word.size());
  bool was_unknown = false;
  while (!word.empty()) {
    const std::size_t length = utf8_length(word);
    const auto found = vocabulary.find(std::string(word.substr(0, length)));
    const bool is_unknown = found == vocabulary.end();
    if (!is_unknown) {
      ids.push_back(found->second);
    } else if (unknown && !(was_unknown && fuses_unknown)) {
      ids.push_back(*unknown);
    }
    was_unknown = is_unknown;
    word.remove_prefix(length);
  }
  return ids;
}

void Bpe::append(std::string_view word, std::vector<int64_t>& ids) const {
  if (takes_whole) {
    const auto whole = vocabulary.find(std::string(word));
    if (whole != vocabulary.end()) {
      ids.push_back(whole->second);
      return;
    }
  }
  std::vector<Part> parts;
  for (const int32_t id : characters(word)) parts.push_back({id, parts.size() - 1, parts.size() + 1});
  if (parts.empty()) return;
  parts.front().left = parts.back().right = kNone;
  std::priority_queue<Candidate> queue;
  const auto merge_at = [&](std::size_t at) -> const Merge* {
    if (at == kNone || parts[at].right == kNone) return nullptr;
    const auto found = merges.find(key_of(parts[at].id, parts[parts[at].right].id));
    return found == merges.end() ? nullptr : &found->second;
  };
  const auto consider = [&](std::size_t at) {
    if (const Merge* const merge = merge_at(at)) queue.push({merge->rank, at, merge->id});
  };
  for (std::size_t at = 0; at < parts.size(); ++at) consider(at);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const Merge* const merge = parts[best.at].gone ? nullptr : merge_at(best.at);
    if (merge == nullptr || merge->id != best.id) continue;  // one of the pair was joined otherwise
    Part& left = parts[best.at];
    Part& right = parts[left.right];
    left.id = best.id;
    right.gone = true;
    left.right = right.right;
    if (right.right != kNone) parts[right.right].left = best.at;
    consider(left.left);
    consider(best.at);
  }
  for (std::size_t at = 0; at != kNone; at = parts[at].right) ids.push_back(parts[at].id);
}

}  // namespace loquor
