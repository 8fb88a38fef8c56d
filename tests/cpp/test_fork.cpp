// Forked children: what they inherited is refused or left alone at once, and engines of their own work.
#ifndef _WIN32

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "base/process.hpp"
#include "capi_scene.hpp"
#include "refusal.hpp"

using namespace loquor::testing;
using loquor::ErrorKind;
namespace process = loquor::process;

namespace {

constexpr unsigned kLimit = 120;  // seconds, behind which a child that hangs is ended by its alarm

#ifdef __SANITIZE_THREAD__
constexpr bool kThreadSanitized = true;  // which supports no threads behind a fork
#else
constexpr bool kThreadSanitized = false;
#endif

// Ends a child with the number of what first went wrong.
#define EXPECT_OR_EXIT(condition) \
  if (!(condition)) _exit(__LINE__ % 200 + 1)

// The status with which a child that did `work` ended; -1: by a signal.
int child(const std::function<void()>& work, bool exits = false) {
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    alarm(kLimit);
    work();
    if (exits && !kSanitized) std::exit(0);  // the leak check would find what is left on purpose
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool refused_as_inherited(loquor_status status) {
  return status == LOQUOR_ERROR_INVALID_INPUT &&
         std::strstr(loquor_last_error(), "made before fork") != nullptr &&
         std::strstr(loquor_last_error(), "open one here") != nullptr;
}

void check_refused(Scene& scene) {
  loquor_engine_info info = {};
  info.struct_size = sizeof(info);
  EXPECT_OR_EXIT(refused_as_inherited(loquor_engine_get_info(scene.engine.it, &info)));
  loquor_voice* voice = nullptr;
  EXPECT_OR_EXIT(refused_as_inherited(loquor_engine_encode_voice(scene.engine.it, scene.samples.data(),
                                                                 scene.samples.size(), nullptr, &voice)));
  loquor_tokens* tokens = nullptr;
  EXPECT_OR_EXIT(
      refused_as_inherited(loquor_engine_generate_tokens(scene.engine.it, &scene.request, &tokens)));
  loquor_stream* stream = nullptr;
  EXPECT_OR_EXIT(
      refused_as_inherited(loquor_engine_stream(scene.engine.it, &scene.request, nullptr, &stream)));
  loquor_chunk chunk = {};
  chunk.struct_size = sizeof(chunk);
  EXPECT_OR_EXIT(refused_as_inherited(loquor_stream_next(scene.stream.it, -1, &chunk)));
  EXPECT_OR_EXIT(refused_as_inherited(loquor_stream_on_ready(scene.stream.it, nullptr, nullptr)));
  loquor_engine* engine = nullptr;
  EXPECT_OR_EXIT(
      refused_as_inherited(loquor_engine_open(scene.runtime.it, bundle("gqa").c_str(), nullptr, &engine)));
}

void give_all_back(Scene& scene) {
  loquor_cancel_request(scene.cancel.it);
  loquor_stream_cancel(scene.stream.it);
  loquor_stream_destroy(scene.stream.it);
  loquor_engine_halt(scene.engine.it);
  loquor_engine_close(scene.engine.it);
  loquor_runtime_close(scene.runtime.it);
}

}  // namespace

TEST_SUITE_BEGIN("fork" * doctest::skip(kThreadSanitized));

TEST_CASE("a forked child's calls are refused, and give its inheritance back at once") {
  if (!have_bundles()) return;
  Scene scene;
  CHECK(child([&] { check_refused(scene); }) == 0);
  CHECK(child([&] { give_all_back(scene); }, true) == 0);
  CHECK(child([] {}, true) == 0);
  loquor_chunk chunk = {};
  chunk.struct_size = sizeof(chunk);
  CHECK(loquor_stream_next(scene.stream.it, -1, &chunk) == LOQUOR_OK);  // the parent's goes on
}

TEST_CASE("a forked child opens an engine of its own, with its parent's voice") {
  if (!have_bundles()) return;
  Scene scene;
  scene.options.max_new_tokens = 10;
  CHECK(child(
            [&] {
              const std::string library = environment("LOQUOR_TEST_RUNTIME");
              EXPECT_OR_EXIT(loquor_runtime_open(library.c_str(), &scene.runtime.it) == LOQUOR_OK);
              loquor_engine* own = nullptr;
              EXPECT_OR_EXIT(scene.open(&own) == LOQUOR_OK);
              loquor_tokens* tokens = nullptr;
              scene.request.cancel = scene.cancel.it;
              EXPECT_OR_EXIT(
                  refused_as_inherited(loquor_engine_generate_tokens(own, &scene.request, &tokens)));
              scene.request.cancel = nullptr;
              EXPECT_OR_EXIT(loquor_engine_generate_tokens(own, &scene.request, &tokens) == LOQUOR_OK);
              loquor_tokens_destroy(tokens);
              EXPECT_OR_EXIT(child([&] { loquor_engine_close(own); }, true) == 0);  // a grandchild
              loquor_engine_close(own);
            },
            true) == 0);
}

TEST_CASE("progress that forks: the child's call ends") {
  if (!have_bundles()) return;
  Scene scene;
  scene.options.max_new_tokens = 10;
  static pid_t forked = -1;
  forked = -1;
  scene.request.progress = [](void*, int32_t) {
    if (forked >= 0) return;
    forked = fork();
    if (forked == 0) alarm(kLimit);
  };
  loquor_tokens* tokens = nullptr;
  const loquor_status status = loquor_engine_generate_tokens(scene.engine.it, &scene.request, &tokens);
  if (forked == 0) _exit(refused_as_inherited(status) ? 0 : 1);
  CHECK(status == LOQUOR_OK);
  loquor_tokens_destroy(tokens);
  int ended = -1;
  REQUIRE(waitpid(forked, &ended, 0) == forked);
  CHECK(ended == 0);
}

TEST_CASE("a child forked while a model was loading says so instead of waiting") {
  if (!have_bundles()) return;
  const std::string library = environment("LOQUOR_TEST_RUNTIME");
  std::thread([&] {
    const process::Exclusive loading;
    CHECK(child([&] {
            EXPECT_OR_EXIT(process::torn());
            const Refusal refused = refusal([&] { loquor::ort::Api::open(library); });
            EXPECT_OR_EXIT(refused.kind == ErrorKind::kRuntimeMissing);
            EXPECT_OR_EXIT(refused.names("forked while"));
          }) == 0);
  }).join();
  CHECK_FALSE(process::torn());
  CHECK(child([] { EXPECT_OR_EXIT(!process::torn()); }) == 0);
}

TEST_CASE("a child writes to the log though another thread held its lock") {
  static std::vector<int> told;
  told.clear();
  loquor_set_log(
      [](void*, int, const char*) {
        told.push_back(0);
        if (told.size() > 1) return;
        CHECK(child([] {
                loquor::log::write(loquor::log::Level::kError, "second");
                EXPECT_OR_EXIT(told.size() == 2);
              }) == 0);
      },
      nullptr, LOQUOR_LOG_ERROR);
  std::thread([] { loquor::log::write(loquor::log::Level::kError, "first"); }).join();
  loquor_set_log(nullptr, nullptr, LOQUOR_LOG_ERROR);
  CHECK(told.size() == 1);
}

TEST_SUITE_END();

#endif
