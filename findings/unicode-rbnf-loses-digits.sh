#!/usr/bin/env bash
# unicode-rbnf 2.4.1 (seen with Python 3.11): some numbers are spelled as other numbers, without an error.
#
# Guess: the package runs Unicode's spellout rules, so it says what ICU says by the same rules, or raises where it has no
# rule. Seen: cardinals are ICU's, but years in Chinese and Japanese lose their noughts, so that 2024 is "two two four";
# Polish 12.5 is "twelve point nought"; the Italian ordinal of 28000 is another number's.
# Ends with 0 while this is so. Output seen:
#   zh year 2024: 二二四 (ICU: 二〇二四)
#   ja year 2001: 二一 (ICU: 二〇〇一)
#   pl 12.5: dwanaście przecinek zero (ICU: dwanaście przecinek pięć)
#   it 28000th: duemilaottomilasimo (ICU: ventottomillesimo)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q unicode-rbnf==2.4.1 pyicu-wheels==2.15.2
cat > "$work/try.py" <<'PY'
import sys
from decimal import Decimal

import icu
from unicode_rbnf import RbnfEngine

CASES = (
    ("zh", "year 2024", 2024, "spellout-numbering-year", "二二四"),
    ("ja", "year 2001", 2001, "spellout-numbering-year", "二一"),
    ("pl", "12.5", Decimal("12.5"), "spellout-cardinal-masculine", "dwanaście przecinek zero"),
    ("it", "28000th", 28000, "spellout-ordinal-masculine", "duemilaottomilasimo"),
)
same = True
for language, name, number, rules, expected in CASES:
    said = RbnfEngine.for_language(language).format_number(number, ruleset_names=[rules]).text
    reference = icu.RuleBasedNumberFormat(icu.URBNFRuleSetTag.SPELLOUT, icu.Locale(language))
    given = float(number) if isinstance(number, Decimal) else number
    right = reference.format(given, "%" + rules).replace("\u00ad", "")
    print(f"{language} {name}: {said} (ICU: {right})")
    same = same and said == expected and said != right
sys.exit(0 if same else 1)
PY
"$work/venv/bin/python" "$work/try.py"
