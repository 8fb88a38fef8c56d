"""Sentence patterns of our own, filled from the lexicon, from numbers in words and from each other."""

from __future__ import annotations

import random
import re

from .lexicon import LEXICON
from .number_words import MONTHS, cardinal, clock, digits, money, ordinal, year

EVERYDAY = """
the {adjective} {person} {transitive} the {thing}.
the {person} {intransitive} {adverb}.
{np} {transitive} {np} {preposition} the {place}.
my {person} {transitive} a {adjective} {thing} for the {person}.
there was a {adjective} {animal} {preposition} the {place}.
i {transitive} the {thing} that the {person} {transitive}.
we went to the {place} to {infinitive} {np}.
{subject} {transitive} {np}, but {subject} {intransitive}.
when {np} {intransitive}, the {person} {transitive} the {thing}.
please {infinitive} the {thing} before you {infinitive} the {thing}.
don't {infinitive} the {thing}, it's too {adjective}!
it was a {adjective} and {adjective} day in {month}.
the {thing} was {adjective}, {adjective}, and very {adjective}.
you should never {infinitive} a {adjective} {animal}.
the {animal} and the {animal} {intransitive} {adverb} {preposition} the {place}.
{name} and {name} {intransitive} {preposition} the {place}.
{name} likes {food} with {food}, and {name} likes {food}.
i would like some {food} and a little {food}, please.
the {food} on the {thing} is still {adjective}.
she put the {thing} in the {thing} and {intransitive}.
he's {feeling} because the {person} {intransitive}.
i'm {feeling}, and i don't want to {infinitive} anything.
they've {transitive} every {thing} in the {place}.
{abstract} is more important than {abstract}.
without {abstract}, there is no {abstract}.
after a while the {person} {transitive} the {adjective} {thing} {adverb}.
if it rains on {day}, we will stay in the {place}.
every {season}, the {person} {intransitive} {preposition} the {adjective} {place}.
it takes {number} {unit} to walk from the {place} to the {place}.
this {thing} belongs to my {person}, who lives in {town}.
i think that {np} is {adverb} {adjective}.
the {place} is {adjective} in {season} and {adjective} in {season}.
"""
NEWS = """
the {group} {said} on {day} that the {event} will begin in {month}.
{group_np} {said} that {number} people were hurt in the {event}.
the {event} in {country} has cost {number} million dollars, the {group} {said}.
{name} {surname}, who leads the {group}, {said} that {abstract} was the real problem.
after the {event}, the {group} of {country} closed the border with {country}.
prices rose by {small} percent in {month}, according to the {group}.
a spokesman for the {group} {said} there was no evidence of {abstract}.
the {group} will {infinitive} the {event} again next {season}.
{number} workers in {town} joined the {event} on {day}.
the president of {country} met the {person} in {town} to discuss {abstract} and {abstract}.
scientists from {country} {said} that the {event} could {infinitive} the {adjective} {place}.
police in {town} are looking for a {adjective} {person} after the {event}.
the {adjective} {place} in {town} was {adjective} for {number} days after the {event}.
shares of the {group} fell {small} percent to {number} dollars.
experts {said} the {group} had to {infinitive} its {abstract} before the {event}.
in {town}, the {event} drew more than {number} people, officials {said}.
"""
QUESTIONS = """
have you seen my {thing}?
where did the {person} {infinitive} the {thing}?
why is the {animal} so {adjective}?
do you want {food} or {food}?
who {transitive} the {adjective} {thing}?
what time does the {place} open on {day}?
how many {unit} is it to {town}?
can you {infinitive} the {thing} for me, {name}?
is it {adjective}, or is it {adjective}?
would you like to {infinitive} the {thing} with {name}?
did {np} really {infinitive} {np}?
when will the {person} {infinitive} the {place}?
are you {feeling}?
isn't it {adjective} {adverb}?
which {thing} do you like best: the {adjective} one, or the {adjective} one?
how {adjective} is the {place} in {month}?
what did {name} {surname} say about {abstract}?
"""
LISTS = """
you need {food}, {food}, {food}, and {food}.
there were {number} {person}s, {number} {animal}s, and one {adjective} {thing}.
{name}, {name}, {name} and {name} {intransitive}.
we visited {town}, {town}, {town}, and finally {town}.
bring the following: a {thing}, a {thing}, and a {thing}.
the colors are red, {adjective}, {adjective}, and white.
first, {infinitive} the {thing}; then {infinitive} the {thing}; finally, {infinitive} the {thing}.
{day}, {day}, or {day}: which day is best?
he {transitive} it, {transitive} it, and {transitive} it.
"well," {said} {name}, "the {thing} is {adjective}."
yes, {name}, of course; it's {adjective}, isn't it?
no! {infinitive} the {thing}, quickly!
oh, what a {adjective} {thing}!
"""
NUMBERS = """
the year was {year}.
it costs {money}.
there were {number} people in the {place}.
call me at {phone}, please.
on page {number}, the {person} {transitive} a {thing}.
{small} percent of them {intransitive}.
she was born on {date}, {year}.
the train leaves at {clock}.
the meeting is on {day}, {date}, at {clock}.
it was {small} degrees {preposition} the {place}.
chapter {small}.
number {number}.
{number}.
{ordinal}, {ordinal}, and {ordinal}.
{small} plus {small} equals {small}.
the {ordinal} {thing} costs {money}.
doctor {surname} lives at {number} {surname} street.
mister {surname} and missus {surname} paid {money}.
in {year}, about {number} {unit} of {food} were sold.
the code is {phone}.
it weighs {small} point {digit} pounds.
"""
TALK = """
hello, {name}.
hello, {name}, how are you today?
good morning, {name}.
good evening, mister {surname}, and welcome to {town}.
good night.
thank you very much, {name}.
hello, my name is {name} {surname}, and i come from {country}.
this is a test of the speech system.
welcome to {town}.
yes.
no, thank you.
i don't know.
of course!
excuse me, is this the way to the {place}?
see you {adverb}.
goodbye, {name}.
what?
well, i never!
please wait.
let me think about it.
"""
PATTERNS = {
    kind: tuple(block.strip().splitlines())
    for kind, block in {
        "everyday": EVERYDAY, "news": NEWS, "questions": QUESTIONS, "lists": LISTS, "numbers": NUMBERS,
        "talk": TALK,
    }.items()
}  # fmt: skip

_PHRASES = {
    "np": ("the {person}", "a {adjective} {person}", "the {adjective} {animal}", "the {thing}", "{name}",
           "her {person}", "his {thing}", "the {person} from {town}", "our {adjective} {thing}"),
    "group_np": ("the {group}", "the {adjective} {group}", "the {group} of {country}", "a {group} in {town}"),
    "subject": ("i", "you", "he", "she", "we", "they", "everybody", "nobody", "{name}"),
}  # fmt: skip


def _integer(rng: random.Random) -> int:
    return rng.choice(
        (rng.randint(2, 20), rng.randint(20, 99), rng.randint(100, 999), rng.randint(1000, 99_999),
         rng.randint(2, 999) * 1000, rng.randint(100_000, 5_000_000))
    )  # fmt: skip


def _number_slot(slot: str, rng: random.Random) -> str | None:
    makers = {
        "number": lambda: cardinal(_integer(rng)),
        "small": lambda: cardinal(rng.randint(0, 99)),
        "digit": lambda: digits(str(rng.randint(0, 9))),
        "ordinal": lambda: ordinal(rng.randint(1, 40)),
        "year": lambda: year(rng.randint(1500, 2080)),
        "clock": lambda: clock(rng.randint(1, 12), rng.choice((0, 5, 10, 15, 20, 30, 45, 50, 12, 37))),
        "money": lambda: money(rng.randint(1, 3000), rng.choice((0, 0, rng.randint(1, 99)))),
        "date": lambda: f"{rng.choice(MONTHS)} {ordinal(rng.randint(1, 31))}",
        "month": lambda: rng.choice(MONTHS),
        "phone": lambda: digits("".join(rng.choice("0123456789") for _ in range(rng.randint(3, 7)))),
    }
    return makers[slot]() if slot in makers else None


def fill(pattern: str, rng: random.Random) -> str:
    """`pattern` with every {slot} replaced; phrases may hold slots themselves."""

    def slot(match: re.Match[str]) -> str:
        kind = match[1]
        if kind in _PHRASES:
            return fill(rng.choice(_PHRASES[kind]), rng)
        return _number_slot(kind, rng) or rng.choice(LEXICON[kind])

    text = re.sub(r"\{(\w+)\}", slot, pattern)
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


def sentence(kind: str, rng: random.Random) -> str:
    return fill(rng.choice(PATTERNS[kind]), rng)
