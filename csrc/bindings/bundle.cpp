// Bundles and families, as dictionaries.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "bindings/shared.hpp"

namespace loquor::bindings {
namespace {

using Names = std::vector<std::string>;
using NameTuple = nb::typed<nb::tuple, nb::str, nb::ellipsis>;
using Offer = nb::typed<nb::dict, nb::str, NameTuple>;
using ByName = nb::typed<nb::dict, nb::str, nb::str>;
using Files = nb::typed<nb::dict, nb::str, nb::typed<nb::tuple, nb::str, nb::str>>;

// `at` gives one name after the other, then NULL.
template <class At>
NameTuple names(At at) {
  nb::list list;
  for (std::size_t i = 0; const char* const name = at(i); ++i) list.append(name);
  return NameTuple(list);
}

// A text goes to the core up to its first NUL, which would hide the rest.
const char* whole(const std::string& text, const char* what) {
  if (text.find('\0') == std::string::npos) return text.c_str();
  throw StatusError(LOQUOR_ERROR_INVALID_INPUT, std::string(what) + " holds a null character");
}

Listing listing_of(const Names& paths) {
  std::vector<const char*> raw;
  for (const std::string& path : paths) raw.push_back(whole(path, "a path"));
  return made<Listing>(loquor_listing_create, static_cast<const char* const*>(raw.data()), raw.size());
}

Facts to_dict(const loquor_family* family) {
  const auto info = info_of<loquor_family_info>(loquor_family_get_info, family);
  Facts facts;
  facts["name"] = info.name;
  facts["models"] = info.models;
  facts["runnable"] = info.runnable != 0;
  facts["embed_inputs"] = names([&](std::size_t i) { return loquor_family_embed_input(family, i); });
  facts["positions"] = info.positions;
  facts["rows_per_sequence"] = info.rows_per_sequence;
  facts["logits_stages"] = names([&](std::size_t i) { return loquor_family_logits_stage(family, i); });
  facts["dropped_tokens"] = info.dropped_tokens;
  facts["text_profile"] = info.text_profile;
  facts["tags"] = names([&](std::size_t i) { return loquor_family_tag(family, i); });
  return facts;
}

nb::tuple ids(const int64_t* data, std::size_t count) {
  return nb::tuple(nb::cast(std::vector<int64_t>(data, data + count)));
}

Bundle open_bundle(const std::string& folder, const std::string& dtype, const std::string& advised) {
  return made<Bundle>(loquor_bundle_open, whole(folder, "folder"), whole(dtype, "dtype"),
                      whole(advised, "advised"));
}

Files files_of(const Bundle& bundle) {
  Files files;
  for (const loquor_graph_info& graph : graphs(bundle))
    files[graph.name] = nb::make_tuple(graph.file, graph.dtype);
  return files;
}

ByName voices_of(const Bundle& bundle) {
  ByName voices;
  for (std::size_t i = 0; const char* const name = loquor_bundle_voice_name(bundle.get(), i); ++i)
    voices[name] = loquor_bundle_voice_file(bundle.get(), i);
  return voices;
}

Facts read_bundle(const std::string& folder, const std::string& dtype, const std::string& advised) {
  const Bundle bundle = open_bundle(folder, dtype, advised);
  const auto info = info_of<loquor_bundle_info>(loquor_bundle_get_info, bundle.get());
  Facts facts;
  facts["files"] = files_of(bundle);
  facts["family"] = to_dict(loquor_bundle_family(bundle.get()));
  facts["default_voice"] = info.default_voice;
  facts["voices"] = voices_of(bundle);
  facts["text_normalizer"] = info.text_normalizer;
  facts["piece_characters"] = info.piece_characters;
  facts["sample_rate"] = info.sample_rate;
  facts["samples_per_token"] = info.samples_per_token;
  facts["max_positions"] = info.max_positions;
  facts["voice_prefix_positions"] = info.voice_prefix_positions;
  facts["closing_silence_tokens"] = info.closing_silence_tokens;
  facts["text_vocab_size"] = info.text_vocab_size;
  facts["start_token"] = info.start_token;
  facts["stop_token"] = info.stop_token;
  facts["silence_token"] = info.silence_token;
  facts["end_of_text_token"] = info.end_of_text_token;
  facts["prompt_opening"] = ids(info.prompt_opening, info.prompt_opening_count);
  facts["prompt_closing"] = ids(info.prompt_closing, info.prompt_closing_count);
  facts["alignment_heads"] = ids(info.alignment_heads, info.alignment_head_numbers);
  return facts;
}

}  // namespace

void bind_bundle(nb::module_& module) {
  module.def("graph_names", [] { return names(&loquor_graph_name); }, "The four graphs of a bundle.");
  module.def(
      "dtype_names", [] { return names(&loquor_dtype_name); },
      "The published precisions, the one first that \"auto\" prefers.");
  module.def(
      "kv_dtypes",
      [] {
        nb::typed<nb::dict, nb::str, nb::str> types;  // names: numpy itself takes long to import
        loquor_kv_dtype_info info = {};
        info.struct_size = sizeof(info);
        for (std::size_t i = 0; loquor_kv_dtype_get_info(i, &info) == LOQUOR_OK; ++i)
          types[info.name] = tensor_type(info.type).numpy;
        return types;
      },
      "The types that a KV cache may have, by name: numpy's names of them.");
  module.def(
      "parse_dtype",
      [](const std::string& dtype) {
        ByName asked;
        for (std::size_t graph = 0; loquor_graph_name(graph) != nullptr; ++graph) {
          const char* name = nullptr;
          check(loquor_dtype_parse(whole(dtype, "dtype"), graph, &name));
          asked[loquor_graph_name(graph)] = name;
        }
        return asked;
      },
      nb::arg("dtype"), "What a dtype asks of each graph: a precision, or \"auto\".");
  module.def(
      "offered_dtypes",
      [](const Names& paths) {
        const Listing listing = listing_of(paths);
        Offer offer;
        for (std::size_t graph = 0; loquor_graph_name(graph) != nullptr; ++graph) {
          offer[loquor_graph_name(graph)] =
              names([&](std::size_t i) { return loquor_listing_offer(listing.get(), graph, i); });
        }
        return offer;
      },
      nb::arg("paths"), "The precisions of each graph among the paths of a bundle's files.");
  module.def(
      "choose_files",
      [](const Names& paths, const std::string& dtype, const std::string& advised, const std::string& place) {
        const Listing listing = listing_of(paths);
        check(loquor_listing_choose(listing.get(), whole(dtype, "dtype"), whole(advised, "advised"),
                                    whole(place, "place")));
        ByName chosen;
        for (std::size_t graph = 0; loquor_graph_name(graph) != nullptr; ++graph)
          chosen[loquor_graph_name(graph)] = loquor_listing_dtype(listing.get(), graph);
        Names needed;
        for (std::size_t i = 0; i < paths.size(); ++i) {
          if (loquor_listing_needs(listing.get(), i) != 0) needed.push_back(paths[i]);
        }
        return std::make_pair(chosen, needed);
      },
      nb::arg("paths"), nb::arg("dtype"), nb::arg("advised"), nb::arg("place"),
      "The precision for each graph, and the paths that an engine needs in it.");
  module.def(
      "graph_files",
      [](const std::string& folder, const std::string& dtype, const std::string& advised) {
        return files_of(open_bundle(folder, dtype, advised));
      },
      nb::arg("folder"), nb::arg("dtype"), nb::arg("advised") = "",
      "File and published dtype of each graph.");
  module.def("read_bundle", &read_bundle, nb::arg("folder"), nb::arg("dtype") = "auto",
             nb::arg("advised") = "", "Files, family and settings of a bundle's folder.");
  module.def(
      "families",
      [] {
        nb::typed<nb::list, Facts> all;
        for (std::size_t i = 0; const loquor_family* const family = loquor_family_at(i); ++i)
          all.append(to_dict(family));
        return all;
      },
      "What is known of each family of models.");
}

}  // namespace loquor::bindings
