// Prints the speech tokens for text ids, by the C++ header: handles free themselves, failures are exceptions.
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "loquor/loquor.hpp"

namespace {

std::vector<float> read_floats(const char* path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::vector<float> floats(file ? static_cast<std::size_t>(file.tellg()) / sizeof(float) : 0);
  file.seekg(0);
  file.read(reinterpret_cast<char*>(floats.data()),
            static_cast<std::streamsize>(floats.size() * sizeof(float)));
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  return floats;
}

void speak(const loquor::Engine& engine, const std::vector<float>& reference, uint64_t seed,
           const std::vector<int64_t>& ids) {
  const loquor::Voice voice = engine.encode_voice(reference.data(), reference.size());
  loquor_generation_options options = engine.default_options();
  options.seed = seed;
  loquor_request request;
  loquor_request_init(&request);
  request.input_ids = ids.data();
  request.input_id_count = ids.size();
  request.voice = voice.get();
  request.options = &options;
  const loquor::Tokens tokens = engine.generate_tokens(request);
  const auto info = loquor::info_of<loquor_tokens_info>(loquor_tokens_get_info, tokens.get());
  for (std::size_t i = 0; i < info.count; ++i) std::cout << (i == 0 ? "" : " ") << info.tokens[i];
  std::cout << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::cerr << "usage: speak_cpp RUNTIME_LIBRARY BUNDLE_FOLDER REFERENCE.f32 SEED ID...\n";
    return 64;
  }
  try {
    std::vector<int64_t> ids;
    for (int i = 5; i < argc; ++i) ids.push_back(std::stoll(argv[i]));
    const loquor::Runtime runtime = loquor::open_runtime(argv[1]);
    speak(loquor::Engine(runtime, argv[2]), read_floats(argv[3]), std::stoull(argv[4]), ids);
    return EXIT_SUCCESS;
  } catch (const loquor::StatusError& error) {
    std::cerr << "speak_cpp: " << error.what() << '\n';
    return error.status();
  } catch (const std::exception& error) {
    std::cerr << "speak_cpp: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
