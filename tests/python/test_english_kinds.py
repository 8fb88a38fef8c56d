"""The kinds of text that readers met, an example or some of each: `written | spoken`.

The numbers are those of the list of kinds in the issue; what it says today of each was wrong.
"""

from __future__ import annotations

import pytest

from loquor.english import spell

TABLE = r"""
# Roman numbers
Chapter IV | Chapter four
World War II | World War two
Henry VIII | Henry the eighth
Rocky IV | Rocky four
MIX, CIVIL, I'd stay | MIX, CIVIL, I'd stay
Henry I think | Henry I think
Elizabeth I of England | Elizabeth the first of England
the XXI century | the twenty-first century
Section C: what is it | Section see: what is it
Malcolm X, who spoke | Malcolm ex, who spoke
Robert V. Daniels | Robert vee Daniels
the DIX company | the dee eye ex company

King James I never slept | King James the first never slept
Queen Anne I think | Queen Anne I think

# capitals
THE END | THE END
MOM! DAD! | MOM! DAD!
RED HOT | RED HOT
Do not LIE | Do not LIE
the IT staff said DO IT | the eye tee staff said DO IT
NASA, FBI, USA, GNOME | NASA, eff bee eye, you ess ay, GNOME
GIF, JPEG and SCSI | GIF, jay peg and scuzzy
CHAPTER TWO\nby Ann Lee | CHAPTER TWO, by Ann Lee
NOOO! YAY!!! | NOOO! YAY!

# lines
exam-\nple | example
well-\nknown | well-known
self-\nless, re-\nmade, un-\nspoken | selfless, remade, unspoken
soft-\nspoken, kind-\nsounding, soft-\nened | soft-spoken, kind-sounding, softened
a hot-\nblooded vice-\npresident | a hot-blooded vice-president
- a hat\n  - two coats\n+ a cap | a hat, two coats, a cap
velvet-\nand-gold | velvet-and-gold
Anglo-\nSaxon | Anglo-Saxon
bread\nmilk\neggs | bread, milk, eggs
The Old House\nIt was dark. | The Old House, It was dark.
It rained on the roof of the\nHouse of Usher. | It rained on the roof of the House of Usher.

# markup
Tom&#39;s &amp; <b>bold</b> | Tom's and bold
one <break time="500ms"/> two | one, two
[the text](http://a.example/x_(y)) and ![a cat](cat.png) | the text and a cat
Title {#id} | Title
<ann@mail.org> | ann at mail dot org
<li>one<li>two | one, two
git clone <url> | git clone url
a <script>x = 1</script> b | a b

# footnotes
before.[12] And | before. And
word[3, 4] next | word next
this¹ and x² and 5 m² and 10² | this and x squared and five square meters and ten squared
sd[0-9] | sd zero to nine

# stammer
B-but W-what N-no Th-that | But What No That
X-ray, T-shirt, U-turn, D-day | ex-ray, tee-shirt, you-turn, dee-day

# numbers and units
1-800-FLOWERS | one, eight hundred, flowers
1300 555 019 | one three zero zero, five five five, zero one nine
ZIP 90210 | ZIP nine zero two one zero
at 00:05 | at zero oh five
Chapter 01 | Chapter one
10cm x 20cm | ten centimeters by twenty centimeters
5 x 3 = 15 | five times three equals fifteen
10 / 2 | ten divided by two
a 12" pizza | a twelve inch pizza
50/60 Hz | fifty sixty hertz
5 µm | five micrometers
10 mg/dL | ten milligrams per deciliter
1e-5 | one times ten to the power of minus five
in 1066 | in ten sixty-six
Sunset Blvd, and Elm Dr. near | Sunset boulevard, and Elm drive near
C# and .NET | see sharp and dot net
Rs. 500 | five hundred rupees
he/she | he or she
40°26′ N | forty degrees twenty-six minutes north
£4 10s. 6d. | four pounds ten shillings and six pence

# K1
very little - 9 out of 10 | very little, nine out of ten
one wish—5 more years | one wish, five more years
the boy -- 12 years old -- ran | the boy, twelve years old, ran
The cast - 12 men - left | The cast, twelve men, left
It shut in 2018 - 6 months too late | It shut in twenty eighteen, six months too late
of 44 - 13 of them new | of forty-four, thirteen of them new
they led 14 - 6 at the break | they led fourteen to six at the break
--2 Corinthians | two Corinthians
 – 30 days | thirty days
-5 degrees (-3) | minus five degrees, minus three

# K2
(1939 - 1945) | nineteen thirty-nine to nineteen forty-five
5 - 8 minutes | five to eight minutes
$600 - $800 | six hundred to eight hundred dollars
20%-30% | twenty percent to thirty percent
He won 3 - 2 | He won three to two
In 1990 - 30 years ago - it fell | In nineteen ninety, thirty years ago, it fell
10 - 2 = 8 | ten minus two equals eight
9 a.m. - 5 p.m. | nine ay em to five pee em.

# K3
Apollo 13's crew | Apollo thirteen's crew
COVID-19's toll | COVID nineteen's toll
1995's best film | nineteen ninety-five's best film
the F.B.I.'s files | the eff bee eye's files
in 2020's first month | in twenty twenty's first month
the Big 10's list | the Big ten's list
the 1970's and the 60's | the nineteen seventies and the sixties

# K4
lasts >3 days | lasts more than three days
children <5 pay nothing | children less than five pay nothing
if a > b | if a is greater than b
size >= 10 | size at least ten
x <= 5 kg | x at most five kilograms
File > Save As > Web | File, Save As, Web
A -> B | A, bee

# K5
I said no. 3 men left. | I said no. three men left.
modern art. 20 people came | modern art. twenty people came
ate a fig. 3 more | ate a fig. three more
asked Ed. 5 came | asked Ed. five came
vitamin C. 5 mg | vitamin see. five milligrams
C.2.6 Does it | see point two point six Does it
the call to B.P. 10 days later | the call to bee pee ten days later
see fig. 3, art. 5, sec. 2 and No. 4 | see figure three, article five, section two and number four

# K6
on/off key | on, off key
his/her | his or her
either/or | either or
HIV/AIDS | aitch eye vee AIDS
line one / line two | line one, line two
TCP/IP and I/O | tee see pee eye pee and eye oh

# K7
The State . . . should be | The State, should be
day...as you are | day, as you are
Now ... try | Now, try
Wait... He left | Wait. He left
"Well..." she said | Well, she said

# K8
"[d]uring the war" | during the war
"[T]o be fair" | To be fair
as he say[s] it [sic] | as he says it
[laugh] stays | [laugh] stays

# K9
St. Joseph, Mo., began | Saint Joseph, Missouri, began
Augusta, Ga. | Augusta, Georgia.
(D-N.Y.) and (R-Utah) | Democrat, New York, and, Republican, Utah
Portland, OR 97201 | Portland, Oregon nine seven two zero one
Yes, OK, fine | Yes, okay, fine
by Dollar, AK Press | by Dollar, ay kay Press

# K10
a $22.50 device | a twenty-two dollar and fifty cent device
a $100-an-hour man | a one hundred dollar an hour man
$2-billion-a-year cost | two billion dollar a year cost

# K11
a 15-yr loan | a fifteen year loan
a 256GB SSD | a two hundred fifty-six gigabyte ess ess dee

# K12
40gb and 56 kb/s and 4mp | forty gigabytes and fifty-six kilobytes per second and four megapixels

# K13
due 4/15 | due April fifteenth
3/4th of it | three fourths of it
from 3/5 to 3/9 | from March fifth to March ninth
9/1990 | September nineteen ninety
8/10 stars | eight out of ten stars
21/22 right | twenty-one out of twenty-two right
24/7/365 | twenty-four seven three sixty-five

# K14
1-1/2 cups | one and a half cups
5-1/8 inches | five and an eighth inches

# K15
50-50 chance | fifty fifty chance
Proverbs 19:2 | Proverbs nineteen two
Gen. 1:1-5 | Genesis one, one to five
John 3:16 | John three sixteen

# K16
7.30pm | seven thirty pee em
645am | six forty-five ay em
10:30-11:15 | ten thirty to eleven fifteen
July 4th-6th | July fourth to sixth
May 1-June 3 | May first to June third

# K17
41:05.3 | forty-one oh five point three

# K18
Room 5 V | Room five vee
size 10 M | size ten em
the 7 V. Smith club | the seven vee Smith club
a 12 V battery | a twelve volt battery
1985 A View | nineteen eighty-five A View
3M tape | three em tape

# K19
the 2d Cavalry | the second Cavalry
72d Street | seventy-second Street
the 3d printer | the three dee printer

# K20
Mon. and Tues. | Monday and Tuesday.
I sat. Sun. and sea. | I sat. Sunday and sea.
Maj. Tom, Lt. Col. North and Drs. Lee | Major Tom, Lieutenant Colonel North and Doctors Lee
Warner Bros. made it | Warner brothers made it
Op. 27, op. cit., ibid. | opus twenty-seven, op cit, ibid.
300 sq. ft. and 5 in. wide | three hundred square feet and five inches wide
Roe v. Wade | Roe versus Wade
b. 1954, d. 1990 | born nineteen fifty-four, died nineteen ninety
Mon-Fri | Monday to Friday

# K21
great :) thanks :D | great thanks
I <3 you | I you

# K22
b/c w/glasses b/w n/a c/o | because with glasses black and white en ay care of

# K23
apt.conf | apt dot conf
org.gnome.login | org dot gnome dot login
VB.NET | vee bee dot net
/etc/passwd | slash etc slash passwd
~/.config | tilde slash dot config
great.really | great. really

# K24
pip install -U foo | pip install dash you foo
git --help | git dash dash help
tar -xzf | tar dash ex zee eff
HEAD~3 | HEAD tilde three

# K25
1.5.2-6 | one point five point two dash six
#1028202 | number one zero two eight two zero two
0x200 | zero ex two hundred
CVE-2013-1982 | see vee ee dash twenty thirteen dash one nine eight two
ISBN: 978-1902593906 | eye ess bee en: nine seven eight one nine zero two five nine three nine zero six

# K26
U.S.-led force | you ess led force
anti-U.S. | anti you ess.
18th- and 19th-century | eighteenth and nineteenth century

# K27
He lives on Elm St. The dog barks. | He lives on Elm street. The dog barks.
St. Mary St. is long | Saint Mary street is long

# K28
a 5.25" drive | a five point two five inch drive
5' tall | five feet tall
10⁸ m/s | ten to the power of eight meters per second
29,90 € | twenty-nine euros and ninety cents
1 000 000 | one million
10,00,000 | one million

# K29
2x + 3y | two ex plus three why
f(x) | eff of ex
f⁻¹(y) | eff inverse of why

# K30
agent 007 | agent double oh seven
Sun Jun 1 | Sunday June first

# K31
A. Cooper | ay Cooper
H. A. Rey | aitch ay Rey
plan A. Then | plan A. Then
easy. D. Smith | easy. dee Smith

# small
7/11 | seven eleven
3-oz. cup and 12-in. rule | three ounce cup and twelve inch rule
1/250s | one two hundred fiftieth of a second
2019/05/13 and 05.06.2019 | May thirteenth, twenty nineteen and June fifth, twenty nineteen
$1/GB | one dollar per gigabyte
5c each | five cents each
3 ft. x 4 ft. | three feet by four feet.
class(es) | classes
on 12/24 V and 1 250 000 V | on twelve or twenty-four volts and one million two hundred fifty thousand volts
a mother/daughter duo | a mother daughter duo
his husband/wife | his husband or wife
g(0), rule 5(a)(1) | gee of zero, rule five, a one
a V6, V8.1 and v8 | a vee six, version eight point one and version eight
PS5s and F16s | pee ess fives and eff sixteens
cups.socket and ended.Service | cups dot socket and ended. Service
minus -3 | minus three
one-in-10 | one in ten
45-m.p.h. winds | forty-five em pee aitch winds
$A5 | five dollars
$.50 to $1.50 | fifty cents to one dollar and fifty cents
"""
ROWS = [line.split(" | ") for line in TABLE.splitlines() if " | " in line]


@pytest.mark.parametrize(("written", "spoken"), ROWS, ids=[written for written, _ in ROWS])
def test_each_kind(written: str, spoken: str) -> None:
    assert spell(written.replace("\\n", "\n")).text == spoken


def test_markup_is_named_once_each() -> None:
    assert spell("<p>One <b>two</b> <b>three</b></p>").markup == ("p", "b")
    assert spell("if a < b and c > d, see <url>").markup == ()
