// Streams. A waiting asyncio loop is woken by a byte through a socket: the engine's thread never takes the
// GIL.
#ifdef _WIN32
#include <winsock2.h>
#else
#include <sys/socket.h>
#endif

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/shared.hpp"

namespace loquor::bindings {
namespace {

#if defined(MSG_NOSIGNAL)
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0;
#endif

class PyStream {
 public:
  PyStream(const Engine& engine, const Array<int64_t>& input_ids, const Voice& voice, const Facts& options,
           const Facts& chunks, loquor_cancel* cancel, std::optional<OnProgress> progress,
           const std::string& text)
      : watched_(progress.has_value()), progress_(std::move(progress), [this] { stream_.cancel(); }) {
    const loquor_generation_options generation = generation_options(options);
    const loquor_stream_options windows = stream_options(chunks);
    loquor_request request;
    loquor_request_init(&request);
    request.input_ids = array_data(input_ids, "input_ids", 1);
    request.input_id_count = static_cast<size_t>(input_ids.size());
    request.voice = voice.get();
    request.options = &generation;
    request.cancel = cancel;
    if (!text.empty()) request.text = text.c_str();
    if (watched_) {
      request.progress = &Progress::step;
      request.progress_user = &progress_;
    }
    stream_ = without_gil([&] { return engine.stream(request, &windows); });
  }
  PyStream(const Engine& engine, const Voice& voice, uint64_t seed, const Facts& chunks,
           loquor_cancel* cancel)
      : watched_(false), progress_(std::nullopt, [] {}) {
    const loquor_stream_options windows = stream_options(chunks);
    loquor_decode_options decode;
    loquor_decode_options_init(&decode);
    decode.seed = seed;
    stream_ = without_gil([&] { return engine.stream_tokens(voice.get(), &windows, &decode, cancel); });
  }
  ~PyStream() {
    const nb::gil_scoped_release release;
    stream_ = Stream();
  }
  PyStream(const PyStream&) = delete;
  PyStream& operator=(const PyStream&) = delete;

  // Samples; None when there are none within `timeout` seconds. At the end raises StopIteration.
  std::optional<NewArray<float>> next(std::optional<double> timeout) {
    using Clock = std::chrono::steady_clock;
    const double wanted = timeout ? *timeout : 3e7;
    const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                             std::chrono::duration<double>(std::min(wanted, 3e7)));
    const double slice = std::chrono::duration<double>(kPythonInterval).count();
    for (;;) {
      const double left = std::chrono::duration<double>(deadline - Clock::now()).count();
      const double wait = std::clamp(left, 0.0, slice);
      loquor_chunk chunk;
      loquor_status status = LOQUOR_OK;
      try {
        status = without_gil([&] { return stream_.next(chunk, wait); });
      } catch (const StatusError&) {
        progress_.rethrow();
        throw;
      }
      if (status == LOQUOR_OK) {
        const std::size_t told = chunk.said_ids != nullptr ? static_cast<std::size_t>(chunk.token_count) : 0;
        said_ids_.assign(chunk.said_ids, chunk.said_ids + told);
        return copied(chunk.samples, {static_cast<int64_t>(chunk.count)});
      }
      if (status == LOQUOR_DONE) throw nb::stop_iteration();
      if (left <= slice) return std::nullopt;
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
    }
  }

  // Of the chunk that was read last: which id of the prompt each of its codes says; empty where it is not
  // known.
  NewArray<int32_t> said_ids() const {
    return copied(said_ids_.data(), {static_cast<int64_t>(said_ids_.size())});
  }

  void feed(const Array<int64_t>& tokens, bool last) const {
    const int64_t* data = array_data(tokens, "tokens", 1);
    const auto count = static_cast<size_t>(tokens.size());
    without_gil([&] { stream_.feed(data, count, last); });
  }

  // Sends a byte to this socket whenever next(0) has something new to say; none: no more.
  void notify(std::optional<intptr_t> socket) {
    if (!socket && !home_.here()) return;  // nobody sends in a forked child
    const nb::gil_scoped_release release;
    stream_.on_ready(nullptr, nullptr);
    if (!socket) return;
    socket_ = *socket;
    stream_.on_ready(&PyStream::send_byte, this);
  }

  void cancel() const {
    home_.require("stream");
    stream_.cancel();
  }
  // The same, but nothing in a forked child.
  void leave() const { stream_.cancel(); }

  nb::handle callback() const { return progress_.callback(); }
  void forget_callback() { progress_.forget_callback(); }

  Facts info() const {
    const loquor_stream_info info = stream_.info();
    Facts facts;
    facts["token_count"] = info.token_count;
    facts["tokens_taken"] = info.tokens_taken;
    facts["samples_taken"] = info.samples_taken;
    facts["samples_waiting"] = info.samples_waiting;
    facts["ended"] = info.ended != 0;
    facts["cancelled"] = info.cancelled != 0;
    facts["finish_reason"] = finish_reason_name(info.finish_reason);
    facts["prompt_length"] = info.prompt_length;
    facts["prefill_seconds"] = info.prefill_seconds;
    facts["steps_seconds"] = info.steps_seconds;
    facts["decoder_seconds"] = info.decoder_seconds;
    facts["guards"] = info.guards;
    facts["attempts"] = info.attempts;
    facts["waited_seconds"] = info.waited_seconds;
    facts["seed"] = info.seed;
    facts["text_faults"] = info.text_faults;
    facts["skipped_from"] = info.skipped_from;
    facts["skipped_to"] = info.skipped_to;
    const auto count = static_cast<int64_t>(info.tokens != nullptr ? info.token_count : 0);
    facts["tokens"] = copied(info.tokens, {count});
    return facts;
  }

 private:
  // The socket does not block: if it is full, its reader has enough to wake it.
  static void send_byte(void* self) {
    const char byte = 0;
#ifdef _WIN32
    const auto socket = static_cast<SOCKET>(static_cast<PyStream*>(self)->socket_);
#else
    const auto socket = static_cast<int>(static_cast<PyStream*>(self)->socket_);
#endif
    static_cast<void>(send(socket, &byte, 1, kSendFlags));
  }

  bool watched_;
  Progress progress_;
  Stream stream_;
  std::vector<int32_t> said_ids_;
  intptr_t socket_ = -1;
  Home home_;
};

// A callback may hold the stream that calls it: the garbage collector is told.
int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (nb::inst_ready(self)) Py_VISIT(nb::inst_ptr<PyStream>(self)->callback().ptr());
  return 0;
}
int clear(PyObject* self) {
  if (nb::inst_ready(self)) nb::inst_ptr<PyStream>(self)->forget_callback();
  return 0;
}
PyType_Slot kCollected[] = {{Py_tp_traverse, reinterpret_cast<void*>(&traverse)},
                            {Py_tp_clear, reinterpret_cast<void*>(&clear)},
                            {0, nullptr}};

}  // namespace

void bind_stream(nb::module_& module) {
  nb::class_<PyStream>(module, "StreamHandle", "Speech while it is made.", nb::is_weak_referenceable(),
                       nb::type_slots(kCollected))
      .def(
          "__init__",
          [](PyStream* self, const Engine& engine, const Array<int64_t>& input_ids, const PyVoice& voice,
             const Facts& options, const Facts& chunks, PyCancelToken* cancel,
             std::optional<OnProgress> progress, const std::string& text) {
            new (self) PyStream(engine, input_ids, voice.handle, options, chunks, raw(cancel),
                                std::move(progress), text);
          },
          nb::arg("engine"), nb::arg("input_ids"), nb::arg("voice"), nb::arg("options"), nb::arg("chunks"),
          nb::arg("cancel").none() = nb::none(), nb::arg("progress") = nb::none(), nb::arg("text") = "",
          nb::keep_alive<1, 2>(), nb::keep_alive<1, 7>())
      .def(
          "__init__",
          [](PyStream* self, const Engine& engine, const PyVoice& voice, uint64_t seed, const Facts& chunks,
             PyCancelToken* cancel) { new (self) PyStream(engine, voice.handle, seed, chunks, raw(cancel)); },
          nb::arg("engine"), nb::arg("voice"), nb::kw_only(), nb::arg("seed"), nb::arg("chunks"),
          nb::arg("cancel").none() = nb::none(), nb::keep_alive<1, 2>(), nb::keep_alive<1, 6>(),
          "Speech of tokens that are fed.")
      .def("feed", &PyStream::feed, nb::arg("tokens"), nb::arg("last") = false)
      .def("next", &PyStream::next, nb::arg("timeout") = nb::none())
      .def("said_ids", &PyStream::said_ids)
      .def("notify", &PyStream::notify, nb::arg("socket"))
      .def("cancel", &PyStream::cancel, nb::call_guard<nb::gil_scoped_release>())
      .def("leave", &PyStream::leave, nb::call_guard<nb::gil_scoped_release>())
      .def("info", &PyStream::info);
  module.def(
      "default_stream_options", [](const Engine& engine) { return to_dict(engine.default_stream_options()); },
      nb::arg("engine"));
}

}  // namespace loquor::bindings
