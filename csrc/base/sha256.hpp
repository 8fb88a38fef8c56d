// SHA-256 (FIPS 180-4), for fingerprints of files: no library for it can be had in every build.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace loquor {

class Sha256 {
 public:
  void add(const void* data, std::size_t size);
  // The digest in hex digits. Once, at the end.
  std::string finish();

 private:
  void mix(const unsigned char* block);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> block_{};
  std::size_t held_ = 0;  // bytes in block_
  uint64_t bytes_ = 0;
};

}  // namespace loquor
