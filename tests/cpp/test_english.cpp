// English in words: the matcher against Python's re, and readings. That the tests' lines are read as Python's
// rules read them is kept in tests/python/test_english*.py.
#include <doctest/doctest.h>
#include <pthread.h>

#include <string>
#include <vector>

#include "english/english.hpp"
#include "english/programs.hpp"

using namespace loquor::english;

namespace {

struct Row {
  const Pattern* pattern;
  std::string_view text;
  std::vector<int>
      spans;  // of the match and its groups, as Python's re finds them: -1 where one took no part
};

// Samples of the patterns that functions use.
const Row kRows[] = {
    {&kAfterDots, "a ])(.", {0, 1}},
    {&kAlias, "a <sub alias='+jZx(k'></sub> The", {2, 28, 14, 20}},
    {&kAngled, "3<http://;>x", {1, 11, 2, 10}},
    {&kArticle, "An  The", {}},
    {&kArticle, "the A ", {4, 6}},
    {&kAsksForDate, "3sun s", {}},
    {&kAsksForDate, "ending ", {0, 7, 0, 6}},
    {&kBeforeAddress, "the s", {0, 0}},
    {&kBeforeSenior, "3v ", {1, 3}},
    {&kBeforeSenior, "h, .", {}},
    {&kBeforeSquare, "3per ", {0, 5}},
    {&kBeforeSquare, "a 2vlenlj  a", {}},
    {&kBeforeTitle, "the !", {4, 5}},
    {&kBeforeTitle, "the !  The", {}},
    {&kBeforeUnit, "0/ s", {}},
    {&kBeforeUnit, "the 1-", {4, 6, 4, 5, 5, 6}},
    {&kBehindName, "6  The", {}},
    {&kBehindName, "a u ", {2, 4}},
    {&kBehindNumber, "33  The", {}},
    {&kBehindNumber, "X. 8 ", {3, 5}},
    {&kBehindOrdinal, "38th ", {1, 5}},
    {&kBehindOrdinal, "X. third  a", {}},
    {&kBehindParty, "Republican, ", {0, 12}},
    {&kBehindParty, "X. Independent,  The", {}},
    {&kBehindTown, "X. KL, .", {}},
    {&kBehindTown, "the R., ", {4, 8}},
    {&kBracket, "3(", {}},
    {&kBracket, "the ( The", {3, 5}},
    {&kBracketBeforeMark, "a ), The", {2, 3}},
    {&kBracketBeforeMark, "the )s", {}},
    {&kBracketedNumber, " 3 a", {0, 2}},
    {&kCapitalAhead, "X.  I The", {3, 5}},
    {&kCapitalBefore, "X. O  The", {}},
    {&kCapitalBefore, "the M ", {4, 6}},
    {&kDashBeforeCounted, "3 children", {1, 10}},
    {&kDashBeforeCounted, "the  morex", {}},
    {&kDashInRemark, "a  - e a", {2, 8}},
    {&kDashInRemark, "a  -- .", {}},
    {&kDashOfEquation, "a .6.451=.", {2, 9}},
    {&kDashOfRemark, "3aKf - .", {0, 7}},
    {&kDayAhead, "3 /.", {1, 3}},
    {&kDayBefore, "X. Sat -", {3, 8}},
    {&kDayBefore, "the Saturday & s", {}},
    {&kDeclaration, "<!n> a", {0, 4}},
    {&kDeterminer, "3a  a", {}},
    {&kDeterminer, "a a ", {2, 4}},
    {&kDoes, " finally vi.", {0, 11}},
    {&kDoes, "3 hyedx", {}},
    {&kDoing, "X.  ams", {}},
    {&kDoing, "a  want The", {2, 7}},
    {&kEnds, "x", {1, 1}},
    {&kEndsName, "3's", {1, 3}},
    {&kEndsText, "a  The", {6, 6}},
    {&kEntity, "the &#X341; a", {4, 11}},
    {&kExtent, " high a", {0, 5}},
    {&kExtent, "the  iss", {}},
    {&kFamily, "the  playeds", {12, 12}},
    {&kHeading, "X. # s", {3, 5}},
    {&kHouse, "Hqu ", {0, 4}},
    {&kHouse, "Vx  The", {}},
    {&kHouseNumber, "0 0  The", {}},
    {&kHouseNumber, "X. 0 6 ", {3, 7}},
    {&kInBrackets, ";  a", {}},
    {&kInBrackets, "the c. ", {4, 7}},
    {&kInYear, "a from ", {2, 7}},
    {&kInYear, "the before  a", {}},
    {&kInitial, "the .R.s", {4, 7}},
    {&kInitialAhead, "3. Bs", {1, 4}},
    {&kInitialAhead, "a .As", {}},
    {&kInitialBefore, "3s", {}},
    {&kInitialBefore, "a Ipa. ", {2, 7}},
    {&kItWork, "the  securityx", {4, 13}},
    {&kLabel, "3hall s", {}},
    {&kLabel, "the no. ", {4, 8}},
    {&kLineMargin, ".", {0, 0}},
    {&kListItem, "X.  + s", {2, 6}},
    {&kLongNumber, "3965142957757859589450233x", {0, 25}},
    {&kLongSuffix, "X. pnsions.", {}},
    {&kLongSuffix, "gness", {0, 5}},
    {&kLooseApostrophe, "'", {0, 1}},
    {&kLooseHyphen, "X. ------x", {3, 9}},
    {&kManyAhead, "75 u teeth", {0, 10}},
    {&kManyAhead, "8 eeb micex", {}},
    {&kMarkBeforeLetter, ":V The", {0, 1, 0, 1}},
    {&kMarksBehindPause, "3:,,x", {1, 4, 1, 2}},
    {&kMarksBehindStop, "the !!,:s", {4, 8, 4, 5}},
    {&kMarkupTag, "<S> a", {0, 3, 1, 1, 1, 2, 2, 2}},
    {&kNameGoesOn, "the 3s The", {4, 6}},
    {&kNameOfFile, "the T.Rx", {4, 7}},
    {&kNamedByNumber, "3ticket .", {}},
    {&kNamedByNumber, "X. policy code ", {3, 15}},
    {&kNoInches, "a  mys", {}},
    {&kNoInches, "the  the", {4, 8}},
    {&kNounAhead, "3 a The", {}},
    {&kNounAhead, "a -p", {2, 4}},
    {&kNounOfMoney, "3 deal a", {1, 6}},
    {&kNounOfMoney, "the  fines", {}},
    {&kNumberOfBook, "X. III ", {2, 7}},
    {&kNumberOfBook, "the II x", {}},
    {&kNumberedBefore, "X. rambos", {}},
    {&kNumberedBefore, "the fantasy", {4, 11}},
    {&kNumberedWork, "3chaptersx", {}},
    {&kNumberedWork, "the games", {4, 9}},
    {&kOfALaw, "a  9 of the", {2, 11}},
    {&kOfALaw, "a 2 of thex", {}},
    {&kOfBoth, " actx", {}},
    {&kOfBoth, "X.  couple", {3, 10}},
    {&kOfMany, "the mid- ", {4, 9}},
    {&kOneBefore, "the W1 ", {4, 7}},
    {&kOrderedByRoman, "3 olympis", {1, 8}},
    {&kOrderedThing, " place a", {0, 6}},
    {&kOrderedThing, "X.  Divisionx", {}},
    {&kPluralInBrackets, "X. i(s)", {4, 7, 5, 6}},
    {&kQuotesAtEnd, "3x", {2, 2}},
    {&kRatedAhead, "the times The", {3, 9}},
    {&kRatedBefore, "an x", {}},
    {&kRatedBefore, "scored ", {0, 7}},
    {&kReigns, "Emperor Hso0 ", {0, 13}},
    {&kReigns, "a Empress t x", {}},
    {&kRomanShape, "a MMMDCXCIX.", {0, 0}},
    {&kRunsAndSigns, "3kzxlx.", {0, 1}},
    {&kRunsOfCode, "a ms", {0, 1}},
    {&kSpacedCapital, "a  J The", {2, 4, 3, 4}},
    {&kSpacedGenitive, "3f 's.", {2, 5}},
    {&kSpacedGenitive, "X. T      'ss", {}},
    {&kSquareOfUnit, "the mi", {3, 6}},
    {&kSquareOfUnit, "the yds", {}},
    {&kStopBeforeName, "the Mx", {3, 5}},
    {&kStopBeforeNumber, "38s", {0, 1}},
    {&kStreetAhead, "a  c9mO Rdx", {}},
    {&kStreetAhead, "a  gl St.", {2, 8}},
    {&kSuffix, "the btion.", {4, 9}},
    {&kSuspended, "X. to.", {}},
    {&kSuspended, "a and The", {2, 5}},
    {&kTitleBefore, "3? Ld ", {1, 6}},
    {&kTitleBefore, "3SultanOG7 .", {}},
    {&kTwoBefore, "the AOUdcJx Go ", {4, 15, 4, 11, 12, 14}},
    {&kUntidy, "X. [x", {1, 2}},
    {&kVerb, " became a", {0, 7}},
    {&kVerb, "a  isx", {}},
    {&kVerseAhead, "3 91:6 a", {1, 6}},
    {&kVoiceTag, "[ D].", {0, 4}},
    {&kWordAfter, "the  Sj a", {4, 7, 5, 7}},
    {&kWordBefore, "3lg  a", {}},
    {&kWordBefore, "a no., ", {2, 7, 2, 6}},
    {&kWordLetters, "a u.", {0, 1}},
    {&kWordWithEnding, "a xp", {0, 1, 0, 1, 1, 1}},
    {&kYearAhead, "the 5016x", {}},
    {&kYearAhead, "the c959 a", {3, 8}},
};

std::string words_of_text(std::string_view text) { return spell(text).text; }

std::string repeated(std::string_view unit, std::size_t size) {
  std::string text;
  while (text.size() < size) text += unit;
  return text;
}

void* spell_all(void* texts) {
  for (std::string& text : *static_cast<std::vector<std::string>*>(texts)) text = words_of_text(text);
  return nullptr;
}

}  // namespace

TEST_CASE("patterns find what Python's re finds") {
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    Match found;
    REQUIRE(row.pattern->search(row.text, found) == !row.spans.empty());
    for (std::size_t group = 0; group < row.spans.size() / 2; ++group) {
      CAPTURE(group);
      REQUIRE(found.has(group) == (row.spans[2 * group] >= 0));
      if (!found.has(group)) continue;
      CHECK(found.start(group) == static_cast<std::size_t>(row.spans[2 * group]));
      CHECK(found.end(group) == static_cast<std::size_t>(row.spans[2 * group + 1]));
    }
  }
}

TEST_CASE("a pattern sees what stands before the place it begins at") {
  Match found;
  CHECK(kWordBefore.matches_at("He ", found, 1));
  CHECK_FALSE(kRomanShape.matches_all("XIIII", found));
  CHECK(kRomanShape.matches_all("XIV", found));
  CHECK_FALSE(kRomanShape.search("XIV", found, 4));
}

TEST_CASE("English is read in words") {
  CHECK(words_of_text("In 1999, NASA paid $3.50.") ==
        "In nineteen ninety-nine, NASA paid three dollars and fifty cents.");
  CHECK(words_of_text("Dr. Smith, e.g. on 5/6/2019 at 7:30 p.m. [laugh]") ==
        "Doctor Smith, for example on May sixth, twenty nineteen at seven thirty pee em [laugh]");
  CHECK(words_of_text("Henry VIII ran 5 km/h; \xC2\xBD of it at 3\xC2\xB0"
                      "C") ==
        "Henry the eighth ran five kilometers per hour; one half of it at three degrees Celsius");
  const Spelled spelled = spell("<b>yes</b> \xD0\xB4\xD0\xB0");
  CHECK(spelled.text == "yes");
  CHECK(spelled.left_out == std::vector<std::string>{"\xD0\xB4", "\xD0\xB0"});
  CHECK(spelled.markup == std::vector<std::string>{"b"});
}

TEST_CASE("no text takes more than a small stack") {
  std::vector<std::string> texts;
  for (const char* unit :
       {"9", "1,", "a.", "A ", "-1", "1/", "a-", "$", "St. ", "1:", "(", "[a", "w.w", "5 to "}) {
    texts.push_back(repeated(unit, 5000));
  }
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, 256 * 1024) == 0);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, &attributes, &spell_all, &texts) == 0);
  CHECK(pthread_join(thread, nullptr) == 0);
  CHECK(pthread_attr_destroy(&attributes) == 0);
  for (const std::string& text : texts) CHECK(text.find('9') == std::string::npos);
}
