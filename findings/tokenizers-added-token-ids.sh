#!/usr/bin/env bash
# tokenizers 0.23.3 (seen with Python 3.11): the ids of added tokens in tokenizer.json are not kept.
#
# Guess: an added token that the model's vocabulary does not hold has the id that the file gives it, as speech models' tags
# have, whose embeddings lie at that row; or the file is refused. Seen: it gets the next free id, without an error or a
# warning, and the file that is saved again holds the other id. So a tokenizer.json with a gap before its tags, as a pruned
# vocabulary leaves it, gives the model other rows. An added token that the vocabulary holds keeps the vocabulary's id,
# whatever the file says.
# Ends with 0 while this is so. Output seen:
#   "[laugh]" is 50 in the file, and 3 when it was loaded; id 50 is None; saved again it is 3
#   "b" is 7 in the file, and 1 when it was loaded
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q tokenizers==0.23.3
cat > "$work/try.py" <<'PY'
import json
import sys

from tokenizers import Tokenizer


def added(id, content):
    switches = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": id, "content": content, "special": True, **switches}


model = {"type": "WordLevel", "vocab": {"a": 0, "b": 1, "[UNK]": 2}, "unk_token": "[UNK]"}
parts = dict.fromkeys(("truncation", "padding", "normalizer", "post_processor", "decoder"))
file = {"version": "1.0", **parts, "pre_tokenizer": {"type": "Whitespace"}, "model": model}
tag = Tokenizer.from_str(json.dumps({**file, "added_tokens": [added(50, "[laugh]")]}))
again = json.loads(tag.to_str())["added_tokens"][0]["id"]
told = tag.token_to_id("[laugh]"), tag.id_to_token(50), again
print(f'"[laugh]" is 50 in the file, and {told[0]} when it was loaded; id 50 is {told[1]}; saved again it is {told[2]}')
known = Tokenizer.from_str(json.dumps({**file, "added_tokens": [added(7, "b")]})).token_to_id("b")
print(f'"b" is 7 in the file, and {known} when it was loaded')
sys.exit(int((*told, known) != (3, None, 3, 1)))
PY
"$work/venv/bin/python" "$work/try.py"
