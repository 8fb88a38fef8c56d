// Speaks a text: raw float32 samples on standard output while they are made.
//
//   speak RUNTIME_LIBRARY BUNDLE_FOLDER VOICE TEXT
#include <cstddef>
#include <iostream>

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>

#include <cstdio>
#endif

#include "loquor/loquor.hpp"

namespace {

int speak(char** argv) {
  const loquor::Runtime runtime = loquor::open_runtime(argv[1]);
  const loquor::Engine engine(runtime, argv[2]);
  const loquor::Voice voice = engine.voice(argv[3]);
  loquor_request request;
  loquor_request_init(&request);
  request.voice = voice.get();
  const loquor::Stream stream = engine.stream_text(argv[4], request);
  for (std::size_t i = 0; const char* const warning = loquor_stream_warning(stream.get(), i); ++i)
    std::cerr << "speak: warning: " << warning << '\n';
  for (loquor_chunk chunk; stream.next(chunk) == LOQUOR_OK; std::cout.flush()) {
    std::cout.write(reinterpret_cast<const char*>(chunk.samples),
                    static_cast<std::streamsize>(chunk.count * sizeof *chunk.samples));
    if (!std::cout) return 74;  // who listened has gone: the stream's end cancels the rest
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: speak RUNTIME_LIBRARY BUNDLE_FOLDER VOICE TEXT\n";
    return 64;
  }
#ifdef _WIN32
  _setmode(_fileno(stdout), _O_BINARY);  // else bytes of samples that look like a line's end become two
#endif
  try {
    return speak(argv);
  } catch (const loquor::StatusError& error) {
    std::cerr << "speak: " << error.what() << '\n';
    return error.status();
  }
}
