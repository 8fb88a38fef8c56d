"""Which capitals are words, which are said as words, and which are spelled though they could be said."""

from __future__ import annotations

from .rule import table, words

__all__ = ["NUMBERED", "RULERS", "SHORT_WORDS", "SPELLED", "SPOKEN", "WORDS_OF_ODD_SHAPE"]

SHORT_WORDS = frozenset(
    """ah am an as at be by do eh er go ha he hi ho if in is it me my no of oh on or ow so to uh um up we yo
    ace act add ado age ago aha aid ail aim air ale all and ant any ape apt arc are ark arm art ash ask ass
    ate awe aww axe aye bad bag ban bar bat bay bed bee beg bet bib bid big bin bit boa bog boo bow box boy
    bra bud bug bum bun bus but buy bye cab cam can cap car cat cod cog con coo cop cot cow coy cry cub cue
    cup cut dab dad dam day den dew did die dig dim din dip doe dog dot dry dub dud due dug duh dye ear eat
    ebb eek eel egg ego elf elk elm end era err eve ewe eww eye fad fan far fat fax fed fee few fib fig fin
    fir fit fix flu fly foe fog for fox fry fun fur gag gal gap gas gay gel gem get gig gin god got gum gun
    gut guy had hag ham has hat hay hem hen her hex hey hid him hip his hit hog hop hot how hub hue hug huh
    hum hut ice icy ill ink inn ion ire its ivy jab jam jar jaw jay jet jig job jog jot joy jug keg key kid
    kin kit lab lad lag lap law lay leg let lid lie lip lit lob log lot low lug mad man map mat may men met
    mix mob mom mop mud mug mum nag nah nap nay net new nil nod nor not now nun nut oak oar oat odd ode off
    oft oil old one ooh oops opt orb ore our out owe owl own pad pal pan par pat paw pay pea peg pen pep per
    pet pie pig pin pit ply pod pop pot pro pry pub pun pup put rag ram ran rap rat raw ray red rib rid rig
    rim rob rod rot row rub rug rum run rut rye sad sag saw say sea see set sew sex she shy sin sip sir sit
    six ski sky sly sob son sow soy spa spy sty sub sue sum sun tab tag tan tap tar tax tea ten the thy tie
    tin tip toe ton too top tow toy try tub tug two ugh urn use van vat vet via vow wad wag war was wax way
    web wed wee wet who why wig win wit woe won woo wow yak yam yap yay yea yep yes yet you yum yup zap zip
    zoo abe amy ann ben bob dan eva gus ian jim joe ken kim lee leo max meg mia ned rob ron roy sam ted tim
    tom zoe mon tue wed thu fri sun jan feb mar apr jun jul aug sep oct nov dec""".upper().split()
) - {"VAT", "CAM", "FAX", "MAR", "SEP", "DEC", "OCT", "APR", "ER"}
"""Common English words of two and three letters, in capitals for emphasis more often than initials."""

SPOKEN = {
    "JPEG": "jay peg", "MPEG": "em peg", "SCSI": "scuzzy", "GUI": "gooey", "WYSIWYG": "wizzywig",
    "BIOS": "bye oss", "ASCII": "askee", "CMOS": "see moss", "NVRAM": "en vee ram", "DRAM": "dee ram",
    "SRAM": "ess ram", "EPROM": "ee prom", "MSDOS": "em ess doss", "SQLITE": "ess cue lite",
    "OK": "okay", "OKS": "okays", "WWII": "world war two", "WWI": "world war one",
    **{name: name for name in """AIDS ARPA BASIC CAD CERN CAT DOS DAB FAQ FIFA GIF GIMP GNOME GNU HIV HUD
        LAN LASER LASIK MASH MIDI NAFTA NASA NAT NATO NAS NIMBY OPEC PAC PET PIN POTUS RADAR RAID RAM ROM
        SAM SARS SCUBA SIDS SIM SMART SONAR SPAM SWAT TWAIN UNESCO UNICEF VAX WAC WAN WASP
        YUPPIE ZIP""".split()},
}  # fmt: skip
"""Initials that people say as a word, written as it is said."""
SPOKEN.pop("HIV")

SPELLED = frozenset(
    """AARP ACLU AFAIK AMWU ASAP BYOB CCTV EECS EEOC EQCA ICAO IANAL IEEE IIRC IMHO IMO ISAF ISO IUD LAX LED
    NYSE OECD OSCE PIAA RIP SAP SAT SNES UAE UCLA UEFI USA USAF USAID USDA USPS UUID YMCA YWCA USO UAW IOU
    IRA EEG EKG ETA ATA FAA ABA APA AMA UFO UPS IDE AVI API CEO CIA IPO NBA NRA MBA FDA EPA HBO VHS EFI UID
    GID URI ISI ISA CISA DUI DWI DOA AKA IOC IRS USB UTC CEU CFO COO CTO EU UK UN US UV TV
    PC""".split()
)
"""Initials that are spelled though their shape could be said."""

WORDS_OF_ODD_SHAPE = frozenset(
    """ANKH CZAR DEBT DISC MKAY NEWT PSST ANGST BURNT DEBTS DEPTH DISCS DOUBT FJORD GOOEY LLAMA MIDST MYRRH
    PHLOX SCHWA YACHT DEPTHS DOUBTS EIGHTH GROWTH KITSCH LLAMAS PHLEGM PUTSCH RHYTHM SHEIKH SHTICK SVELTE
    WARMTH WHILST YACHTS EXCERPT RHYTHMS SCHMUCK SEQUOIA TSUNAMI TWELFTH AQUEOUS CZARINA CHLORINE PARADIGM
    HMM HMMM SHH SHHH PFFT BRR GRR PSHAW QWERTY BORSCHT DIAPHRAGM MCMAHON HAWAIIAN TSETSE KHRUSHCHEV OOPS
    ROFL DON DOESN DIDN WON ISN WASN AREN WEREN HASN HAVEN COULDN WOULDN SHOULDN CAN AIN MRS MR DR""".split()
)
"""Words that the rule of shape takes for initials; "DON" and the like are what stands before 'T."""

NUMBERED = frozenset(
    """chapter chapters part parts book books volume volumes act scene section sections article articles
    title appendix annex canto psalm phase stage type types class grade level category group figure fig
    table plate exhibit item verse war wars bowl mark number no vol ch chap world-war division schedule
    amendment step symphony sonata concerto opus quartet episode season round game factor unit module lesson
    rule law saturn apollo-soyuz apple final fantasy rocky rambo godfather quest titan vatican ultima
    civilization dynasty olympiad olympics games session""".split()
)
"""Words before a Roman number that is a plain number, even of one letter."""

RULERS = frozenset(
    """Henry Edward George Richard William James Charles John Elizabeth Mary Anne Philip Louis Francis
    Napoleon Ferdinand Alfonso Alphonso Isabella Catherine Peter Paul Nicholas Alexander Ivan Frederick
    Wilhelm Friedrich Leopold Maximilian Joseph Rudolf Otto Conrad Albert Ludwig Pius Benedict Gregory
    Innocent Clement Urban Boniface Leo Sixtus Julius Adrian Hadrian Calixtus Celestine Honorius Eugene
    Martin Stephen Sylvester Victor Umberto Emmanuel Amadeus Cosimo Lorenzo Robert David Malcolm Kenneth
    Donald Duncan Christian Gustav Gustavus Eric Erik Haakon Harald Harold Olaf Olav Magnus Carl Karl
    Baldwin Ptolemy Ramses Rameses Ramesses Thutmose Thutmosis Amenhotep Seti Cleopatra Darius Xerxes Cyrus
    Artaxerxes Antiochus Mithridates Constantine Theodosius Justinian Basil Michael Manuel Tiberius
    Valentinian Romanos Mehmed Mehmet Murad Selim Suleiman Bayezid Ahmed Mustafa Mahmud Hamid Abdul Juan
    Carlos Pedro Joao Afonso Sancho Felipe Margaret Beatrix Juliana Wilhelmina Rainier Abbas Tahmasp Hussein
    Hassan Mohammed Muhammad Rama Tutankhamun Sigismund Casimir Wladyslaw Bela Andrew Matthias Ladislaus
    Bogdan Zog Faisal Farouk Fuad Idris Theodore Geoffrey Fulk Thibaut Vladimir Boris Simeon Menelik
    Tewodros Sargon Nebuchadnezzar Ashurbanipal Shapur Khosrow Yazdegerd Hormizd Ashoka Chandragupta
    Rajaraja Augustus Stanislaus Elisabeth Maria Christina""".split()
)
"""First names of kings, queens and popes: their numbers are ordinals."""

table("SPOKEN", SPOKEN)
words("SHORT_WORDS", SHORT_WORDS)
words("SPELLED", SPELLED)
words("WORDS_OF_ODD_SHAPE", WORDS_OF_ODD_SHAPE)
words("NUMBERED", NUMBERED)
words("RULERS", RULERS)
