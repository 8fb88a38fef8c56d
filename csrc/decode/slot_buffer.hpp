// A tensor with a row for each sequence under way: one block where memory can be addressed at an offset, so
// that adjacent rows are a view; else a buffer for each row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "ort/value.hpp"

namespace loquor {

class SlotBuffer {
 public:
  // Rows of `width` elements.
  SlotBuffer(ort::Memory memory, ort::ElementType type, int64_t width)
      : memory_(std::move(memory)), type_(type), width_(width) {}

  const ort::Memory& memory() const { return memory_; }
  int64_t slots() const { return static_cast<int64_t>(rows_.size()); }

  // Content is lost where it has to grow.
  void reserve(int64_t slots) {
    if (slots <= this->slots()) return;
    std::vector<std::shared_ptr<void>> rows(static_cast<std::size_t>(slots));
    if (memory_.addressable()) {
      const std::shared_ptr<void> block = memory_.allocate(rows.size() * row_bytes());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i] = {block, static_cast<unsigned char*>(block.get()) + i * row_bytes()};
      }
    } else {
      for (auto& row : rows) row = memory_.allocate(row_bytes());
    }
    rows_ = std::move(rows);
  }

  void* data(int64_t slot) const { return rows_.at(static_cast<std::size_t>(slot)).get(); }
  // [slots, width]; more than one slot only in one block.
  ort::Value view(int64_t first, int64_t slots) const {
    return memory_.view(type_, data(first), {slots, width_});
  }
  void copy_row(int64_t from, int64_t to) const {
    if (memory_.host()) {
      std::memcpy(data(to), data(from), row_bytes());
    } else {
      ort::copy(memory_.api(), view(from, 1), view(to, 1));
    }
  }

 private:
  std::size_t row_bytes() const { return static_cast<std::size_t>(width_) * ort::element_size(type_); }

  ort::Memory memory_;
  ort::ElementType type_;
  int64_t width_;
  std::vector<std::shared_ptr<void>> rows_;
};

}  // namespace loquor
