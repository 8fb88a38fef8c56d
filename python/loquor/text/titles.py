"""Titles and ranks that English writes short, before a name: the core's rules read them too."""

from __future__ import annotations

__all__ = ["BEFORE_NAMES", "TITLES"]

# With a full stop in any case; without one before a capital letter ("Mr Hill").
TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "prof": "professor", "st": "saint",
}  # fmt: skip

# With a capital and a full stop.
BEFORE_NAMES = {
    "Sgt": "sergeant", "Capt": "captain", "Lt": "lieutenant", "Col": "colonel", "Gen": "general",
    "Gov": "governor", "Sen": "senator", "Rep": "representative", "Rev": "reverend", "Hon": "honorable",
    "Mt": "mount", "Ft": "fort", "Messrs": "misters", "Maj": "major", "Adm": "admiral", "Cpl": "corporal",
    "Pvt": "private", "Pfc": "private first class", "Cmdr": "commander", "Cdr": "commander",
    "Comdr": "commander", "Brig": "brigadier", "Ens": "ensign", "Sgts": "sergeants", "Gens": "generals",
    "Sens": "senators", "Reps": "representatives", "Govs": "governors", "Drs": "doctors",
    "Profs": "professors", "Revs": "reverends", "Pres": "president", "Supt": "superintendent",
    "Amb": "ambassador", "Insp": "inspector", "Det": "detective", "Msgr": "monsignor", "Fr": "father",
    "Bro": "brother", "Sr": "sister", "Cllr": "councillor", "Mme": "madame", "Mlle": "mademoiselle",
    "Atty": "attorney", "Asst": "assistant", "Mr": "mister", "Cardl": "cardinal", "Archbp": "archbishop",
    "Bp": "bishop", "Wm": "william", "Geo": "george", "Chas": "charles", "Thos": "thomas", "Jas": "james",
    "Mx": "mix", "Assoc": "associate", "Spc": "specialist",
}  # fmt: skip
