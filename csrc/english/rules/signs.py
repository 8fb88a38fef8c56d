"""Single characters and letters: what other scripts' signs become, and how signs and letters are called."""

from __future__ import annotations

from .rule import table, words

__all__ = ["CHARACTERS", "FILE_SUFFIXES", "LETTER_NAMES", "SYMBOLS"]

LETTER_NAMES = {
    "a": "ay", "b": "bee", "c": "see", "d": "dee", "e": "ee", "f": "eff", "g": "gee", "h": "aitch",
    "i": "eye", "j": "jay", "k": "kay", "l": "el", "m": "em", "n": "en", "o": "oh", "p": "pee", "q": "cue",
    "r": "are", "s": "ess", "t": "tee", "u": "you", "v": "vee", "w": "double you", "x": "ex", "y": "why",
    "z": "zee",
}  # fmt: skip

# Characters that become others before any rule: ASCII, or a sign that a rule reads.
CHARACTERS = {
    "‘": "'", "’": "'", "‚": ",", "‛": "'", "′": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "″": '"',
    "«": '"', "»": '"', "—": " -- ", "―": " -- ", "–": "-", "‐": "-", "‑": "-", "‒": "-", "…": "...",
    "•": ", ", "·": " ", "¿": " ", "¡": " ", "、": ", ", "。": ". ", "→": " -> ", "⇒": " -> ", "➔": " -> ",
    "×": " times ", "÷": " divided by ", "±": " plus or minus ", "≈": " approximately ",
    "≠": " does not equal ", "≤": "<=", "≥": ">=",
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

FILE_SUFFIXES = frozenset(
    """7z aac apk asp aspx avi bak bib bin bmp bz2 c cc cfg cgi cmd conf cpp cs css csv dat db deb dll dmg
    doc docx eps epub exe flac gif gz h hpp htm html ico ics img ini ipynb iso jar java jpeg jpg js json jsx
    log lua m4a map md mkv mobi mov mp3 mp4 mpg msi odt ogg onnx opus otf pdf pem php pl plist png ppt pptx
    ps psd py pyc rar rb rpm rs rst rtf sass scss sh sln sql srt svg swf tar tex tgz tif tiff toml ts tsv
    tsx ttf txt vbs wav webm webp wma wmv xls xlsx xml xz yaml yml zip rc""".split()
)

table("LETTER_NAMES", LETTER_NAMES)
words("FILE_SUFFIXES", FILE_SUFFIXES)
