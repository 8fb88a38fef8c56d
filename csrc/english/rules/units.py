"""What stands behind or before a number: units, rates, currencies, scales."""

from __future__ import annotations

from .rule import table

__all__ = ["CURRENCIES", "CURRENCY_CODES", "PLURAL_NOUNS", "RATES", "SCALES", "UNITS"]

_REGULAR = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer",
    "microm": "micrometer", "kg": "kilogram", "g": "gram", "gm": "gram", "mg": "milligram",
    "microg": "microgram", "mcg": "microgram", "l": "liter", "L": "liter", "dL": "deciliter",
    "dl": "deciliter", "cl": "centiliter", "ml": "milliliter", "mL": "milliliter", "yd": "yard",
    "yds": "yard", "mi": "mile", "lb": "pound", "lbs": "pound", "oz": "ounce", "gal": "gallon",
    "gals": "gallon", "qt": "quart", "qts": "quart", "pt": "pint", "pts": "point", "tsp": "teaspoon",
    "tsps": "teaspoon", "tbsp": "tablespoon", "tbsps": "tablespoon", "Tbsp": "tablespoon",
    "sec": "second", "secs": "second", "s": "second", "ms": "millisecond", "micros": "microsecond",
    "ns": "nanosecond", "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour",
    "wk": "week", "wks": "week", "mo": "month", "mos": "month", "yr": "year", "yrs": "year",
    "KB": "kilobyte", "kB": "kilobyte", "kb": "kilobyte", "KiB": "kibibyte", "MB": "megabyte",
    "mb": "megabyte", "Mb": "megabit", "MiB": "mebibyte", "GB": "gigabyte", "gb": "gigabyte", "Gb": "gigabit",
    "gig": "gigabyte", "gigs": "gigabyte", "meg": "megabyte", "megs": "megabyte", "GiB": "gibibyte",
    "TB": "terabyte", "tb": "terabyte", "TiB": "tebibyte", "PB": "petabyte", "MP": "megapixel",
    "mp": "megapixel", "W": "watt", "kW": "kilowatt", "kw": "kilowatt", "MW": "megawatt", "mW": "milliwatt",
    "GW": "gigawatt", "kWh": "kilowatt hour", "kwh": "kilowatt hour", "mAh": "milliamp hour",
    "Wh": "watt hour", "Ah": "amp hour", "V": "volt", "kV": "kilovolt", "mV": "millivolt", "A": "amp",
    "mA": "milliamp", "amp": "amp", "microF": "microfarad", "dB": "decibel", "db": "decibel",
    "kcal": "kilocalorie", "cal": "calorie", "cals": "calorie", "kJ": "kilojoule",
    "Pa": "pascal", "kPa": "kilopascal", "hPa": "hectopascal", "MPa": "megapascal",
    "px": "pixel", "ha": "hectare", "ohms": "ohm", "mmol": "millimole",
}  # fmt: skip

_SAME = {
    "Hz": "hertz", "hz": "hertz", "kHz": "kilohertz", "KHz": "kilohertz", "khz": "kilohertz",
    "MHz": "megahertz", "Mhz": "megahertz", "mhz": "megahertz", "GHz": "gigahertz", "Ghz": "gigahertz",
    "ghz": "gigahertz", "mmHg": "millimeters of mercury", "psi": "pee ess eye", "ppm": "parts per million",
    "ppb": "parts per billion", "hp": "horsepower", "pct": "percent", "doz": "dozen", "IU": "eye you",
    "dpi": "dots per inch", "ppi": "pixels per inch", "mol": "moles",
}  # fmt: skip

_PER = {
    "mph": ("mile", "an hour"), "kph": ("kilometer", "per hour"), "kmh": ("kilometer", "per hour"),
    "mpg": ("mile", "per gallon"), "Kbps": ("kilobit", "per second"), "kbps": ("kilobit", "per second"),
    "Mbps": ("megabit", "per second"), "mbps": ("megabit", "per second"), "Gbps": ("gigabit", "per second"),
    "gbps": ("gigabit", "per second"), "Kbit": ("kilobit", ""), "Mbit": ("megabit", ""),
    "Gbit": ("gigabit", ""), "kbit": ("kilobit", ""), "mbit": ("megabit", ""), "gbit": ("gigabit", ""),
    "rpm": ("revolution", "per minute"), "RPM": ("revolution", "per minute"),
    "bpm": ("beat", "per minute"), "fps": ("frame", "per second"), "wpm": ("word", "per minute"),
}  # fmt: skip

UNITS = {
    **{short: (one, one + "s") for short, one in _REGULAR.items()},
    **{short: (same, same) for short, same in _SAME.items()},
    **{short: (f"{one} {per}".strip(), f"{one}s {per}".strip()) for short, (one, per) in _PER.items()},
    "ft": ("foot", "feet"),
}
"""After a number, in one and in many. Case counts: Mb is not MB, and m is not M."""

SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "mln": "million",
    "mil": "million", "mm": "million", "b": "billion", "B": "billion", "bn": "billion", "bil": "billion",
    "tn": "trillion", "trn": "trillion", "T": "trillion", "MM": "million",
}  # fmt: skip
"""After an amount of money."""

RATES = {
    "h": "hour", "hr": "hour", "hour": "hour", "s": "second", "sec": "second", "second": "second", "min":
    "minute", "minute": "minute", "d": "day", "day": "day", "wk": "week", "week": "week", "mo": "month",
    "month": "month", "yr": "year", "year": "year", "kg": "kilogram", "g": "gram", "l": "liter", "L":
    "liter", "dL": "deciliter", "dl": "deciliter", "mL": "milliliter", "ml": "milliliter", "lb": "pound",
    "oz": "ounce", "gal": "gallon", "mile": "mile", "mi": "mile", "km": "kilometer", "m": "meter", "cm":
    "centimeter", "person": "person", "night": "night", "GB": "gigabyte", "gb": "gigabyte", "MB":
    "megabyte", "TB": "terabyte", "kWh": "kilowatt hour", "unit": "unit", "user": "user", "head": "head",
    "each": "each", "piece": "piece", "share": "share", "barrel": "barrel", "ton": "ton", "word": "word",
    "page": "page", "ft": "foot", "sqft": "square foot", "m2": "square meter",
}  # fmt: skip
"""After a slash that follows a quantity."""

CURRENCIES = {
    "$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", "sen"),
    "₹": ("rupee", "paisa"), "₩": ("won", "jeon"), "₽": ("ruble", "kopek"), "₺": ("lira", "kurus"),
    "₿": ("bitcoin", "satoshi"),
}  # fmt: skip
CURRENCY_CODES = {
    "USD": "$", "GBP": "£", "EUR": "€", "JPY": "¥", "INR": "₹", "KRW": "₩", "RUB": "₽", "TRY": "₺",
    "BTC": "₿", "Rs.": "₹", "Rs": "₹",
}  # fmt: skip

PLURAL_NOUNS = frozenset("men women people children feet teeth mice geese police cattle sheep fish".split())
"""Nouns that are many without an S at their end."""

table("UNITS", UNITS)
table("SCALES", SCALES)
table("RATES", RATES)
table("CURRENCIES", CURRENCIES)
table("CURRENCY_CODES", CURRENCY_CODES)
