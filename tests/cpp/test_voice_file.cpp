// Saved voices: what is read, what is written, and what is refused.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <utility>

#include "base/files.hpp"
#include "base/sha256.hpp"
#include "capi_scene.hpp"
#include "model/tensor_file.hpp"
#include "model/voice_file.hpp"
#include "refusal.hpp"
#include "temp_folder.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

const std::string kHash(64, 'a');
const Fingerprint kMadeBy = {kHash, std::string(64, 'b'), "fp32"};

Voice some_voice() {
  Voice voice;
  voice.prefix_length = 2;
  voice.hidden_size = 3;
  voice.audio_features = {1, 2, 3, 4, 5, 6};
  voice.audio_tokens = {7, 0, 4299};
  voice.speaker_embeddings = {0.5f, -0.5f};
  voice.speaker_frames = 6;
  voice.speaker_feature_size = 2;
  voice.speaker_features.assign(12, 0.25f);
  return voice;
}

std::string content(const std::string& header, const std::string& data = "") {
  std::string made;
  for (int i = 0; i < 8; ++i) made += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return made + header + data;
}

std::string said_of(const std::string& file) {
  return refusal([&] { parse_voice_file(file, "x"); }).text;
}

std::string sha256(const std::string& text) {
  Sha256 sha;
  sha.add(text.data(), text.size());
  return sha.finish();
}

}  // namespace

TEST_CASE("SHA-256 gives the digests of its standard, however its input is cut") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  const std::string million(1000000, 'a');
  Sha256 cut;
  for (std::size_t at = 0, step = 1; at < million.size(); at += step, step = step % 150 + 1) {
    step = std::min(step, million.size() - at);
    cut.add(million.data() + at, step);
  }
  CHECK(cut.finish() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a voice that was written is read again, with its name and what made it") {
  const Voice voice = some_voice();
  const std::string name = "Zo\xC3\xAB \"\\ \n";
  const SavedVoice read = parse_voice_file(make_voice_file(voice, kMadeBy, name), "x");
  CHECK(read.voice.audio_features == voice.audio_features);
  CHECK(read.voice.audio_tokens == voice.audio_tokens);
  CHECK(read.voice.speaker_embeddings == voice.speaker_embeddings);
  CHECK(read.voice.speaker_features == voice.speaker_features);
  CHECK(read.voice.prefix_length == 2);
  CHECK(read.voice.speaker_feature_size == 2);
  CHECK(read.name == name);
  CHECK(read.made_by.bundle == kMadeBy.bundle);
  CHECK(read.made_by.encoder == kMadeBy.encoder);
  CHECK(read.made_by.dtype == "fp32");
  CHECK_FALSE(read.prefix);
}

TEST_CASE("a file that contradicts itself is damaged") {
  const auto damaged = [](const std::string& file, const std::string& why) {
    CAPTURE(why);
    CHECK(said_of(file) == "x is damaged or no voice file (" + why + "): give one that was saved as a voice");
  };
  damaged("", "it has no header");
  damaged("1234567", "it has no header");
  damaged(content("{}").substr(0, 9), "it is cut off");
  damaged(std::string(8, '\x7f'), "its header has 9187201950435737471 bytes, more than 1048576");
  damaged(content("{}", "x"), "it goes on behind its tensors");
  const auto one = [](const std::string& entry, std::size_t bytes) {
    return content("{\"a\":{" + entry + "}}", std::string(bytes, '\0'));
  };
  const std::string places = ",\"data_offsets\":[0,8]";
  damaged(one("\"shape\":[2],\"data_offsets\":[0,8]", 8), "a tensor lacks its dtype");
  damaged(one("\"dtype\":\"F32\"" + places, 8), "a tensor lacks its shape");
  damaged(one("\"dtype\":\"F32\",\"shape\":[2]", 8), "a tensor lacks its data_offsets");
  damaged(one("\"dtype\":\"F4\",\"shape\":[2]" + places, 8), "its a is F4");
  damaged(one("\"dtype\":\"F32\",\"shape\":[3]" + places, 8), "its a should be 12 bytes and is 8");
  damaged(one("\"dtype\":\"F32\",\"shape\":[-2]" + places, 8), "it holds a negative size");
  damaged(one("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4]" + places, 8),
          "the shape of its a is beyond all memory");
  damaged(one("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]", 7), "it is cut off");
  damaged(one("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]", 12),
          "its tensors overlap or leave a gap");
  damaged(one("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]", 8), "a tensor ends before it begins");
  damaged(one("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]", 8),
          "a tensor's data_offsets are not two");
  CHECK(said_of(content("[]")).find("x is damaged or no voice file (") == 0);
  CHECK(said_of(content("{\"__metadata__\":{\"format\":1}}")).find("x is damaged or no voice file (") == 0);
}

TEST_CASE("a safetensors file that is no voice, newer, or lacks something says so") {
  const auto with = [](std::map<std::string, std::string> texts) {
    TensorFile file;
    file.texts = std::move(texts);
    return make_tensor_file(file);
  };
  CHECK(said_of(with({})) == "x is a safetensors file, but no voice: give one that was saved as a voice");
  CHECK(said_of(with({{"format", "loquor.voice"}, {"version", "2"}})) ==
        "voice x has format version 2, this Loquor reads up to 1: upgrade Loquor or make the voice again");
  CHECK(said_of(with({{"format", "loquor.voice"}, {"version", "1"}, {"name", "n"}})) ==
        "voice x is damaged (version '1', metadata lacks [bundle, dtype, encoder]): make it again");
  const std::map<std::string, std::string> whole = {
      {"format", "loquor.voice"}, {"version", "1"},   {"name", "n"},
      {"bundle", kHash},          {"encoder", kHash}, {"dtype", "q4"}};
  CHECK(said_of(with(whole)).find("voice x lacks [audio_features, audio_tokens") == 0);
}

TEST_CASE("arrays and prefixes that no encoder gives are refused") {
  const std::string good = make_voice_file(some_voice(), kMadeBy, "n");
  const auto changed = [&](auto change) {
    TensorFile file = parse_tensor_file(good);
    change(file);
    return said_of(make_tensor_file(file));
  };
  CHECK(changed([](TensorFile& file) { file.tensors["audio_tokens"].dtype = "F64"; }) ==
        "voice x is damaged: a voice's audio_tokens must be I64 of rank 1, not F64 of rank 1: make the voice "
        "again");
  CHECK(changed([](TensorFile& file) { file.tensors["speaker_embeddings"].shape = {1, 2}; }).find("rank 2") !=
        std::string::npos);
  CHECK(changed([](TensorFile& file) { file.texts["bundle"] = "A"; }) ==
        "voice x is damaged: a fingerprint's bundle must be 64 hex digits");
  CHECK(changed([](TensorFile& file) { file.texts["dtype"] = "q 4"; }).find("precision") !=
        std::string::npos);
  CHECK(changed([](TensorFile& file) { file.texts["prefix"] = kHash; }).find("lacks prefix_kv") !=
        std::string::npos);
  const std::string kv(2 * 1 * 2 * 1 * 4, '\0');
  const auto prefix = [&](TensorFile& file, std::vector<int64_t> shape) {
    file.texts["prefix"] = kHash;
    file.tensors["prefix_kv"] = {"F32", std::move(shape), kv};
  };
  CHECK(changed([&](TensorFile& file) { prefix(file, {4, 1, 1, 1}); }).find("has 1 positions") !=
        std::string::npos);
  TensorFile with = parse_tensor_file(good);
  prefix(with, {2, 1, 2, 1});
  const SavedVoice read = parse_voice_file(make_tensor_file(with), "x");
  REQUIRE(read.prefix);
  CHECK(read.prefix->bytes.size() == kv.size());
  Voice bad = some_voice();
  bad.audio_features[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK(said_of(make_voice_file(bad, kMadeBy, "n")).find("not finite") != std::string::npos);
  CHECK(refusal([&] { make_voice_file(bad, kMadeBy, std::string(256, 'n')); }).names("255 characters"));
  CHECK(refusal([&] { make_voice_file(bad, kMadeBy, "\xFF"); }).names("UTF-8"));
}

TEST_CASE("whatever bytes change, a file is read or refused") {
  const std::string good = make_voice_file(some_voice(), kMadeBy, "n");
  std::mt19937 random(1);
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string file = good;
    for (int changes = 0; changes < 3; ++changes) {
      file[random() % file.size()] = static_cast<char>(random());
    }
    if (i % 3 == 0) file.resize(random() % (file.size() + 1));
    try {
      parse_voice_file(file, "x");
      ++read;
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::kInvalidInput);
    }
  }
  CHECK(read > 0);  // where an array's value changed
}

TEST_CASE("a file arrives as a whole or not at all") {
  const TempFolder folder;
  const std::string path = folder.path() + "/voice.safetensors";
  write_file(path, "old");
  write_file(path, "new");
  CHECK(read_file(path, 3) == "new");
  CHECK(refusal([&] { read_file(path, 2); }).names("more than 2 bytes"));
  CHECK(refusal([&] { read_file(folder.path(), 2); }).names("no regular file"));
  CHECK(refusal([&] { write_file(folder.path() + "/no/x", "x"); }).names("cannot write"));
  CHECK(refusal([&] { write_file(folder.path(), "x"); }).names("no regular file"));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    files += entry.exists() ? 1 : 0;
  CHECK(files == 1);
}

TEST_CASE("an engine's voice is saved and loaded; another bundle's and one of tensors are not") {
  if (!have_bundles()) return;
  const TempFolder folder;
  const std::string path = folder.path() + "/voice.safetensors";
  Scene scene;
  loquor_stream_cancel(scene.stream.it);
  REQUIRE(loquor_voice_save(scene.voice.it, "Ann", path.c_str()) == LOQUOR_OK);
  Handle<loquor_voice, loquor_voice_destroy> loaded;
  REQUIRE(loquor_engine_load_voice(scene.engine.it, path.c_str(), &loaded.it) == LOQUOR_OK);
  CHECK(std::string(loquor_voice_name(loaded.it)) == "Ann");
  CHECK(std::string(loquor_voice_name(scene.voice.it)) == "voice");
  CHECK(loquor_voice_name(nullptr) == nullptr);
  const std::string first = read_file(path, 1 << 30);
  REQUIRE(loquor_voice_save(loaded.it, nullptr, path.c_str()) == LOQUOR_OK);
  CHECK(read_file(path, 1 << 30) == first);

  CHECK(loquor_voice_save(loaded.it, nullptr, "voice.bin") == LOQUOR_ERROR_INVALID_INPUT);
  loquor_voice_tensors tensors = {};
  tensors.struct_size = sizeof(tensors);
  REQUIRE(loquor_voice_get_tensors(loaded.it, &tensors) == LOQUOR_OK);
  Handle<loquor_voice, loquor_voice_destroy> bare;
  REQUIRE(loquor_voice_create(&tensors, &bare.it) == LOQUOR_OK);
  CHECK(loquor_voice_save(bare.it, nullptr, path.c_str()) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(std::strstr(loquor_last_error(), "made of tensors") != nullptr);

  loquor_voice* none = nullptr;
  CHECK(loquor_engine_get_voice(scene.engine.it, nullptr, &none) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(loquor_engine_get_voice(scene.engine.it, "Bob", &none) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(loquor_engine_voice_name(scene.engine.it, 0) == nullptr);
  SavedVoice foreign = parse_voice_file(first, path);
  foreign.made_by.bundle = kHash;
  write_file(path, make_voice_file(foreign.voice, foreign.made_by, "n"));
  CHECK(loquor_engine_load_voice(scene.engine.it, path.c_str(), &none) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(std::strstr(loquor_last_error(), "make the voice again from its recording") != nullptr);
  CHECK(loquor_engine_load_voice(scene.engine.it, "nowhere.safetensors", &none) ==
        LOQUOR_ERROR_INVALID_INPUT);
  CHECK(none == nullptr);
}
