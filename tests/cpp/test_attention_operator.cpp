// Attention as ONNX Runtime runs it: batches, threads, one buffer or two, and what is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bundle.hpp"
#include "fault_injection.hpp"
#include "ort/session.hpp"
#include "refusal.hpp"
#include "small_graphs.hpp"
#include "temp_folder.hpp"

using namespace loquor;
using namespace loquor::testing;
using ort::ElementType;

namespace {

constexpr int64_t kHeads = 4, kKvHeads = 2, kDim = 16, kCapacity = 20;
constexpr int64_t kPacked = (kHeads + 2 * kKvHeads) * kDim;
constexpr ElementType kTypes[] = {ElementType::kFloat32, ElementType::kFloat16, ElementType::kInt8};

std::vector<float> noise(std::size_t count, uint32_t seed) {
  std::vector<float> values(count);
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) * 0x1p-23f - 1.0f;
  }
  return values;
}

// Packed queries, keys and values of one row of a batch.
std::vector<float> packed(int64_t positions, uint32_t row) {
  return noise(static_cast<std::size_t>(positions * kPacked), row + 1);
}

// A cache of `rows` rows; garbage where nothing was written.
struct Cache {
  Cache(ElementType cache_type, int64_t row_count, int64_t positions = kCapacity)
      : type(cache_type),
        rows(row_count),
        capacity(positions),
        keys(static_cast<std::size_t>(rows * kKvHeads * capacity * kDim) * ort::element_size(type), 0x47),
        values(keys) {}
  ElementType type;
  int64_t rows, capacity;
  std::vector<unsigned char> keys, values;

  // The first `length` positions of one row, as bytes.
  std::vector<unsigned char> held(int64_t row, int64_t length) const {
    const std::size_t position = static_cast<std::size_t>(kDim) * ort::element_size(type);
    std::vector<unsigned char> bytes;
    for (const auto* cache : {&keys, &values}) {
      for (int64_t head = row * kKvHeads; head < (row + 1) * kKvHeads; ++head) {
        const auto* const start = cache->data() + static_cast<std::size_t>(head * capacity) * position;
        bytes.insert(bytes.end(), start, start + static_cast<std::size_t>(length) * position);
      }
    }
    return bytes;
  }
};

struct Feeds {
  std::vector<float> query;  // [rows, positions, width]
  std::vector<int64_t> query_dims;
  std::vector<int32_t> lengths;  // seqlens_k + 1
  int32_t total = 0;
  std::vector<float> key = {}, value = {};
};

class Attention {
 public:
  Attention(ElementType type, int threads, bool packed_input = true, int64_t heads = kHeads)
      : api_(ort::Api::open(environment("LOQUOR_TEST_RUNTIME"))),
        file_(folder_.write("attention.onnx", SmallGraphs::attention(static_cast<int64_t>(type), heads,
                                                                     kKvHeads, kDim, packed_input))),
        session_(api_, file_, config(threads), file_),
        host_(api_),
        run_(*api_) {}

  // In one buffer, or from `past` into `present`.
  std::vector<float> operator()(const Feeds& feeds, Cache& past, Cache& present) {
    ort::Binding binding(session_);
    std::vector<int32_t> last = feeds.lengths;
    for (int32_t& length : last) --length;
    float steps[] = {0.01f, 0.02f};
    binding.input("query", view(feeds.query, feeds.query_dims));
    std::vector<int64_t> dims = feeds.query_dims;
    dims.back() = kKvHeads * kDim;
    if (!feeds.key.empty()) binding.input("key", view(feeds.key, dims));
    if (!feeds.value.empty()) binding.input("value", view(feeds.value, dims));
    binding.input("seqlens_k",
                  host_.view(ElementType::kInt32, last.data(), {static_cast<int64_t>(last.size())}));
    int32_t total = feeds.total;
    binding.input("total", host_.view(ElementType::kInt32, &total, {}));
    if (past.type == ElementType::kInt8) {
      binding.input("k_scale", host_.view(ElementType::kFloat32, steps, {1}));
      binding.input("v_scale", host_.view(ElementType::kFloat32, steps + 1, {1}));
    }
    binding.input("past_key", view(past, past.keys));
    binding.input("past_value", view(past, past.values));
    binding.output("present_key", view(present, present.keys));
    binding.output("present_value", view(present, present.values));
    binding.output_to_host("context");
    binding.run(run_);
    const std::vector<ort::Value> outputs = binding.outputs();
    const auto* const made = ort::data_of<float>(*api_, outputs[2].get());
    const auto count = static_cast<std::size_t>(ort::shape_of(*api_, outputs[2].get()).count());
    return {made, made + count};
  }
  std::vector<float> operator()(const Feeds& feeds, Cache& cache) { return (*this)(feeds, cache, cache); }

 private:
  ort::SessionConfig config(int threads) const {
    ort::SessionConfig made = session_config(api_);
    made.threads = threads;
    return made;
  }
  ort::Value view(const std::vector<float>& values, const std::vector<int64_t>& dims) const {
    return host_.view(ElementType::kFloat32, const_cast<float*>(values.data()), dims.data(), dims.size());
  }
  ort::Value view(const Cache& cache, std::vector<unsigned char>& data) const {
    return host_.view(cache.type, data.data(), {cache.rows, kKvHeads, cache.capacity, kDim});
  }

  TempFolder folder_;
  ort::ApiPtr api_;
  std::string file_;
  ort::Session session_;
  ort::Memory host_;
  ort::RunOptions run_;
};

// Positions `from` to `to` of these rows.
Feeds feeds_of(const std::vector<uint32_t>& rows, int64_t from, int64_t to) {
  Feeds feeds;
  feeds.query_dims = {static_cast<int64_t>(rows.size()), to - from, kPacked};
  for (const uint32_t row : rows) {
    const std::vector<float> all = packed(kCapacity, row);
    feeds.query.insert(feeds.query.end(), all.begin() + from * kPacked, all.begin() + to * kPacked);
    feeds.lengths.push_back(static_cast<int32_t>(to));
  }
  feeds.total = static_cast<int32_t>(to);
  return feeds;
}

std::vector<float> slice(const std::vector<float>& values, int64_t from, int64_t to) {
  constexpr int64_t kWidth = kHeads * kDim;
  return {values.begin() + from * kWidth, values.begin() + to * kWidth};
}

}  // namespace

TEST_CASE("rows of different lengths have the bits that each has alone, on any number of threads") {
  if (!have_bundles()) return;
  for (const ElementType type : kTypes) {
    Attention one(type, 1), three(type, 3);
    Cache both(type, 2), first(type, 1), second(type, 1);
    // A padded prompt: 9 positions, and 5 of the other row.
    Feeds prompt = feeds_of({0, 1}, 0, 9);
    prompt.lengths[1] = 5;
    const std::vector<float> together = three(prompt, both);
    CHECK(slice(together, 0, 9) == one(feeds_of({0}, 0, 9), first));
    CHECK(slice(together, 9, 14) == one(feeds_of({1}, 0, 5), second));
    CHECK(slice(together, 14, 18) == std::vector<float>(static_cast<std::size_t>(4 * kHeads * kDim), 0.0f));
    // A step of both, each at its own end.
    Feeds step = feeds_of({0}, 9, 10);
    const Feeds other = feeds_of({1}, 5, 6);
    const std::vector<float> first_step = one(step, first), second_step = one(other, second);
    step.query.insert(step.query.end(), other.query.begin(), other.query.end());
    step.query_dims[0] = 2;
    step.lengths = {10, 6};
    const std::vector<float> step_together = three(step, both);
    CHECK(slice(step_together, 0, 1) == first_step);
    CHECK(slice(step_together, 1, 2) == second_step);
    CHECK(both.held(0, 10) == first.held(0, 10));
    CHECK(both.held(1, 6) == second.held(0, 6));
  }
}

TEST_CASE("a prompt in chunks, and with queries, keys and values apart, has the bits of the whole") {
  if (!have_bundles()) return;
  for (const ElementType type : kTypes) {
    Attention attention(type, 2), apart(type, 2, false);
    Cache whole(type, 1), cut(type, 1), split(type, 1);
    const Feeds all = feeds_of({7}, 0, 17);
    const std::vector<float> expected = attention(all, whole);
    std::vector<float> found;
    for (const auto& chunk : {std::pair<int64_t, int64_t>{0, 6}, {6, 16}, {16, 17}}) {
      const std::vector<float> made = attention(feeds_of({7}, chunk.first, chunk.second), cut);
      found.insert(found.end(), made.begin(), made.end());
    }
    CHECK(found == expected);
    CHECK(cut.held(0, 17) == whole.held(0, 17));
    Feeds parts = all;
    parts.query.clear();
    parts.query_dims[2] = kHeads * kDim;
    for (auto at = all.query.begin(); at != all.query.end(); at += kPacked) {
      const auto keys = at + kHeads * kDim, values = keys + kKvHeads * kDim;
      parts.query.insert(parts.query.end(), at, keys);
      parts.key.insert(parts.key.end(), keys, values);
      parts.value.insert(parts.value.end(), values, at + kPacked);
    }
    CHECK(apart(parts, split) == expected);
    CHECK(split.held(0, 17) == whole.held(0, 17));
  }
}

TEST_CASE("where past and present are two buffers, the past is copied") {
  if (!have_bundles()) return;
  for (const ElementType type : kTypes) {
    Attention attention(type, 2);
    Cache same(type, 2), past(type, 2), present(type, 2), tight(type, 2, 9), longer(type, 2, 11);
    attention(feeds_of({0, 1}, 0, 9), same);
    attention(feeds_of({0, 1}, 0, 9), past);
    attention(feeds_of({0, 1}, 0, 9), tight);
    const Feeds more = feeds_of({0, 1}, 9, 11);
    const std::vector<float> expected = attention(more, same);
    CHECK(attention(more, past, present) == expected);
    CHECK(attention(more, tight, longer) == expected);  // a present of just its length
    for (const int64_t row : {0, 1}) {
      CHECK(present.held(row, 11) == same.held(row, 11));
      CHECK(longer.held(row, 11) == same.held(row, 11));
    }
    CHECK(past.held(0, 11) != same.held(0, 11));
  }
}

TEST_CASE("what does not fit is refused") {
  if (!have_bundles()) return;
  Attention attention(ElementType::kFloat32, 1), apart(ElementType::kFloat32, 1, false);
  const auto fails = [](Attention& with, const Feeds& feeds, const std::string& reason,
                        int64_t capacity = kCapacity) {
    Cache cache(ElementType::kFloat32, 1, capacity);
    const Refusal refused = refusal([&] { with(feeds, cache); });
    CAPTURE(refused.text);
    CHECK(refused.kind == ErrorKind::kExecution);
    CHECK(refused.names(reason));
  };
  Feeds feeds = feeds_of({0}, 4, 6);
  feeds.lengths = {0};
  fails(attention, feeds, "seqlens_k is -1");
  feeds.lengths = {-2147483647};
  fails(attention, feeds, "seqlens_k is ");
  feeds.lengths = {7};
  fails(attention, feeds, "seqlens_k is 6");
  feeds.lengths = {1};
  fails(attention, feeds, "of 1 positions 2 are new");
  feeds = feeds_of({0}, 4, 6);
  fails(attention, feeds, "shape", 5);  // by the runtime: one buffer cannot hold them
  fails(attention, feeds, "not in a past of 3", 3);
  feeds.total = -1;
  fails(attention, feeds, "total_sequence_length");
  feeds.total = 1;
  fails(attention, feeds, "total_sequence_length");
  feeds = feeds_of({0}, 0, 2);
  feeds.lengths.push_back(2);
  fails(attention, feeds, "seqlens_k is [2]");
  feeds = feeds_of({0}, 0, 2);
  feeds.query_dims[2] = kPacked - 8;
  fails(attention, feeds, "neither together nor packed");
  feeds = feeds_of({0, 1}, 0, 2);
  fails(attention, feeds, "past_key is [1, 2, 20, 16]");
  feeds = feeds_of({0}, 0, 2);
  feeds.query_dims[2] = kHeads * kDim;
  feeds.key = feeds.value = packed(1, 0);
  feeds.query_dims[2] = kHeads * kDim + 8;
  fails(apart, feeds, "fit neither");
  CHECK(refusal([] { Attention(ElementType::kFloat32, 1, true, 3); }).names("no multiple of kv_num_heads 2"));
}
