// The safetensors format: a header in JSON, which names tensors, their types, shapes and places, and texts;
// then their bytes. Read within bounds, and strictly: whatever contradicts itself is refused.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace loquor {

struct FileTensor {
  std::string dtype;  // the format's own name, such as "F32" or "I64"
  std::vector<int64_t> shape;
  std::string_view bytes;  // of the content that was read
};

struct TensorFile {
  std::map<std::string, std::string> texts;  // "__metadata__"
  std::map<std::string, FileTensor> tensors;
};

// `content` must outlive what is returned. Throws kInvalidInput, in words that follow "is damaged", for a
// header of more than 1 MiB or that is none, a type that is not known here, tensors that overlap, leave gaps,
// or are of another size than type and shape say, and content that is cut off or goes on.
TensorFile parse_tensor_file(std::string_view content);

// The content of such a file: tensors in the order of the largest elements first, then by name, as the
// format's library writes them.
std::string make_tensor_file(const TensorFile& file);

}  // namespace loquor
