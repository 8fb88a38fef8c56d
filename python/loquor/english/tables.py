"""What English writes short and says long: titles, units, currencies, symbols, the names of the letters."""

from __future__ import annotations

__all__ = [
    "ABBREVIATIONS",
    "AFTER_NAMES",
    "BEFORE_NAMES",
    "BEFORE_NUMBERS",
    "CAPITAL_WORDS",
    "CHARACTERS",
    "CURRENCIES",
    "CURRENCY_CODES",
    "FILE_SUFFIXES",
    "LETTER_NAMES",
    "MONTH_ABBREVIATIONS",
    "RATES",
    "SPELLED",
    "SYMBOLS",
    "TITLES",
    "UNITS",
]

# With a full stop in any case; without one before a capital letter ("Mr Hill").
TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "prof": "professor", "st": "saint",
}  # fmt: skip

# With a full stop, in any case. The stop goes, unless the sentence ends there.
ABBREVIATIONS = {
    "etc": "et cetera", "et al": "and others", "vs": "versus", "approx": "approximately",
    "dept": "department", "e.g": "for example", "i.e": "that is", "a.k.a": "also known as", "cf": "compare",
    "assn": "association", "univ": "university", "govt": "government", "ph.d": "pee aitch dee",
}  # fmt: skip

# With a capital and a full stop: after a name, and before one.
AFTER_NAMES = {
    "Jr": "junior", "Sr": "senior", "Inc": "incorporated", "Ltd": "limited", "Corp": "corporation",
    "Co": "company", "Ave": "avenue", "Blvd": "boulevard", "Rd": "road", "Hwy": "highway",
}  # fmt: skip
BEFORE_NAMES = {
    "Sgt": "sergeant", "Capt": "captain", "Lt": "lieutenant", "Col": "colonel", "Gen": "general",
    "Gov": "governor", "Sen": "senator", "Rep": "representative", "Rev": "reverend", "Hon": "honorable",
    "Mt": "mount", "Ft": "fort", "Messrs": "misters",
}  # fmt: skip

MONTH_ABBREVIATIONS = {
    "jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june", "jul": "july",
    "aug": "august", "sep": "september", "sept": "september", "oct": "october", "nov": "november",
    "dec": "december",
}  # fmt: skip

# Only before a number: "no." is a word, and so is "fig".
BEFORE_NUMBERS = {
    "no": "number", "nos": "numbers", "p": "page", "pp": "pages", "ch": "chapter", "vol": "volume",
    "fig": "figure", "figs": "figures", "sec": "section", "art": "article", "ed": "edition",
    "ext": "extension", "apt": "apartment", "ca": "about", "c": "about",
}  # fmt: skip

FILE_SUFFIXES = (
    "pdf", "txt", "csv", "json", "xml", "html", "docx", "xlsx", "pptx", "png", "jpg", "jpeg", "gif", "svg",
    "mp3", "mp4", "wav", "flac", "zip", "exe", "py", "js", "cpp", "md",
)  # fmt: skip

# After a number. (One, many.) Case counts: MB is not mb, and m is not M.
UNITS = {
    "km": ("kilometer", "kilometers"), "m": ("meter", "meters"), "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"), "nm": ("nanometer", "nanometers"), "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"), "mg": ("milligram", "milligrams"), "l": ("liter", "liters"),
    "L": ("liter", "liters"), "ml": ("milliliter", "milliliters"), "mL": ("milliliter", "milliliters"),
    "mph": ("mile an hour", "miles an hour"), "kph": ("kilometer per hour", "kilometers per hour"),
    "ft": ("foot", "feet"), "yd": ("yard", "yards"), "mi": ("mile", "miles"), "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "gal": ("gallon", "gallons"),
    "sec": ("second", "seconds"), "s": ("second", "seconds"), "ms": ("millisecond", "milliseconds"),
    "min": ("minute", "minutes"), "mins": ("minute", "minutes"), "h": ("hour", "hours"),
    "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "yr": ("year", "years"), "yrs": ("year", "years"),
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "KB": ("kilobyte", "kilobytes"), "kB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"),
    "Mbps": ("megabit per second", "megabits per second"), "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"), "V": ("volt", "volts"), "mA": ("milliamp", "milliamps"),
    "dB": ("decibel", "decibels"), "kcal": ("kilocalorie", "kilocalories"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"), "px": ("pixel", "pixels"),
    "fps": ("frame per second", "frames per second"), "ha": ("hectare", "hectares"),
}  # fmt: skip

# After a slash that follows a quantity.
RATES = {
    "h": "hour", "hr": "hour", "hour": "hour", "s": "second", "sec": "second", "second": "second",
    "min": "minute", "minute": "minute", "day": "day", "week": "week", "mo": "month", "month": "month",
    "yr": "year", "year": "year", "kg": "kilogram", "g": "gram", "l": "liter", "L": "liter", "lb": "pound",
    "gal": "gallon", "mile": "mile", "km": "kilometer", "person": "person", "night": "night",
}  # fmt: skip

CURRENCIES = {
    "$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", "sen"),
    "₹": ("rupee", "paisa"), "₩": ("won", "jeon"), "₽": ("ruble", "kopek"), "₺": ("lira", "kurus"),
    "₿": ("bitcoin", "satoshi"),
}  # fmt: skip
CURRENCY_CODES = {
    "USD": "$", "GBP": "£", "EUR": "€", "JPY": "¥", "INR": "₹", "KRW": "₩", "RUB": "₽", "TRY": "₺",
    "BTC": "₿",
}  # fmt: skip

LETTER_NAMES = {
    "a": "ay", "b": "bee", "c": "see", "d": "dee", "e": "ee", "f": "eff", "g": "gee", "h": "aitch",
    "i": "eye", "j": "jay", "k": "kay", "l": "el", "m": "em", "n": "en", "o": "oh", "p": "pee", "q": "cue",
    "r": "are", "s": "ess", "t": "tee", "u": "you", "v": "vee", "w": "double you", "x": "ex", "y": "why",
    "z": "zee",
}  # fmt: skip

# Capitals that are said as words though they are short, or that are a word in capitals for emphasis.
CAPITAL_WORDS = frozenset(
    """AIDS AN AND ANY ARE AS AT BAD BE BIG BUT BY CAN DID DO DOS FOR GET GIF GO GOD GOOD GOT HAD HAS HE HER
    HIM HIS HOW IF IN IS IT ITS LET LOT MAY ME MY NEW NO NOR NOT NOW OF OFF OH OLD ON ONE OR OUR OUT OWN PIN
    PUT RAM ROM RUN SAD SARS SAY SEE SHE SIM SIX SO STOP TEN THAT THE THIS TO TOO TOP TRY TWO UP USE VERY WAR
    WAS WAY WE WHO WHY WON YES YET YOU ZIP""".split()  # noqa: SIM905
)
# Not so these, though they look like words.
SPELLED = frozenset(("AARP", "UCLA"))

# Characters that become others before any rule: ASCII, or a sign that a rule reads.
CHARACTERS = {
    "‘": "'", "’": "'", "‚": ",", "‛": "'", "′": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "″": '"',
    "«": '"', "»": '"', "—": " - ", "―": " - ", "–": "-", "‐": "-", "‑": "-", "‒": "-", "−": "-",
    "…": ", ", "•": ", ", "·": " ", "¿": " ", "¡": " ", "、": ", ", "。": ". ",
    "×": " times ", "÷": " divided by ", "±": " plus or minus ", "≈": " approximately ",
    "≠": " does not equal ", "≤": " less than or equal to ", "≥": " greater than or equal to ",
    "√": " square root of ", "∞": " infinity ", "π": " pi ", "µ": "micro", "μ": "micro", "Ω": " ohms ",
    "№": " number ", "§": " section ", "©": " copyright ", "®": " ", "™": " ", "℠": " ",
    "‰": " per mille ", "℃": "°C", "℉": "°F", "º": "°", "ª": "a", "⁄": "/", "∕": "/",
    "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ß": "ss", "ẞ": "SS", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th", "ı": "i", "ħ": "h", "Ħ": "H",
}  # fmt: skip

# What is still left when all rules have run.
SYMBOLS = {
    "&": " and ", "%": " percent ", "+": " plus ", "=": " equals ", "@": " at ", "°": " degrees ",
    "¢": " cents ",
    "$": " dollars ", "£": " pounds ", "€": " euros ", "¥": " yen ", "₹": " rupees ", "₩": " won ",
    "₽": " rubles ", "₺": " lira ", "₿": " bitcoins ", "/": " slash ",
}  # fmt: skip
