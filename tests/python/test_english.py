"""English text in words: what each written form becomes, and what holds for any text."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from loquor.english import spell, spelled_length
from loquor.text.characters import TAG
from wordtables import table_of

places, tables = table_of("places"), table_of("tables")
alternatives = table_of("rule").alternatives

NUMBERS_FILE = Path(__file__).parents[2] / "training" / "voice" / "sentences" / "numbers.txt"

# The evaluation's sentences, as the voice's training texts would say them.
NUMBER_SENTENCES = """\
The museum was built in eighteen eighty-seven and restored in nineteen ninety-five.
Flight two hundred six leaves from gate fourteen at nine forty-five.
The house at twenty-one Maple street costs three hundred fifty thousand dollars.
Mister Johnson will see you on March third.
About sixty-five percent of the students passed the exam.
Doctor Baker has worked here for twelve years.
The temperature fell to minus five degrees last night.
I paid nineteen dollars and ninety-nine cents for the book and four dollars and fifty cents for the coffee.
The marathon is forty-two kilometers long.
Please call five five five zero one four two before six pee em today.
She finished second in the race, and he came fifth.
There are one thousand two hundred fifty seats in the new theater.
World records are broken every four years or so.
The recipe needs three eggs, two hundred grams of flour, and two spoons of sugar.
Our office is on the eighth floor, room eight hundred twelve.
The war lasted from nineteen fourteen to nineteen eighteen.
The train from Chicago arrives at ten oh five.
Missus Parker bought six chairs for four hundred eighty dollars.
The tower is three hundred twenty-four meters high.
He was born on July twentieth, nineteen sixty-nine.
The speed limit is thirty miles an hour near the school.
Chapter seven begins on page one hundred thirteen.
It weighs two point five kilograms, that is a little more than before.
The population grew from three million to four point two million.
My flight lands at seven thirty on December twenty-fourth.
You have fifteen minutes to answer forty questions.
Professor Martin wrote eleven books and ninety articles.
The answer is three plus four equals seven.
In two thousand eight, the company had seventy-five workers.
Take the number nine bus and get off after sixteen stops.
""".splitlines()


def test_the_sentences_of_the_evaluation() -> None:
    written = NUMBERS_FILE.read_text(encoding="utf-8").splitlines()
    assert len(written) == 30
    assert [spell(sentence).text for sentence in written] == NUMBER_SENTENCES


TABLE = """
numbers
0 | zero
1,250 | one thousand two hundred fifty
1,000,000 | one million
1,000,000,000,000 | one trillion
3.14 | three point one four
-7 | minus seven
a rise of .5 | a rise of point five
agent 007 | agent double oh seven
1234567890123456 | one two three four five six seven eight nine zero one two three four five six
4.2 million | four point two million
1,2,3 | one, two, three

years and dates
in 1905 | in nineteen oh five
in 1900 | in nineteen hundred
in 2000 | in two thousand
in 2008 | in two thousand eight
in 2024 | in twenty twenty-four
the 1990s | the nineteen nineties
the '90s | the nineties
in his 30s | in his thirties
the 1800s | the eighteen hundreds
mid-1980s | mid nineteen eighties
1980s-style | nineteen eighties style
1914-1918 | nineteen fourteen to nineteen eighteen
1914–18 | nineteen fourteen to eighteen
2024-03-05 | March fifth, twenty twenty-four
3/5/2024 | March fifth, twenty twenty-four
25/12/1999 | December twenty-fifth, nineteen ninety-nine
July 20, 1969 | July twentieth, nineteen sixty-nine
march 3rd | march third
you may 5 times | you may five times
March 3-5 | March third to fifth
24 December | the twenty-fourth of December
the 3rd of May | the third of May
Jan. 5th | January fifth
Sept. 2021 | September twenty twenty-one

times
9:45 pm | nine forty-five pee em
9:45pm | nine forty-five pee em
6 p.m. today | six pee em today
at 7am | at seven ay em
10:05 | ten oh five
7:00 | seven
23:59 | twenty-three fifty-nine
18:00 | eighteen hundred
12:30:15 | twelve thirty and fifteen seconds
5 o'clock | five o'clock

money
$19.99 | nineteen dollars and ninety-nine cents
$1 | one dollar
$0.99 | ninety-nine cents
$1.5 million | one point five million dollars
$5M | five million dollars
$120k | one hundred twenty thousand dollars
$5-10 | five to ten dollars
-$5 | minus five dollars
US$20 | twenty dollars
£3.50 | three pounds and fifty pence
£1 | one pound
€20 | twenty euros
20 € | twenty euros
¥500 | five hundred yen
USD 20 | twenty dollars
99¢ | ninety-nine cents
$3.50/hr | three dollars and fifty cents per hour

percent, fractions, ranges, signs
65% | sixty-five percent
10–20% | ten to twenty percent
1/2 | one half
3/4 | three quarters
2 1/3 cups | two and a third cups
3½ | three and a half
½ | one half
7/8 | seven eighths
24/7 | twenty-four seven
10/15 | ten over fifteen
pages 3-5 | pages three to five
a score of 2-1 | a score of two to one
3:1 | three to one
3 + 4 = 7 | three plus four equals seven
7 - 4 = 3 | seven minus four equals three
3 x 5 | three by five
3 × 5 | three times five
10x | ten times
10² | ten squared
2^10 | two to the power of ten
salt & pepper | salt and pepper
he/she | he or she
and/or | and or
#1 | number one
#winning | hashtag winning
~50 | about fifty

measures
-5 °C | minus five degrees Celsius
72°F | seventy-two degrees Fahrenheit
1 °C | one degree Celsius
a 90° turn | a ninety degrees turn
5 km | five kilometers
1 km | one kilometer
a 5-km run | a five kilometer run
5-10 km | five to ten kilometers
30 km/h | thirty kilometers per hour
20 m² | twenty square meters
9.8 m/s² | nine point eight meters per second squared
2.5 kg | two point five kilograms
6'2" tall | six feet two inches tall
100 GB | one hundred gigabytes
3 in 5 people | three in five people

ordinals
1st 2nd 3rd 4th | first second third fourth
the 21st century | the twenty-first century
21st-century art | twenty-first century art
103rd | one hundred third
1,000th | one thousandth

telephone numbers and codes
555 0142 | five five five zero one four two
555-0142 | five five five zero one four two
(555) 123-4567 | five five five, one two three, four five six seven
+1 555 123 4567 | plus one, five five five, one two three, four five six seven
1-800-555-0199 | one, eight zero zero, five five five, zero one nine nine
call 911 | call nine one one
version 2.0.1 | version two point zero point one
v2.3 | version two point three
192.168.0.1 | one hundred ninety-two point one hundred sixty-eight point zero point one
MP3 | em pee three
A380 | ay three eighty
H2O | aitch two oh
COVID-19 | COVID nineteen
F-16 | eff sixteen
5G | five gee
x86 | ex eighty-six

abbreviations
Mr. Hill | Mister Hill
Mr Hill | Mister Hill
Dr. Baker | Doctor Baker
7 Elm St. now | seven Elm street now
St. John St. near the park | Saint John street near the park
12 Oak Dr. | twelve Oak drive.
e.g. this | for example this
that is, i.e. that | that is, that is that
and so on, etc. The end | and so on, et cetera. The end
No. 9 | number nine
I said no. 9 came. | I said no. nine came.
p. 5 | page five
Gen. Lee | General Lee
Apple Inc. is | Apple incorporated is
Martin Jr. | Martin junior.
the cat vs. the dog | the cat versus the dog

capitals
NASA | NASA
UNESCO | UNESCO
the BBC | the bee bee see
FBI | eff bee eye
USB | you ess bee
the CIA's | the see eye ay's
CDs | see dees
U.S. troops | you ess troops
in the U.S. | in the you ess.
AT&T | ay tee and tee
R&D | are and dee
do NOT go | do NOT go
vitamin C | vitamin see
Plan A | Plan A
I am | I am
OK | okay
C++ | see plus plus
C# | see sharp
J. R. R. Tolkien | jay are are Tolkien
World War II | World War two
Louis XIV | Louis the fourteenth
Chapter IV | Chapter four
the BBC, ITV, NASA and UNESCO | the bee bee see, eye tee vee, NASA and UNESCO
HELLO THERE, THE CAT IS HERE! | hello there, the cat is here!

addresses
john.smith99@mail.org | john dot smith ninety-nine at mail dot org
https://www.example.com/a-b?x=1 | example dot com slash ay dash bee question mark ex equals one
Go to example.org. | Go to example dot org.

report.pdf, 5 MB | report dot pee dee eff, five megabytes

one thing after another
3pm-5pm | three pee em to five pee em
on 12/25 we | on December twenty-fifth we
2h 5m 30s | two hours five minutes thirty seconds
the B-52s | the bee fifty-twos
221B Baker St., London | two twenty-one bee Baker street, London
Apt. 4B | apartment four bee
Elizabeth II's reign | Elizabeth the second's reign
at 98.6°F (37 °C) | at ninety-eight point six degrees Fahrenheit, thirty-seven degrees Celsius
THE GPU, THE CAT AND THE TREE ACTS STRANGE | the gee pee you, the cat and the tree acts strange

punctuation, tags and other scripts
“Well…” she said — no. | Well, she said, no.
(He left.) She stayed. | He left. She stayed.
it’s | it's
Well, [laugh] 5 [clear throat]. | Well, [laugh] five [clear throat].
St. [sigh] George | street [sigh] George
[1] | one
word(s) | words
naïve café, Łódź, Straße | naive cafe, Lodz, Strasse
１２３ | one hundred twenty-three
٣ | three
Ⅷ | eight
"""
CASES = [line.split(" | ") for line in TABLE.splitlines() if " | " in line]


@pytest.mark.parametrize(("written", "spoken"), CASES, ids=[written for written, _ in CASES])
def test_each_written_form(written: str, spoken: str) -> None:
    assert spell(written).text == spoken


def test_what_has_no_sound_is_named_once_each() -> None:
    spelled = spell("да, yes 是 🙂🙂 да ♫")
    assert spelled.text == "yes"
    assert spelled.left_out == ("д", "а", "是", "🙂", "♫")
    assert spell("Привет").text == ""
    assert spell("quote “this” • café").left_out == ()


# --- What holds for any text ---

FRAGMENTS = st.sampled_from(
    """0 1 7 12 19 31 100 1905 2000 1,250 .5 3.14 : / - – — ' " . , ; ! ? ( ) [ ] $ £ € % & + = @ # ° ² ½
    C F a b A B St. Dr. Mr no. No. e.g. i.e. etc. p.m. am PM BBC NASA May march Jan. 3rd 90s km kg /h m s
    's http:// www. x.com a@b.co é 你 🙂 … ~ ^ * x < > US U.S. Q. the and v2 II XIV MP3 of [laugh]
    [clear_throat] [_laugh_] [foo] _ \ue000 ¶ ¶ . . &amp; &lt; <b> </b> <3 :) ... -- <= >5 he/she b/c I IV
    X. A. THE NOOO Mo., Mon. 'd $1-a -x --help /etc/x.conf a.b.c 0x1F [1] [d] [sic] {#a} (s) 5:30 1/2 ¹ ⁻
    × − N.Y. Dr Sr. in. sq. ft. c. d. W-w 2d #1 | * ** ` ]( )[ {""".split()
).map(lambda fragment: fragment.replace("_", " ").replace("¶", "\n"))
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(FRAGMENTS, max_size=14).map("".join),
    st.lists(FRAGMENTS, max_size=14).map(" ".join),
)


@settings(deadline=None, max_examples=400)
@given(TEXTS)
@example("www.[laugh]")
@example("\ue000[laugh]\ue000")
@example("9" * 5000)
def test_only_english_letters_punctuation_and_the_same_tags_come_out(text: str) -> None:
    spelled = spell(text).text
    if re.fullmatch(r"[\w\s.,;:!?/'-]*(?:\[(?:laugh|clear throat)\][\w\s.,;:!?/'-]*)*", text):  # no markup
        assert TAG.findall(spelled) == TAG.findall(text)
    assert re.fullmatch(r"[A-Za-z ',.?!;:-]*", TAG.sub("", spelled))
    assert not any(character.isnumeric() for character in spelled)
    assert spelled == spelled.strip() and "  " not in TAG.sub("[a]", spelled)


@settings(deadline=None, max_examples=400)
@given(TEXTS)
def test_what_is_spelled_stays(text: str) -> None:
    once = spell(text)
    assert spell(once.text) == type(once)(once.text)


@settings(deadline=None)
@given(st.from_regex(r"([a-z]{2,9}[,;]? ){0,8}[a-z]{2,9}[.?!]", fullmatch=True))
def test_plain_words_are_not_touched(text: str) -> None:
    assume(
        not set(re.findall("[a-z]+", text))
        & {*tables.TITLES, *tables.ABBREVIATIONS, *places.MONTH_ABBREVIATIONS}
    )
    assert spell(text).text == text


@pytest.mark.parametrize(
    "unit",
    [
        "9",
        "1,",
        "a.",
        "A ",
        "-1",
        "1/",
        "a-",
        "$",
        "St. ",
        "1:",
        "(",
        "[a",
        "w.w",
        "5 to ",
        f"S{'Y' * 99}HHHH ",
    ],
)
def test_no_text_takes_long(unit: str) -> None:
    began = time.process_time()
    spell((unit * 5000)[:5000])
    assert time.process_time() - began < 5  # it is some hundredths of a second; quadratic rules take minutes


def test_the_length_is_known_without_the_text() -> None:
    for text in ("There are 1,234 of them here.", "There are 1,235 of them. " * 40, "[laugh] 5 km é"):
        assert spelled_length(text) == len(spell(text).text)


@given(st.lists(st.text("ab.", min_size=1, max_size=5), min_size=1), st.text("ab.", max_size=8))
def test_of_some_words_the_longest_is_found(words: list[str], text: str) -> None:
    found = re.match(alternatives(words), text)
    longest = max((word for word in words if text.startswith(word)), key=len, default=None)
    assert (found and found[0]) == longest


# --- Numbers against an independent implementation ---

SOME = [
    *range(2200),
    *(10**k + d for k in range(3, 15) for d in (-1, 0, 1, 7, 10**3, 12_345)),
    999_999_999_999_999,
]


def test_cardinals_and_ordinals_are_those_of_inflect() -> None:
    inflect = pytest.importorskip("inflect", reason="no second implementation: see scripts/setup --test")
    other = inflect.engine()
    for value in SOME:
        words = other.number_to_words(value, andword="", comma="")
        assert spell(f"{value:,}").text == words
        assert spell(f"{value:,}th").text == other.ordinal(words)


def test_numbers_that_are_too_long_are_read_digit_by_digit() -> None:
    assert spell(f"{10**15:,}").text == " ".join(["one", *["zero"] * 15])
    assert spell("1" * 5000).text.count("one") == 5000


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        (1066, "ten sixty-six"), (1100, "eleven hundred"), (1905, "nineteen oh five"),
        (2000, "two thousand"),
        (2009, "two thousand nine"), (2010, "twenty ten"), (2100, "two thousand one hundred"),
    ],
)  # fmt: skip
def test_years(value: int, spoken: str) -> None:
    assert spell(f"in {value}").text == f"in {spoken}"


def test_letters_have_names() -> None:
    assert spell("Q.E.D. XYZ WWF").text.split() == [
        *("cue", "ee", "dee", "ex", "why", "zee"),
        *("double", "you", "double", "you", "eff"),
    ]
