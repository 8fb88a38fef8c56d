"""Names that are written short: states, weekdays, months, books of the Bible, ranks of rulers."""

from __future__ import annotations

from .rule import table, words

__all__ = [
    "BIBLE_BOOKS",
    "CITIES",
    "MONTH_ABBREVIATIONS",
    "POSTAL_CODES",
    "POSTAL_WORDS",
    "STATES",
    "SURE_STATES",
    "WEEKDAYS",
]

STATES = {
    "Ala": "Alabama", "Ariz": "Arizona", "Ark": "Arkansas", "Calif": "California", "Cal": "California",
    "Colo": "Colorado", "Conn": "Connecticut", "Del": "Delaware", "Fla": "Florida", "Ga": "Georgia",
    "Ida": "Idaho", "Ill": "Illinois", "Ind": "Indiana", "Kan": "Kansas", "Kans": "Kansas", "Ky": "Kentucky",
    "La": "Louisiana", "Md": "Maryland", "Mass": "Massachusetts", "Me": "Maine", "Mich": "Michigan",
    "Minn": "Minnesota", "Miss": "Mississippi", "Mo": "Missouri", "Mont": "Montana", "Neb": "Nebraska",
    "Nebr": "Nebraska", "Nev": "Nevada", "N.H": "New Hampshire", "N.J": "New Jersey", "N.M": "New Mexico",
    "N.Y": "New York", "N.C": "North Carolina", "N.D": "North Dakota", "Okla": "Oklahoma", "Ore": "Oregon",
    "Oreg": "Oregon", "Pa": "Pennsylvania", "Penn": "Pennsylvania", "R.I": "Rhode Island",
    "S.C": "South Carolina", "S.D": "South Dakota", "Tenn": "Tennessee", "Tex": "Texas", "Va": "Virginia",
    "Vt": "Vermont", "Wash": "Washington", "W.Va": "West Virginia", "Wis": "Wisconsin", "Wisc": "Wisconsin",
    "Wyo": "Wyoming", "Ont": "Ontario", "Que": "Quebec", "Alta": "Alberta", "Sask": "Saskatchewan",
    "Man": "Manitoba", "B.C": "British Columbia", "P.R": "Puerto Rico",
}  # fmt: skip
"""States and provinces as newspapers shorten them, behind a town and a comma."""

SURE_STATES = frozenset(
    """Ariz Calif Colo Conn Fla Kans Mich Minn Nebr Okla Tenn Wis Wisc Wyo N.H N.J N.Y N.M R.I W.Va""".split()
)
"""Those that nothing else is shortened to."""

POSTAL_CODES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "DC": "dee see", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii",
    "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky",
    "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan",
    "MN": "Minnesota", "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska",
    "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York",
    "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon",
    "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington",
    "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "BC": "British Columbia", "ON": "Ontario",
    "QC": "Quebec", "AB": "Alberta", "NSW": "New South Wales",
}  # fmt: skip
POSTAL_WORDS = frozenset("HI ID IN LA ME OK OR PA MA ON AL DE MS AB".split())
"""Codes that are words too, or other initials: they need a postal code or a known town beside them."""

CITIES = frozenset(
    """Honolulu Hilo Boise Indianapolis Gary Bloomington Evansville Lafayette Portland Bangor Augusta
    Columbus Cleveland Cincinnati Toledo Akron Dayton Canton Tulsa Norman Salem Eugene Bend Medford
    Beaverton Hillsboro Philadelphia Pittsburgh Harrisburg Scranton Allentown Erie Lancaster Boston
    Cambridge Worcester Lowell Springfield Toronto Ottawa Hamilton London Birmingham Montgomery Mobile
    Huntsville Wilmington Dover Newark Jackson Biloxi Orleans Shreveport Rouge Monroe Quincy Somerville City
    Falls""".split()
)
"""The last words of towns in such states."""

MONTH_ABBREVIATIONS = {
    "jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june", "jul": "july",
    "aug": "august", "sep": "september", "sept": "september", "oct": "october", "nov": "november",
    "dec": "december",
}  # fmt: skip

WEEKDAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Weds": "Wednesday",
    "Thu": "Thursday", "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday",
    "Sun": "Sunday",
}  # fmt: skip

BIBLE_BOOKS = {
    "Gen": "Genesis", "Ex": "Exodus", "Exod": "Exodus", "Lev": "Leviticus", "Num": "Numbers",
    "Deut": "Deuteronomy", "Dt": "Deuteronomy", "Josh": "Joshua", "Judg": "Judges", "Sam": "Samuel",
    "Kgs": "Kings", "Chr": "Chronicles", "Chron": "Chronicles", "Neh": "Nehemiah", "Esth": "Esther",
    "Ps": "Psalm", "Pss": "Psalms", "Prov": "Proverbs", "Eccl": "Ecclesiastes", "Eccles": "Ecclesiastes",
    "Isa": "Isaiah", "Jer": "Jeremiah", "Lam": "Lamentations", "Ezek": "Ezekiel", "Dan": "Daniel",
    "Hos": "Hosea", "Obad": "Obadiah", "Mic": "Micah", "Nah": "Nahum", "Hab": "Habakkuk", "Zeph": "Zephaniah",
    "Hag": "Haggai", "Zech": "Zechariah", "Mal": "Malachi", "Matt": "Matthew", "Mt": "Matthew",
    "Mk": "Mark", "Lk": "Luke", "Jn": "John", "Rom": "Romans", "Cor": "Corinthians", "Gal": "Galatians",
    "Eph": "Ephesians", "Phil": "Philippians", "Col": "Colossians", "Thess": "Thessalonians",
    "Tim": "Timothy", "Philem": "Philemon", "Heb": "Hebrews", "Jas": "James", "Pet": "Peter",
    "Rev": "Revelation", **{
        name: name for name in """Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth Samuel
            Kings Chronicles Ezra Nehemiah Esther Job Psalm Psalms Proverbs Ecclesiastes Isaiah Jeremiah
            Lamentations Ezekiel Daniel Hosea Joel Amos Obadiah Jonah Micah Nahum Habakkuk Zephaniah Haggai
            Zechariah Malachi Matthew Mark Luke John Acts Romans Corinthians Galatians Ephesians Philippians
            Colossians Thessalonians Timothy Titus Philemon Hebrews James Peter Jude Revelation Quran Sura
            Surah""".split()
    },
}  # fmt: skip

table("STATES", STATES)
table("POSTAL_CODES", POSTAL_CODES)
table("MONTH_ABBREVIATIONS", MONTH_ABBREVIATIONS)
table("WEEKDAYS", WEEKDAYS)
table("BIBLE_BOOKS", BIBLE_BOOKS)
words("SURE_STATES", SURE_STATES)
words("POSTAL_WORDS", POSTAL_WORDS)
words("CITIES", CITIES)
