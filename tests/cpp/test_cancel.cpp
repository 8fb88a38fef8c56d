#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/cancel.hpp"

using loquor::CancelToken;
using loquor::Error;
using loquor::ErrorKind;

namespace {

ErrorKind kind_of_check(const CancelToken& token) {
  try {
    token.check();
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("the check passed");
  return ErrorKind::kInternal;
}

}  // namespace

TEST_CASE("a token that nobody raised lets work go on") {
  int fired = 0;
  CancelToken token;
  {
    const CancelToken::Listener listener(&token, [&] { ++fired; });
    token.check();
    CHECK_FALSE(token.requested());
  }
  CHECK(fired == 0);
}

TEST_CASE("raising a token interrupts its listener once, and it stays raised") {
  int fired = 0;
  CancelToken token;
  const CancelToken::Listener listener(&token, [&] { ++fired; });
  token.request();
  token.request();
  CHECK(fired == 1);
  CHECK(token.requested());
  CHECK(kind_of_check(token) == ErrorKind::kCancelled);
}

TEST_CASE("a listener on a raised token is interrupted at once") {
  int fired = 0;
  CancelToken token;
  token.request();
  const CancelToken::Listener listener(&token, [&] { ++fired; });
  CHECK(fired == 1);
  token.request();
  CHECK(fired == 1);
}

TEST_CASE("a token serves one request at a time, one after another any number") {
  int first = 0;
  int second = 0;
  CancelToken token;
  {
    const CancelToken::Listener listener(&token, [&] { ++first; });
    try {
      const CancelToken::Listener other(&token, [&] { ++second; });
      FAIL("two listeners at once");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::kInvalidInput);
      CHECK(std::string(error.what()).find("already used") != std::string::npos);
    }
    // The refused one must not have unhooked the first.
    CHECK_THROWS_AS(CancelToken::Listener(&token, [] {}), Error);
  }
  const CancelToken::Listener listener(&token, [&] { ++second; });
  token.request();
  CHECK(first == 0);
  CHECK(second == 1);
}

TEST_CASE("without a token there is nothing to listen to") {
  const CancelToken::Listener listener(nullptr, [] { FAIL("interrupted"); });
}

TEST_CASE("tokens may be raised from many threads while requests come and go") {
  for (int round = 0; round < 20; ++round) {
    CancelToken token;
    std::atomic<int> fired{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { token.request(); });
    while (!token.requested()) {
      int mine = 0;  // not atomic: the listener's end must be a fence against the interruption
      {
        const CancelToken::Listener listener(&token, [&] { ++mine; });
      }
      fired += mine;
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(fired <= 1);
  }
}
