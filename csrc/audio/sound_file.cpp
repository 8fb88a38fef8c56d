#include "audio/sound_file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <limits>

#include "audio/shared_library.hpp"
#include "base/error.hpp"

#if LOQUOR_WITH_SNDFILE
#ifdef _WIN32
#include <windows.h>
#define ENABLE_SNDFILE_WINDOWS_PROTOTYPES 1
#endif
#include <sndfile.h>
#endif

namespace loquor {
namespace {

[[maybe_unused, noreturn]] void refuse(const std::string& problem) {
  throw Error(ErrorKind::kInvalidInput, problem);
}

}  // namespace

#if LOQUOR_WITH_SNDFILE

namespace {

constexpr const char* kPlain = "convert it to wav, flac, ogg or mp3";
constexpr std::streamoff kOggPage = 65'307;  // bytes at most
constexpr int64_t kLive = 0x7FFF'0000;       // sizes from here on say "until the end", as of live recordings

struct Library {
#ifdef _WIN32
  decltype(&sf_wchar_open) open = nullptr;
#else
  decltype(&sf_open) open = nullptr;
#endif
  decltype(&sf_close) close = nullptr;
  decltype(&sf_readf_float) read = nullptr;
  decltype(&sf_error) error = nullptr;
  decltype(&sf_strerror) reason = nullptr;
  decltype(&sf_command) command = nullptr;

  Library() {
    const SharedLibrary file("to read a recording from a file takes libsndfile",
#if defined(_WIN32)
                             {"sndfile.dll", "libsndfile-1.dll"},
#elif defined(__APPLE__)
                             {"libsndfile.1.dylib"},
#else
                             {"libsndfile.so.1"},
#endif
                             "install it (on Debian: libsndfile1), or give the samples");
#ifdef _WIN32
    file.find("sf_wchar_open", open);
#else
    file.find("sf_open", open);
#endif
    file.find("sf_close", close);
    file.find("sf_readf_float", read);
    file.find("sf_error", error);
    file.find("sf_strerror", reason);
    file.find("sf_command", command);
  }
};

const Library& library() {
  static const Library opened;  // tried again where it failed
  return opened;
}

std::string head_of(const std::filesystem::path& path) {
  std::array<char, 12> head{};
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), head.size());
  return {head.data(), static_cast<std::size_t>(file.gcount())};
}

bool begins(const std::string& text, const char* start, std::size_t at = 0) {
  return text.compare(std::min(at, text.size()), std::char_traits<char>::length(start), start) == 0;
}

// MP4 and its kin, Matroska, ASF, AMR, and AAC in ADTS: named .mp3, libsndfile finds "MP3" in them.
bool is_for_ffmpeg(const std::string& head) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(head[at]); };
  const bool adts = head.size() > 1 && byte(0) == 0xFF && (byte(1) & 0xF6U) == 0xF0;
  return adts || begins(head, "ftyp", 4) || begins(head, "\x1a\x45\xdf\xa3") ||
         begins(head, "\x30\x26\xb2\x75") || begins(head, "#!AMR");
}

// Whether this is an Ogg file whose last page is not marked as one; it promises no length.
bool lacks_last_page(const std::filesystem::path& path, const std::string& head) {
  if (!begins(head, "OggS")) return false;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  const std::streamoff start = std::max<std::streamoff>(0, size - kOggPage);
  std::string end(static_cast<std::size_t>(size - start), '\0');
  file.seekg(start);
  file.read(end.data(), static_cast<std::streamsize>(end.size()));
  const std::size_t page = end.rfind("OggS");
  return page != std::string::npos && page + 5 < end.size() &&
         (static_cast<unsigned char>(end[page + 5]) & 4U) == 0;
}

// The number at `at`, which ends at the first other character; none: -1.
int64_t number_at(const std::string& text, std::size_t at) {
  int64_t number = -1;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && number < kLive; ++at) {
    number = std::max<int64_t>(0, number) * 10 + (text[at] - '0');
  }
  return number;
}

// The first line "data : 1234 (should be 1000)", or "SSND" in place of "data", if its first number is larger.
bool holds_less(const std::string& log) {
  constexpr const char* kShould = " (should be ";
  for (std::size_t at = log.find(kShould); at != std::string::npos; at = log.find(kShould, at + 1)) {
    std::size_t start = at;
    while (start > 0 && log[start - 1] >= '0' && log[start - 1] <= '9') --start;
    const std::size_t line = start == 0 ? 0 : log.rfind('\n', start - 1) + 1;  // npos + 1 is 0
    std::string label = log.substr(line, start - line);
    label.erase(std::remove(label.begin(), label.end(), ' '), label.end());
    if (label != "data:" && label != "SSND:") continue;
    const int64_t promised = number_at(log, start);
    const int64_t held = number_at(log, at + std::char_traits<char>::length(kShould));
    return 0 <= held && held < promised && promised < kLive;
  }
  return false;
}

}  // namespace

struct SoundFile::File {
  explicit File(const std::string& given) : path(given), native(std::filesystem::u8path(given)) {
    std::error_code none;
    if (!std::filesystem::is_regular_file(native, none)) {
      const bool folder = std::filesystem::is_directory(native, none);
      refuse("cannot read " + named() + ": it " + (folder ? "is a folder" : "does not exist") +
             ", give the path of a recording");
    }
    const std::string head = head_of(native);
    if (is_for_ffmpeg(head)) unknown("its format is not libsndfile's");
    sound = library().open(native.c_str(), SFM_READ, &info);  // wide characters on Windows
    if (sound == nullptr) unknown(library().reason(nullptr));
    if (info.frames == 0) {  // as of an Ogg file that was cut off
      library().close(sound);
      unknown("it holds no sound, or its end is missing");
    }
    cut_off = lacks_last_page(native, head);
  }
  ~File() { library().close(sound); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::string named() const { return "'" + path + "'"; }
  [[noreturn]] void unknown(const std::string& reason) const {
    refuse("cannot read " + named() + " as a recording (" + reason + "): " + kPlain);
  }

  // Whether its header promises more than it holds, as libsndfile's log of it says.
  bool promises_more() const {
    std::string log(16'384, '\0');
    library().command(sound, SFC_GET_LOG_INFO, log.data(), static_cast<int>(log.size()));
    log.resize(std::min(log.find('\0'), log.size()));
    return holds_less(log);
  }

  std::string path;
  std::filesystem::path native;
  SF_INFO info{};
  SNDFILE* sound = nullptr;
  int64_t count = 0;  // frames that were read
  bool cut_off = false;
};

SoundFile::SoundFile(const std::string& path) : file_(std::make_unique<File>(path)) {}

int32_t SoundFile::rate() const { return file_->info.samplerate; }
int32_t SoundFile::channels() const { return file_->info.channels; }

std::vector<float> SoundFile::read() {
  const auto channels = static_cast<std::size_t>(file_->info.channels);
  const auto second = static_cast<sf_count_t>(std::max(1, file_->info.samplerate));
  std::vector<float> frames(static_cast<std::size_t>(second) * channels);
  const sf_count_t count = std::max<sf_count_t>(0, library().read(file_->sound, frames.data(), second));
  frames.resize(static_cast<std::size_t>(count) * channels);
  file_->count += count;
  if (const int error = library().error(file_->sound); error != 0) {
    if (file_->count == 0) {
      refuse("cannot read " + file_->named() + " (" + library().reason(file_->sound) + "): " + kPlain);
    }
    // FLAC that was written to a pipe tells no length.
    const bool endless = file_->info.frames == std::numeric_limits<sf_count_t>::max();
    file_->cut_off = file_->cut_off || !endless;
  }
  return frames;
}

bool SoundFile::cut_off() const {
  const int64_t rate = file_->info.samplerate, promised = file_->info.frames;
  // Counted in frames of sound, lossy codecs promise a little more than they give.
  return file_->cut_off || file_->promises_more() ||
         (file_->count + rate / 2 < promised && promised < kLive * rate);
}

#else

struct SoundFile::File {};

SoundFile::SoundFile(const std::string& path) {
  throw Error(ErrorKind::kRuntimeMissing,
              "cannot read '" + path +
                  "': this build of Loquor reads no sound files, since sndfile.h was not there (on Debian: "
                  "libsndfile1-dev): build it again where it is, or give the samples");
}
int32_t SoundFile::rate() const { return 0; }
int32_t SoundFile::channels() const { return 0; }
std::vector<float> SoundFile::read() { return {}; }
bool SoundFile::cut_off() const { return false; }

#endif

SoundFile::~SoundFile() = default;

}  // namespace loquor
