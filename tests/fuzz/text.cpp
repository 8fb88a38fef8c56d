// libFuzzer's entry (scripts/fuzz): any bytes as a tokenizer.json, and any bytes as a user's text. What may
// come of them is an Error; anything else that is thrown, and whatever the sanitizers see, ends the run.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/utf8.hpp"
#include "text/reader.hpp"

namespace {

using loquor::Error;
namespace fs = std::filesystem;

const fs::path& own_folder() {
  static const fs::path folder = [] {
    const fs::path made = fs::temp_directory_path() / ("loquor-fuzz-" + std::to_string(std::rand()));
    fs::create_directories(made);
    return made;
  }();
  return folder;
}

// A bundle's reader by LOQUOR_FUZZ_TOKENIZER_<PROFILE>, a folder with a tokenizer.json.
loquor::TextReader reader_of(const char* folder, const char* profile, const char* normalizer) {
  loquor::TextFacts facts;
  const char* const given = std::getenv(folder);
  facts.folder = given == nullptr ? "." : given;
  facts.profile = profile;
  facts.normalizer = normalizer;
  facts.ids_tell_speech = std::string_view(profile) != "turbo";
  facts.opening = facts.ids_tell_speech ? std::vector<int64_t>{6563, 255} : std::vector<int64_t>{};
  facts.closing =
      facts.ids_tell_speech ? std::vector<int64_t>{0, 6561, 6561} : std::vector<int64_t>{50256, 50256};
  return loquor::TextReader(facts);
}

void read_file(std::string_view bytes) {
  const fs::path file = own_folder() / "tokenizer.json";
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  try {
    const loquor::TokenizerFile tokenizer(file.string());
    tokenizer.encode("It's  here:\n [laugh] 12 \xC3\xA9\xF0\x9F\x99\x82", true);
  } catch (const Error&) {
  }
}

void read_text(uint8_t how, const std::string& text) {
  static const loquor::TextReader turbo = reader_of("LOQUOR_FUZZ_TURBO", "turbo", "none");
  static const loquor::TextReader built_in = reader_of("LOQUOR_FUZZ_TURBO", "turbo", "en");
  static const loquor::TextReader many = reader_of("LOQUOR_FUZZ_LLAMA", "multilingual", "none");
  static const char* const languages[] = {"ar", "de", "el", "en", "he", "ja", "ko", "tr", "zh"};
  try {
    loquor::TextOptions options;
    const loquor::TextReader& reader = how % 3 == 0 ? turbo : how % 3 == 1 ? built_in : many;
    if (how % 3 == 2) options.language = languages[how / 3 % 9];
    const loquor::PreparedText prepared = reader.prepare(text, options);
    if (!loquor::is_utf8(prepared.text)) std::abort();
    if (how % 3 != 2) return;
    int ends = 0;  // [STOP] is the template's alone
    for (const int64_t id : prepared.ids) ends += id == 0 ? 1 : 0;
    if (ends != 1) std::abort();
  } catch (const Error& error) {
    if (error.kind() != loquor::ErrorKind::kInvalidInput) std::abort();  // the tokenizers are good ones
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 4 == 0) {
    read_file(bytes);
  } else {
    read_text(data[0], bytes);
  }
  return 0;
}
