#include "text/languages.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "base/unicode.hpp"
#include "base/utf8.hpp"
#include "text/punctuation.hpp"

namespace loquor {
namespace {

struct Language {
  std::string_view code;
  std::string_view name;
};

constexpr std::array<Language, 23> kLanguages = {{
    {"ar", "Arabic"},    {"da", "Danish"},   {"de", "German"},     {"el", "Greek"},   {"en", "English"},
    {"es", "Spanish"},   {"fi", "Finnish"},  {"fr", "French"},     {"he", "Hebrew"},  {"hi", "Hindi"},
    {"it", "Italian"},   {"ja", "Japanese"}, {"ko", "Korean"},     {"ms", "Malay"},   {"nl", "Dutch"},
    {"no", "Norwegian"}, {"pl", "Polish"},   {"pt", "Portuguese"}, {"ru", "Russian"}, {"sv", "Swedish"},
    {"sw", "Swahili"},   {"tr", "Turkish"},  {"zh", "Chinese"},
}};

constexpr std::u32string_view kEnders = U".!?-,\u3001\uFF0C\u3002\uFF1F\uFF01\u061F\u06D4\u0964\u2026";
constexpr std::string_view kHebrewUnmarked =
    "Hebrew is read without vowel points, as the model's publishers do in effect: write them to be sure";

bool is_kanji(char32_t each) {
  return (each >= 0x3005 && each <= 0x3007) || (each >= 0x3400 && each <= 0x4DBF) ||
         (each >= 0x4E00 && each <= 0x9FFF) || (each >= 0xF900 && each <= 0xFAFF);
}

[[noreturn]] void needs_library(const char* language, const char* what, const char* library) {
  throw Error(ErrorKind::kInvalidInput, std::string(language) + " is written for the model by " + library +
                                            ", a library of Python: " + what +
                                            ", or prepare the text with Loquor for Python");
}

// The code in front of a script or a region, as in "pt-BR", in small letters; "" where it is no such tag.
std::string code_of(std::string_view tag) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (tag.size() < 2 || !is_letter(tag[0]) || !is_letter(tag[1])) return "";
  std::size_t part = 0;  // characters since the last hyphen; 0 behind one
  for (std::size_t at = 2; at < tag.size(); ++at) {
    const char each = tag[at];
    const bool parts = each == '-' || each == '_';
    if (at == 2 ? !parts : parts ? part == 0 : !is_letter(each) && !(each >= '0' && each <= '9')) return "";
    part = parts ? 0 : part + 1;
    if (part > 8) return "";
  }
  if (tag.size() > 2 && part == 0) return "";
  std::string code(tag.substr(0, 2));
  std::transform(code.begin(), code.end(), code.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (code == "nb" || code == "nn") return "no";
  return code == "iw" ? "he" : code;
}

// What some languages have otherwise before all share the rest.
char32_t in_place_of(char32_t character, std::string_view code) {
  if (code == "el" && (character == ';' || character == 0x37E)) return '?';  // Greek's question mark
  if (code == "tr" && character == 'I') return 0x131;
  if (code == "tr" && character == 0x130) return 'i';
  return character;
}

bool lacks_niqqud(std::u32string_view text) {
  const auto any = [text](char32_t first, char32_t last) {
    return std::any_of(text.begin(), text.end(),
                       [=](char32_t each) { return each >= first && each <= last; });
  };
  return any(0x5D0, 0x5EA) && !any(0x5B0, 0x5C7);
}

}  // namespace

std::string checked_language(std::string_view language) {
  std::string known;
  const std::string code = code_of(language);
  for (const Language& each : kLanguages) {
    if (each.code == code) return code;
    known.append(known.empty() ? "" : ", ").append(each.code).append(" (").append(each.name).append(")");
  }
  throw Error(ErrorKind::kInvalidInput, language.empty()
                                            ? "this model speaks many languages: say which, one of " + known
                                            : "language must be one of " + known + ", not '" +
                                                  std::string(language.substr(0, 40)) + "'");
}

std::string_view language_name(std::string_view code) {
  const auto found = std::find_if(kLanguages.begin(), kLanguages.end(),
                                  [code](const Language& each) { return each.code == code; });
  return found == kLanguages.end() ? std::string_view() : found->name;
}

InLanguage in_language(std::string_view text, std::string_view code) {
  std::u32string characters = characters_of(text);
  if (code == "ja" && std::any_of(characters.begin(), characters.end(), is_kanji))
    needs_library("Japanese", "write it in kana", "fugashi");
  for (char32_t& character : characters) character = in_place_of(character, code);
  std::string marked = with_llama_marks(utf8_of(characters));
  characters = characters_of(marked);
  if (characters.empty() || kEnders.find(characters.back()) == kEnders.npos) characters.push_back('.');
  characters = decomposed(lowered(characters));
  if (code == "zh" &&
      std::any_of(characters.begin(), characters.end(), [](char32_t each) { return is(each, kOtherLetter); }))
    needs_library("Chinese", "write it without Chinese characters", "jieba");
  return {utf8_of(characters),
          std::string(code == "he" && lacks_niqqud(characters) ? kHebrewUnmarked : std::string_view())};
}

}  // namespace loquor
