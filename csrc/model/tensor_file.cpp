#include "model/tensor_file.hpp"

#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "base/json.hpp"

namespace loquor {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMostRank = 8;
constexpr const char* kTexts = "__metadata__";

[[noreturn]] void refuse(const std::string& problem) { throw Error(ErrorKind::kInvalidInput, problem); }

// Bytes of an element, 0 for a type that no file of ours has.
int64_t element_bytes(std::string_view dtype) {
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "I64" || dtype == "U64" || dtype == "F64") return 8;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL") return 1;
  return 0;
}

uint64_t header_length(std::string_view content) {
  if (content.size() < kLengthBytes) refuse("it has no header");
  uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<unsigned char>(content[i]);
  if (length > Json::kMostBytes) {
    refuse("its header has " + std::to_string(length) + " bytes, more than " +
           std::to_string(Json::kMostBytes));
  }
  if (length > content.size() - kLengthBytes) refuse("it is cut off");
  return length;
}

const Json& member(const Json& object, const char* name) {
  const Json* found = object.find(name);
  if (found == nullptr) refuse(std::string("a tensor lacks its ") + name);
  return *found;
}

int64_t bounded(const Json& value) {
  const int64_t number = value.as_int64();
  if (number < 0) refuse("it holds a negative size");
  return number;
}

struct Place {
  int64_t begin = 0;
  int64_t end = 0;
};

Place read_place(const Json& entry) {
  const auto& offsets = member(entry, "data_offsets").items();
  if (offsets.size() != 2) refuse("a tensor's data_offsets are not two");
  const Place place = {bounded(offsets[0]), bounded(offsets[1])};
  if (place.begin > place.end) refuse("a tensor ends before it begins");
  return place;
}

FileTensor read_entry(const Json& entry, const std::string& name, const Place& place) {
  FileTensor tensor;
  tensor.dtype = member(entry, "dtype").as_string();
  int64_t bytes = element_bytes(tensor.dtype);
  if (bytes == 0) refuse("its " + name + " is " + tensor.dtype);
  const auto& shape = member(entry, "shape").items();
  if (shape.size() > kMostRank) refuse("its " + name + " has " + std::to_string(shape.size()) + " axes");
  for (const Json& size : shape) {
    const int64_t length = bounded(size);
    tensor.shape.push_back(length);
    if (length > 0 && bytes > std::numeric_limits<int64_t>::max() / length) {
      refuse("the shape of its " + name + " is beyond all memory");
    }
    bytes *= length;
  }
  if (bytes != place.end - place.begin) {
    refuse("its " + name + " should be " + std::to_string(bytes) + " bytes and is " +
           std::to_string(place.end - place.begin));
  }
  return tensor;
}

// They must follow each other without a gap, from the first byte to the last.
void check_places(std::vector<Place> places, std::size_t size) {
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  int64_t reached = 0;
  for (const Place& place : places) {
    if (place.begin != reached) refuse("its tensors overlap or leave a gap");
    reached = place.end;
  }
  const auto whole = static_cast<int64_t>(size);
  if (reached != whole) refuse(reached > whole ? "it is cut off" : "it goes on behind its tensors");
}

TensorFile read_header(const Json& header, std::string_view data) {
  TensorFile file;
  std::vector<Place> places;
  for (const JsonMember& entry : header.members()) {
    if (entry.key == kTexts) {
      for (const JsonMember& text : entry.value.members()) file.texts[text.key] = text.value.as_string();
      continue;
    }
    places.push_back(read_place(entry.value));
    file.tensors[entry.key] = read_entry(entry.value, entry.key, places.back());
  }
  check_places(places, data.size());
  auto place = places.begin();
  for (const JsonMember& entry : header.members()) {
    if (entry.key == kTexts) continue;
    file.tensors[entry.key].bytes = data.substr(static_cast<std::size_t>(place->begin),
                                                static_cast<std::size_t>(place->end - place->begin));
    ++place;
  }
  return file;
}

std::string quoted(std::string_view text) {
  std::string made = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      made += {'\\', c};
    } else if (byte < 0x20) {
      made += std::string("\\u00") + "0123456789abcdef"[byte >> 4] + "0123456789abcdef"[byte & 15];
    } else {
      made += c;
    }
  }
  return made + '"';
}

}  // namespace

TensorFile parse_tensor_file(std::string_view content) {
  const auto length = static_cast<std::size_t>(header_length(content));
  try {
    return read_header(Json::parse(content.substr(kLengthBytes, length)),
                       content.substr(kLengthBytes + length));
  } catch (const Error& error) {
    refuse(error.what());
  }
}

std::string make_tensor_file(const TensorFile& file) {
  std::vector<const std::pair<const std::string, FileTensor>*> tensors;
  for (const auto& tensor : file.tensors) tensors.push_back(&tensor);
  std::stable_sort(tensors.begin(), tensors.end(), [](const auto* a, const auto* b) {
    return element_bytes(a->second.dtype) > element_bytes(b->second.dtype);
  });
  std::string header = "{\"" + std::string(kTexts) + "\":{";
  for (const auto& [key, text] : file.texts) {
    if (header.back() != '{') header += ',';
    header += quoted(key) + ":" + quoted(text);
  }
  header += '}';
  std::size_t offset = 0;
  for (const auto* tensor : tensors) {
    header += "," + quoted(tensor->first) + ":{\"dtype\":" + quoted(tensor->second.dtype) + ",\"shape\":[";
    for (std::size_t i = 0; i < tensor->second.shape.size(); ++i) {
      header += (i > 0 ? "," : "") + std::to_string(tensor->second.shape[i]);
    }
    header += "],\"data_offsets\":[" + std::to_string(offset) + ",";
    offset += tensor->second.bytes.size();
    header += std::to_string(offset) + "]}";
  }
  header += '}';
  header.resize((header.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  std::string content;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    content += static_cast<char>(static_cast<uint64_t>(header.size()) >> (8 * i));
  }
  content += header;
  for (const auto* tensor : tensors) content.append(tensor->second.bytes);
  return content;
}

}  // namespace loquor
