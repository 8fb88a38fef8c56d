"""Words that a line's end broke: `exam-` and `ple` are one word, `well-` and `known` keep their hyphen."""

from __future__ import annotations

import re

__all__ = ["keeps_hyphen"]

# No dictionary: what compounds begin and end with, and what the ends of broken words look like. In essays,
# novels and manuals of 30 MB three of four compounds keep their hyphen (most others are names of packages),
# and 19 of 20 words that a typesetter may break become whole, both weighted by how often they occur.
_FIRST = frozenset(
    """above air all anarcho ante anti arch attorney back bad base best better birth bitter black blond
    blue book bottom bright broad brother brown build built by case child city class clean clear close co
    cold color colour command common communist cost counter cross cum dark daughter day dead decision deep
    double down drug dry early east easy eco eight eighteen eighty eleven empty error evil eye face fair
    far fast father few fifteen fifth fifty file fine first five flat follow foot forty four fourteen
    fourth free fresh front full fund gas general gold good gray great green grey hair half hand hard head
    heart heavy high hollow home hot house human hundred ice ill job key knee labour laissez large late
    law left life light line little long loose loud low machine market mass mid middle mother multi narrow
    near neo new nine nineteen ninety non north odd off oil old once one open package pale part passer
    peace pink post power problem pseudo public quasi quick quiet rapid raw read rich right rock rose
    rough round run science sea second self semi seven seventeen seventy sex shell short shut side silver
    single sister six sixteen sixty sleep slow small smooth socio soft son south space state still stone
    straight strong sugar sun sweet system ten thick thin third thirteen thirty three tight time top trade
    true twelve twenty twin two ultra user vice wage warm water weak web well west white whole wide wild
    wine word working world would write year yellow young zero""".split()  # noqa: SIM905
)
_SECOND = frozenset(
    """a abiding about after air all american and armed around as ask asked at away back balanced based be
    bearing beaten being belief blooded bodied book born bound boy breaking bred broken brow built burning
    by called cap care case century clad class clean coat colored coloured conscious control cooked cost
    covered cultural cut date day dead deep defence defense defined depth dimensional dollar down dozen
    dressed driven eared early earned edge educated employed end esteem evening evident eyed face faced
    faire fashioned favored fed fetched field fight file filled first fisted five fixed floor flow foot
    footed for four fourth fourths free friendly from front full general generation girl go going
    government grade grained green grey grown haired half hand handed headed heart hearted help high hold
    holder home hour house human hundred if image in inch independent interest interested is it keeper
    keeping kept kind known labour lace laced laden large last later law laws lead led legged length level
    like limbed line linked lit little lived living long look looked looking love loving made maker making
    man managed management mannered meaning member men mile minded minute mode month morrow mouthed name
    natural natured needed new night nine nosed not o of off old on one only open operation oriented out
    over owned owner paced page paid part party percent person pitched place placed play plus point poor
    portrait pound president priced produced proof quality quarter quarters question raising range ranking
    rate read readable red related respect ridden right rise rising room rooted run running safe said
    scale school sea second section seeing seeking sensitive set seven shaped shared she shirt side sided
    sighted six size sized skinned sleeved so social source space spaced speaking specific speed spirited
    spoken spread stage standing star start state step stop storey story street string strong structured
    style such sufficient sun supporting system tail take talk taught tempered term test that the third
    thirds thought three through tie time times to tone toned tongued too top trained two type up used
    user value version volume war washed watt way weather week weight wide wife willed winded wing winning
    wood word work worker worn worthy written year years yellow you""".split()  # noqa: SIM905
)
_HALVES_OF_ONE = frozenset(
    """any be can con copy cor de dis else em en ever every fire for her him how im inter intro makes mis
    more my news other our out over per pro re some sur them there trans un under what when where which
    who with your""".split()  # noqa: SIM905
)
_BEFORE_PARTICIPLES = frozenset(("big", "cool", "ever", "gray", "kind", "much", "soft"))
_SUFFIX = re.compile(
    r"[bcdfghlmnprstvz]{0,2}(?:abl[ey]|ibl[ey]|acy|age|ages|al|als|ally|ance|ances|ancy|ant|ants|ar|ary|ate|"
    r"ated|ates|ating|ation|ations|bl[ey]|bles|cial|cially|dle|dom|ed|el|eled|en|ened|ening|ens|ence|ences|ency|ent|ently|er|"
    r"ered|ering|ers|ery|ess|est|ful|fully|gle|hood|ial|ic|ical|ically|ics|ies|ified|ify|ing|ings|ion|ions|ise|"
    r"ised|ish|ism|isms|ist|ists|ity|ities|ive|ively|ize|ized|kle|less|ly|ment|mental|ments|nal|nally|ness|"
    r"nomic|on|or|ors|ory|ous|ously|ple|ples|ply|ries|ry|self|selves|ship|sion|sions|sis|sive|tial|tially|tic|"
    r"tical|tics|ties|tion|tional|tions|tive|tle|tor|tors|ture|tures|ty|ual|ually|ure|ures|ward|wards|ware|"
    r"wise|y)"
)
_VOWEL = re.compile(r"[aeiouyà-ÿ]|[^\x00-\xff]")
_LONG_SUFFIX = re.compile(r"^[a-z]{1,4}(?:ments?|ness|sions?|tion|tional|tions|tionary|torship|ular|ularly)$")


def keeps_hyphen(before: str, after: str) -> bool:
    """Whether the hyphen between two halves, in small letters or not, belongs to the word."""
    before, after = before.lower(), after.lower()
    if not (_VOWEL.search(before) and _VOWEL.search(after)):
        return True
    if before in _BEFORE_PARTICIPLES and len(after) > 5 and after.endswith(("ed", "ing")):
        return True
    if before in _HALVES_OF_ONE:
        return False
    if after in _SECOND:
        return True
    if _SUFFIX.fullmatch(after):
        return False
    if before in _FIRST:
        return True
    if before[-1] in "aiou" or before[-1] == after[0]:  # few words end so; many are broken at doubled letters
        return False
    return len(before) > 4 and len(after) > 4 and not _LONG_SUFFIX.search(after)
