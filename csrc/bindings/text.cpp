// The core's own reading of text, which tests compare with Python's.
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bindings/shared.hpp"

namespace loquor::bindings {
namespace {

struct PyTokenizer {
  Tokenizer handle;
};
struct PyTextReader {
  Bundle handle;
};

std::vector<int64_t> ids_of(const Text& text) {
  const auto info = info_of<loquor_text_info>(loquor_text_get_info, text.get());
  return {info.ids, info.ids + info.id_count};
}

using Prepared = nb::typed<nb::tuple, std::vector<int64_t>, nb::str, nb::typed<nb::list, nb::str>>;

Prepared prepare(const PyTextReader& reader, const std::string& text,
                 const std::optional<std::string>& language, const std::optional<std::string>& normalizer) {
  loquor_text_options options;
  loquor_text_options_init(&options);
  if (language) options.language = language->c_str();
  if (normalizer) options.normalizer = normalizer->c_str();
  const Text made_of = made<Text>(loquor_bundle_prepare_text, reader.handle.get(), text.c_str(),
                                  static_cast<const loquor_text_options*>(&options));
  nb::list warnings;
  for (std::size_t i = 0; const char* const warning = loquor_text_warning(made_of.get(), i); ++i)
    warnings.append(warning);
  const auto info = info_of<loquor_text_info>(loquor_text_get_info, made_of.get());
  return Prepared(nb::make_tuple(ids_of(made_of), info.text, warnings));
}

using Spelled = nb::typed<nb::tuple, nb::str, nb::typed<nb::tuple, nb::str, nb::ellipsis>,
                          nb::typed<nb::tuple, nb::str, nb::ellipsis>>;

// A lone surrogate is no UTF-8: it becomes a character that is none either.
std::string utf8_of(const nb::str& text) {
  const nb::bytes encoded(text.attr("encode")("utf-8", "surrogatepass"));
  std::string utf8(encoded.c_str(), encoded.size());
  for (std::size_t at = 0; (at = utf8.find('\xED', at)) != std::string::npos; at += 3) {
    if (static_cast<unsigned char>(utf8[at + 1]) >= 0xA0) utf8.replace(at, 3, "\xEF\xBF\xBF");
  }
  return utf8;
}

nb::tuple all_of(const char* (*get)(const loquor_text*, size_t), const Text& text) {
  nb::list each;
  for (std::size_t i = 0; const char* const one = get(text.get(), i); ++i) each.append(one);
  return nb::tuple(each);
}

Spelled spell_english(const nb::str& text) {
  const std::string utf8 = utf8_of(text);
  const Text made_of = made<Text>(loquor_spell_english, utf8.c_str(), utf8.size());
  const auto info = info_of<loquor_text_info>(loquor_text_get_info, made_of.get());
  return Spelled(
      nb::make_tuple(info.text, all_of(loquor_text_left_out, made_of), all_of(loquor_text_markup, made_of)));
}

}  // namespace

void bind_text(nb::module_& module) {
  module.def("spell_english", &spell_english, nb::arg("text"),
             "English in words; the characters without a sound, and the names of markup, that went.");
  nb::class_<PyTokenizer>(module, "TokenizerFile", "A tokenizer.json as the core runs it.")
      .def(
          "__init__",
          [](PyTokenizer* self, const std::string& file) {
            new (self) PyTokenizer{made<Tokenizer>(loquor_tokenizer_open, file.c_str())};
          },
          nb::arg("file"))
      .def(
          "encode",
          [](const PyTokenizer& self, const std::string& text, bool closed) {
            return ids_of(made<Text>(loquor_tokenizer_encode, self.handle.get(), text.c_str(),
                                     static_cast<int32_t>(closed)));
          },
          nb::arg("text"), nb::arg("closed") = false, "The ids of a text without null characters.");
  nb::class_<PyTextReader>(module, "TextReader", "A bundle's text as the core reads it.")
      .def(
          "__init__",
          [](PyTextReader* self, const std::string& folder) {
            new (self) PyTextReader{made<Bundle>(loquor_bundle_open, folder.c_str(), "auto", "")};
          },
          nb::arg("folder"))
      .def("prepare", &prepare, nb::arg("text"), nb::arg("language") = nb::none(),
           nb::arg("normalizer") = nb::none(), "Ids, the text as the tokenizer gets it, and warnings.");
}

}  // namespace loquor::bindings
