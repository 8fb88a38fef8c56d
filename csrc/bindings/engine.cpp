#include <nanobind/stl/map.h>
#include <nanobind/stl/vector.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bindings/shared.hpp"

namespace loquor::bindings {
namespace {

Facts to_dict(const loquor_engine_info& info, const std::vector<loquor_graph_info>& infos) {
  Facts graphs;
  for (const loquor_graph_info& graph : infos) {
    Facts facts;
    facts["file"] = graph.file;
    facts["dtype"] = graph.dtype;
    facts["optimization_level"] = graph.optimization_level;
    facts["placement"] = graph.placement;
    graphs[graph.name] = facts;
  }
  Facts facts;
  facts["bundle"] = info.bundle;
  facts["family"] = info.family;
  facts["device"] = info.device;
  facts["provider"] = info.provider;
  facts["kv_dtype"] = info.kv_dtype;
  facts["kv_mode"] = info.kv_mode;
  facts["graphs"] = graphs;
  facts["threads"] = info.threads;
  facts["layers"] = info.layers;
  facts["kv_heads"] = info.kv_heads;
  facts["head_dim"] = info.head_dim;
  facts["hidden_size"] = info.hidden_size;
  facts["vocab_size"] = info.vocab_size;
  facts["speaker_embedding_size"] = info.speaker_embedding_size;
  facts["speaker_feature_size"] = info.speaker_feature_size;
  facts["max_positions"] = info.max_positions;
  facts["sample_rate"] = info.sample_rate;
  facts["samples_per_token"] = info.samples_per_token;
  facts["start_token"] = info.start_token;
  facts["stop_token"] = info.stop_token;
  facts["silence_token"] = info.silence_token;
  facts["end_of_text_token"] = info.end_of_text_token;
  facts["slots"] = info.slots;
  facts["batched"] = info.batched != 0;
  facts["sampling"] = info.sampling;
  facts["watermark"] = info.watermark;
  facts["word_times"] = info.word_times != 0;
  return facts;
}

Facts to_dict(const loquor_memory_info& info) {
  Facts facts;
  facts["kv_cache"] = info.kv_cache;
  facts["arenas"] = info.arenas;
  facts["prefixes"] = info.prefixes;
  facts["prefix_limit"] = info.prefix_limit;
  facts["prefix_count"] = info.prefix_count;
  facts["prefix_hits"] = info.prefix_hits;
  facts["prefix_misses"] = info.prefix_misses;
  facts["encoder_loaded"] = info.encoder_loaded != 0;
  return facts;
}

void open_engine(Engine* at, const Runtime& runtime, const std::string& folder, const Facts& given,
                 const std::map<std::string, std::string>& provider_options,
                 const std::map<std::string, std::string>& prepared) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : provider_options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  loquor_engine_options options;
  loquor_engine_options_init(&options);
  Texts texts;
  set_engine_options(options, given, texts);
  options.provider_option_keys = keys.data();
  options.provider_option_values = values.data();
  options.provider_option_count = keys.size();
  std::vector<const char*> graphs;
  std::vector<const char*> files;
  for (const auto& [graph, file] : prepared) {
    graphs.push_back(graph.c_str());
    files.push_back(file.c_str());
  }
  options.prepared_graph_names = graphs.data();
  options.prepared_graph_files = files.data();
  options.prepared_graph_count = graphs.size();
  options.find_prepared = 0;  // Python has looked
  without_gil([&] { new (at) Engine(runtime, folder, &options); });
}

Facts generate_tokens(const Engine& engine, const Array<int64_t>& input_ids, const Voice& voice,
                      const Facts& options, loquor_cancel* cancel, std::optional<OnProgress> progress) {
  const loquor_generation_options given = generation_options(options);
  const CancelToken own_cancel = cancel == nullptr ? make_cancel_token() : nullptr;
  loquor_cancel* const token = cancel != nullptr ? cancel : own_cancel.get();
  Progress listener(std::move(progress), [token] { loquor_cancel_request(token); });
  loquor_request request;
  loquor_request_init(&request);
  request.input_ids = array_data(input_ids, "input_ids", 1);
  request.input_id_count = static_cast<size_t>(input_ids.size());
  request.voice = voice.get();
  request.options = &given;
  request.cancel = token;
  request.progress = &Progress::step;
  request.progress_user = &listener;
  Tokens tokens;
  try {
    tokens = without_gil([&] { return engine.generate_tokens(request); });
  } catch (const StatusError&) {
    listener.rethrow();
    throw;
  }
  listener.rethrow();
  const auto info = info_of<loquor_tokens_info>(loquor_tokens_get_info, tokens.get());
  Facts result;
  result["tokens"] = copied(info.tokens, {static_cast<int64_t>(info.count)});
  result["finish_reason"] = finish_reason_name(info.finish_reason);
  result["prompt_length"] = info.prompt_length;
  result["cached_positions"] = info.cached_positions;
  result["prefill_seconds"] = info.prefill_seconds;
  result["steps_seconds"] = info.steps_seconds;
  return result;
}

nb::typed<nb::tuple, NewArray<float>, double> decode(const Engine& engine, const Array<int64_t>& tokens,
                                                     const Voice& voice, uint64_t seed,
                                                     loquor_cancel* cancel) {
  const int64_t* data = array_data(tokens, "speech_tokens", 1);
  const auto count = static_cast<size_t>(tokens.size());
  loquor_decode_options options;
  loquor_decode_options_init(&options);
  options.seed = seed;
  const Waveform waveform =
      without_gil([&] { return engine.decode(data, count, voice.get(), &options, cancel); });
  const auto info = info_of<loquor_waveform_info>(loquor_waveform_get_info, waveform.get());
  return nb::make_tuple(copied(info.samples, {static_cast<int64_t>(info.count)}), info.decoder_seconds);
}

Voice make_voice(const Array<float>& audio_features, const Array<int64_t>& audio_tokens,
                 const Array<float>& speaker_embeddings, const Array<float>& speaker_features) {
  loquor_voice_tensors tensors = {};
  tensors.struct_size = sizeof(tensors);
  tensors.audio_features = array_data(audio_features, "audio_features", 2);
  tensors.prefix_length = audio_features.shape_ptr()[0];
  tensors.hidden_size = audio_features.shape_ptr()[1];
  tensors.audio_tokens = array_data(audio_tokens, "audio_tokens", 1);
  tensors.audio_token_count = static_cast<int64_t>(audio_tokens.size());
  tensors.speaker_embeddings = array_data(speaker_embeddings, "speaker_embeddings", 1);
  tensors.speaker_embedding_size = static_cast<int64_t>(speaker_embeddings.size());
  tensors.speaker_features = array_data(speaker_features, "speaker_features", 2);
  tensors.speaker_frames = speaker_features.shape_ptr()[0];
  tensors.speaker_feature_size = speaker_features.shape_ptr()[1];
  return made<Voice>(loquor_voice_create, &tensors);
}

Facts voice_tensors(const Voice& voice) {
  const auto tensors = info_of<loquor_voice_tensors>(loquor_voice_get_tensors, voice.get());
  Facts arrays;
  arrays["audio_features"] = copied(tensors.audio_features, {tensors.prefix_length, tensors.hidden_size});
  arrays["audio_tokens"] = copied(tensors.audio_tokens, {tensors.audio_token_count});
  arrays["speaker_embeddings"] = copied(tensors.speaker_embeddings, {tensors.speaker_embedding_size});
  arrays["speaker_features"] =
      copied(tensors.speaker_features, {tensors.speaker_frames, tensors.speaker_feature_size});
  return arrays;
}

}  // namespace

const char* finish_reason_name(loquor_finish_reason reason) {
  if (reason == LOQUOR_FINISH_GUARD) return "guard";
  return reason == LOQUOR_FINISH_STOP ? "stop" : "length";
}

void Progress::rethrow() {
  if (error_) throw std::move(*error_);
}

void Progress::on_step(int32_t tokens) {
  const auto now = std::chrono::steady_clock::now();
  if (error_ || now - last_ < kPythonInterval) return;
  last_ = now;
  want_gil();
  const nb::gil_scoped_acquire gil;
  have_gil();
  try {
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (callback_) (*callback_)(tokens);
  } catch (nb::python_error& error) {
    error_.emplace(std::move(error));
    abort_();
  }
}

void bind_engine(nb::module_& module) {
  nb::class_<PyRuntime>(module, "Runtime", "ONNX Runtime's shared library, opened by path.",
                        nb::is_weak_referenceable())
      .def(
          "__init__",
          [](PyRuntime* self, const std::string& library_path) {
            new (self) PyRuntime{without_gil([&] { return open_runtime(library_path); })};
          },
          nb::arg("library_path"))
      .def_prop_ro("version", [](const PyRuntime& self) { return loquor_runtime_version(self.handle.get()); })
      .def_prop_ro("path", [](const PyRuntime& self) { return loquor_runtime_path(self.handle.get()); })
      .def_prop_ro("providers",
                   [](const PyRuntime& self) {
                     std::vector<std::string> names;
                     for (size_t i = 0; i < loquor_runtime_provider_count(self.handle.get()); ++i) {
                       names.emplace_back(loquor_runtime_provider(self.handle.get(), i));
                     }
                     return names;
                   })
      .def(
          "add_provider_library",
          [](const PyRuntime& self, const std::string& library_path) {
            without_gil(
                [&] { check(loquor_runtime_add_provider_library(self.handle.get(), library_path.c_str())); });
          },
          nb::arg("library_path"))
      .def(
          "device_info",
          [](const PyRuntime& self, const std::string& device) {
            loquor_device_info info = {};
            info.struct_size = sizeof(info);
            check(loquor_runtime_get_device_info(self.handle.get(), device.c_str(), &info));
            Facts facts;
            facts["device"] = info.device;
            facts["provider"] = info.provider;
            facts["advised_dtype"] = info.advised_dtype;
            facts["advice"] = info.advice;
            return facts;
          },
          nb::arg("device"));

  nb::class_<PyCancelToken>(module, "CancelToken", "Ends a running request from any thread.",
                            nb::is_weak_referenceable())
      .def("__init__", [](PyCancelToken* self) { new (self) PyCancelToken{make_cancel_token(), {}}; })
      .def(
          "cancel",
          [](const PyCancelToken& self) {
            self.home.require("cancel token");
            loquor_cancel_request(self.handle.get());
          },
          nb::call_guard<nb::gil_scoped_release>());

  nb::class_<PyVoice>(module, "VoiceHandle", "A voice's tensors inside the core.",
                      nb::is_weak_referenceable())
      .def(
          "__init__",
          [](PyVoice* self, const Array<float>& audio_features, const Array<int64_t>& audio_tokens,
             const Array<float>& speaker_embeddings, const Array<float>& speaker_features) {
            new (self)
                PyVoice{make_voice(audio_features, audio_tokens, speaker_embeddings, speaker_features)};
          },
          nb::arg("audio_features"), nb::arg("audio_tokens"), nb::arg("speaker_embeddings"),
          nb::arg("speaker_features"))
      .def("tensors", [](const PyVoice& self) { return voice_tensors(self.handle); });

  nb::class_<Engine>(module, "EngineHandle", "A loaded bundle.", nb::is_weak_referenceable())
      .def(
          "__init__",
          [](Engine* self, const PyRuntime& runtime, const std::string& folder, const Facts& options,
             const std::map<std::string, std::string>& provider_options,
             const std::map<std::string, std::string>& prepared) {
            open_engine(self, runtime.handle, folder, options, provider_options, prepared);
          },
          nb::arg("runtime"), nb::arg("folder"), nb::arg("options"), nb::kw_only(),
          nb::arg("provider_options") = std::map<std::string, std::string>{},
          nb::arg("prepared") = std::map<std::string, std::string>{})
      .def("info", [](const Engine& self) { return to_dict(self.info(), self.graphs()); })
      .def("default_options", [](const Engine& self) { return to_dict(self.default_options()); })
      .def(
          "encode_voice",
          [](const Engine& self, const Array<float>& samples, PyCancelToken* cancel) {
            const float* data = array_data(samples, "samples", 1);
            const auto count = static_cast<size_t>(samples.size());
            return PyVoice{without_gil([&] { return self.encode_voice(data, count, raw(cancel)); })};
          },
          nb::arg("samples"), nb::arg("cancel").none() = nb::none())
      .def(
          "check_voice",
          [](const Engine& self, const PyVoice& voice) { self.check_voice(voice.handle.get()); },
          nb::arg("voice"))
      .def(
          "generate_tokens",
          [](const Engine& self, const Array<int64_t>& input_ids, const PyVoice& voice, const Facts& options,
             PyCancelToken* cancel, std::optional<OnProgress> progress) {
            return generate_tokens(self, input_ids, voice.handle, options, raw(cancel), std::move(progress));
          },
          nb::arg("input_ids"), nb::arg("voice"), nb::arg("options"), nb::arg("cancel").none() = nb::none(),
          nb::arg("progress") = nb::none())
      .def(
          "decode",
          [](const Engine& self, const Array<int64_t>& tokens, const PyVoice& voice, uint64_t seed,
             PyCancelToken* cancel) { return decode(self, tokens, voice.handle, seed, raw(cancel)); },
          nb::arg("speech_tokens"), nb::arg("voice"), nb::arg("seed"), nb::arg("cancel").none() = nb::none())
      .def("memory", [](const Engine& self) { return to_dict(self.memory()); })
      .def("unload_encoder", [](const Engine& self) { without_gil([&] { self.unload_encoder(); }); })
      .def(
          "halt",
          [](const Engine& self) {
            begin_exit();
            self.halt();
          },
          nb::call_guard<nb::gil_scoped_release>(),
          "For the end of the process: ends every request, and no other thread comes back from a call.");
}

}  // namespace loquor::bindings
