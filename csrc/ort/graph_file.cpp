#include "ort/graph_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "base/error.hpp"
#include "base/utf8.hpp"

namespace loquor::ort {
namespace {

// The messages of onnx.proto that lead to a tensor's external data.
enum class Kind : uint8_t { kModel, kTraining, kFunction, kGraph, kNode, kAttribute, kSparse, kTensor };
struct Step {
  Kind parent;
  uint32_t field;
  Kind child;
};
constexpr Step kSteps[] = {
    {Kind::kModel, 7, Kind::kGraph},         {Kind::kModel, 20, Kind::kTraining},
    {Kind::kModel, 25, Kind::kFunction},     {Kind::kTraining, 1, Kind::kGraph},
    {Kind::kTraining, 2, Kind::kGraph},      {Kind::kFunction, 7, Kind::kNode},
    {Kind::kFunction, 11, Kind::kAttribute}, {Kind::kGraph, 1, Kind::kNode},
    {Kind::kGraph, 5, Kind::kTensor},        {Kind::kGraph, 15, Kind::kSparse},
    {Kind::kNode, 5, Kind::kAttribute},      {Kind::kAttribute, 5, Kind::kTensor},
    {Kind::kAttribute, 6, Kind::kGraph},     {Kind::kAttribute, 10, Kind::kTensor},
    {Kind::kAttribute, 11, Kind::kGraph},    {Kind::kAttribute, 22, Kind::kSparse},
    {Kind::kAttribute, 23, Kind::kSparse},   {Kind::kSparse, 1, Kind::kTensor},
    {Kind::kSparse, 2, Kind::kTensor},
};
constexpr uint32_t kInput = 11;  // of a graph: a name, and what it stands for
constexpr uint32_t kInputName = 1;
constexpr uint32_t kTensorDims = 1;
constexpr uint32_t kTensorType = 2;
constexpr uint32_t kTensorName = 8;
constexpr uint32_t kRawData = 9;
constexpr uint32_t kExternalData = 13;  // of a tensor: pairs of a key and a value
constexpr uint32_t kKey = 1;
constexpr uint32_t kValue = 2;

// Values of a tensor that is kept inside the file, whatever their type.
bool is_payload(Kind kind, uint32_t field) {
  return kind == Kind::kTensor && ((field >= 4 && field <= 7) || (field >= 9 && field <= 11));
}

const Step* find_step(Kind kind, uint32_t field) {
  const auto fits = [&](const Step& step) { return step.parent == kind && step.field == field; };
  const auto step = std::find_if(std::begin(kSteps), std::end(kSteps), fits);
  return step == std::end(kSteps) ? nullptr : step;
}

// Protobuf's wire types; it has no others in use.
enum Wire : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr uint64_t kMostFile = (uint64_t{1} << 31) - 1;  // that protobuf reads
// The largest real graphs have some 20,000 nodes in 5 MB.
constexpr uint64_t kMostStructure = 64 << 20;
constexpr int kMostNodes = 200'000;
constexpr std::size_t kMostFiles = 1000;
constexpr uint64_t kMostEntry = 8192;  // bytes
constexpr int kMostDepth = 64;
constexpr std::size_t kMostWeights = 100'000;
constexpr std::size_t kMostDims = 16;
constexpr int kMainGraph = 1;  // depth of the model's own graph

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_bytes(std::string& out, uint32_t field, const std::string& content) {
  put_varint(out, field << 3 | kBytes);
  put_varint(out, content.size());
  out += content;
}

class Walk {
 public:
  // What becomes of a location.
  using Visit = std::function<std::string(const std::string& location)>;

  Walk(const std::string& file, Visit visit) : file_(file), visit_(std::move(visit)) {
    const auto path = std::filesystem::u8path(file);
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) fail("it is no regular file");
    size_ = std::filesystem::file_size(path, error);
    if (error || size_ > kMostFile) fail("it has more than 2 GiB");
    if (stream_.open(path, std::ios::in | std::ios::binary) == nullptr) fail("it cannot be opened");
  }

  // Writes the graph to `out`, if there is one.
  void run(std::string* out) { message(Kind::kModel, size_, out, 0); }

  // What the model's own graph takes, without what it has weights for.
  std::vector<std::string> inputs() {
    wants_inputs_ = true;
    run(nullptr);
    std::vector<std::string> wanted;
    for (const std::string& name : inputs_) {
      if (weights_.count(name) == 0) wanted.push_back(name);
    }
    return wanted;
  }

  std::vector<DeclaredWeight> weights() {
    wants_weights_ = true;
    run(nullptr);
    return std::move(declared_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorKind::kModel, file_ + " cannot be used as an ONNX graph (" + why +
                                       (position_ > 0 ? " at byte " + std::to_string(position_) : "") +
                                       "): fetch the bundle again");
  }

  uint64_t varint(uint64_t end, int most_bytes) {
    uint64_t value = 0;
    for (int i = 0; i < most_bytes && position_ < end; ++i) {
      const int byte = stream_.sbumpc();
      if (byte == std::filebuf::traits_type::eof()) break;
      ++position_;
      value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
      if ((byte & 0x80) == 0) return value;
    }
    fail("a number is cut off");
  }

  void take(char* to, uint64_t count) {
    if (stream_.sgetn(to, static_cast<std::streamsize>(count)) != static_cast<std::streamsize>(count))
      fail("it is cut off");
    position_ += count;
  }

  // Passes over content, or copies it.
  void pass(uint64_t count, std::string* out) {
    if (out != nullptr) {
      const std::size_t before = out->size();
      out->resize(before + static_cast<std::size_t>(count));
      return take(out->data() + before, count);
    }
    std::array<char, 4096> unused;
    if (count > unused.size()) {
      const auto to = static_cast<std::streamoff>(position_ + count);
      if (stream_.pubseekpos(to, std::ios::in) != std::streampos(to)) fail("it is cut off");
      position_ += count;
    } else {
      take(unused.data(), count);
    }
  }

  void message(Kind kind, uint64_t end, std::string* out, int depth) {
    if (depth > kMostDepth) fail("its parts are nested too deep");
    if (kind == Kind::kNode && ++nodes_ > kMostNodes) fail("it has too many nodes");
    while (position_ < end) {
      const auto tag = static_cast<uint32_t>(varint(end, 5));
      const uint32_t field = tag >> 3;
      if (field == 0) fail("a field has no number");
      if ((tag & 7) == kBytes) {
        bytes(kind, field, end, out, depth);
      } else {
        if (out != nullptr) put_varint(*out, tag);
        const uint64_t number = value(tag & 7, end, out);
        if (weight_ != nullptr && kind == Kind::kTensor) take_number(field, number);
      }
      if (position_ - payload_ > kMostStructure) fail("its structure is too large");
    }
  }

  // The number of a varint; 0 of others.
  uint64_t value(uint32_t wire, uint64_t end, std::string* out) {
    if (wire == kVarint) {
      const uint64_t number = varint(end, 10);
      if (out != nullptr) put_varint(*out, number);
      return number;
    }
    if (wire == kFixed64 || wire == kFixed32) {
      const uint64_t count = wire == kFixed64 ? 8 : 4;
      if (count > end - position_) fail("a number is cut off");
      pass(count, out);
    } else {
      fail("a field is of no known type");
    }
    return 0;
  }

  // Of the weight that is read.
  void take_number(uint32_t field, uint64_t number) {
    if (field == kTensorType) weight_->type = static_cast<int32_t>(number);
    if (field == kTensorDims) take_dim(number);
  }

  void take_dim(uint64_t dim) {
    if (weight_->dims.size() == kMostDims) fail("a weight has too many dimensions");
    weight_->dims.push_back(static_cast<int64_t>(dim));
  }

  void take_packed_dims(uint64_t length) {
    for (const uint64_t end = position_ + length; position_ < end;) take_dim(varint(end, 10));
  }

  // A weight of the model's own graph: `inner` reads its message.
  template <class Read>
  void weight(Read inner) {
    if (declared_.size() == kMostWeights) fail("it has too many weights");
    weight_ = &declared_.emplace_back();
    inner();
    weight_ = nullptr;
  }

  void bytes(Kind kind, uint32_t field, uint64_t end, std::string* out, int depth) {
    const uint64_t length = varint(end, 5);
    if (length > end - position_) fail("a field is longer than what it lies in");
    if (kind == Kind::kTensor && field == kExternalData) return entry(length, out);
    if (wants_inputs_ && kind == Kind::kGraph && field == kInput && depth == kMainGraph) return input(length);
    if (wants_inputs_ && kind == Kind::kTensor && field == kTensorName && depth == kMainGraph + 1) {
      weights_.insert(text(length));
      return;
    }
    if (weight_ != nullptr && kind == Kind::kTensor) {
      if (field == kTensorDims) return take_packed_dims(length);
      if (field == kTensorName) {
        weight_->name = text(length);
        return;
      }
      if (field == kRawData) {
        weight_->offset = position_;
        weight_->bytes = length;
      }
    }
    const Step* const step = find_step(kind, field);
    if (step != nullptr) {
      std::string inner;
      const auto read = [&] {
        message(step->child, position_ + length, out != nullptr ? &inner : nullptr, depth + 1);
      };
      if (wants_weights_ && depth == kMainGraph && kind == Kind::kGraph && step->child == Kind::kTensor) {
        weight(read);
      } else {
        read();
      }
      if (out != nullptr) put_bytes(*out, field, inner);
      return;
    }
    if (out != nullptr) {
      put_varint(*out, field << 3 | kBytes);
      put_varint(*out, length);
    }
    pass(length, out);
    if (is_payload(kind, field)) payload_ += length;
  }

  std::string text(uint64_t length) {
    if (length > kMostEntry) fail("the name of an input or of a weight is too long");
    std::string read;
    pass(length, &read);
    return read;
  }

  // An input of the graph; of a name that comes twice, the last counts.
  void input(uint64_t length) {
    const uint64_t end = position_ + length;
    std::string name;
    while (position_ < end) {
      const auto tag = static_cast<uint32_t>(varint(end, 5));
      if ((tag & 7) != kBytes) {
        value(tag & 7, end, nullptr);
        continue;
      }
      const uint64_t count = varint(end, 5);
      if (count > end - position_) fail("a field is longer than what it lies in");
      if (tag >> 3 == kInputName) {
        name = text(count);
      } else {
        pass(count, nullptr);
      }
    }
    inputs_.push_back(std::move(name));
  }

  // One pair of a tensor's external data; of a field that comes twice, the last counts.
  void entry(uint64_t length, std::string* out) {
    if (length > kMostEntry) fail("what it says of external data is too long");
    const uint64_t end = position_ + length;
    std::string key;
    std::string value_of_key;
    while (position_ < end) {
      const auto tag = static_cast<uint32_t>(varint(end, 5));
      if ((tag & 7) != kBytes) {
        value(tag & 7, end, nullptr);
        continue;
      }
      const uint64_t count = varint(end, 5);
      if (count > end - position_) fail("a field is longer than what it lies in");
      std::string text;
      pass(count, &text);
      if (tag >> 3 == kKey) key = text;
      if (tag >> 3 == kValue) value_of_key = text;
    }
    if (key == "location") {
      if (!is_utf8(value_of_key)) fail("the name of a file for its weights is not UTF-8");
      value_of_key = visit_(value_of_key);
    }
    if (weight_ != nullptr) take_entry(key, value_of_key);
    if (out == nullptr) return;
    std::string pair;
    put_bytes(pair, kKey, key);
    put_bytes(pair, kValue, value_of_key);
    put_bytes(*out, kExternalData, pair);
  }

  void take_entry(const std::string& key, const std::string& text) {
    if (key == "location") weight_->location = text;
    if (key != "offset" && key != "length") return;
    uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size())
      fail("where a weight lies is no number");
    (key == "offset" ? weight_->offset : weight_->bytes) = number;
  }

  const std::string& file_;
  const Visit visit_;
  std::filebuf stream_;
  uint64_t size_ = 0;
  uint64_t position_ = 0;
  uint64_t payload_ = 0;  // of what was passed over: weights
  int nodes_ = 0;
  bool wants_inputs_ = false;
  std::vector<std::string> inputs_;
  std::set<std::string> weights_;
  bool wants_weights_ = false;
  std::vector<DeclaredWeight> declared_;
  DeclaredWeight* weight_ = nullptr;  // the one that is read
};

}  // namespace

std::vector<std::string> declared_inputs(const std::string& file) {
  return Walk(file, [](const std::string& location) { return location; }).inputs();
}

std::vector<DeclaredWeight> declared_weights(const std::string& file) {
  return Walk(file, [](const std::string& location) { return location; }).weights();
}

std::vector<std::string> external_locations(const std::string& file) {
  std::vector<std::string> locations;
  Walk(file, [&](const std::string& location) {
    // The last one first: tensors of one file follow each other.
    if (std::find(locations.rbegin(), locations.rend(), location) == locations.rend()) {
      if (locations.size() == kMostFiles) {
        throw Error(ErrorKind::kModel, file + " names more than " + std::to_string(kMostFiles) +
                                           " files for its weights: fetch the bundle again");
      }
      locations.push_back(location);
    }
    return location;
  }).run(nullptr);
  return locations;
}

std::string relocated_graph(const std::string& file, const std::map<std::string, std::string>& places) {
  std::string out;
  Walk(file, [&](const std::string& location) {
    const auto place = places.find(location);
    if (place == places.end())
      throw Error(ErrorKind::kModel, file + " was changed while it was loaded: try again");
    return place->second;
  }).run(&out);
  return out;
}

}  // namespace loquor::ort
