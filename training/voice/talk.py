"""Patterns of how people talk: dialogue, questions and answers, stories, instructions, numbers in use.

Slots in braces are `lexicon`'s lists and `grammar`'s numbers; those of LISTS here come first.
"""

from __future__ import annotations

LISTS = {
    "meal": "breakfast|lunch|dinner|supper|tea|a snack|a picnic",
    "dish": """a bowl of soup|some toast and jam|a cheese sandwich|fried eggs|roast chicken
        |a plate of noodles|apple pie
        |grilled fish|a green salad|mashed potatoes|a slice of pizza|pancakes with syrup|rice and beans""",
    "drink": "coffee|tea|water|orange juice|lemonade|hot chocolate|a glass of milk|ginger ale|iced tea",
    "room": "kitchen|bathroom|bedroom|living room|garage|attic|basement|hallway|garden|office|laundry room",
    "job": """a nurse|an engineer|a carpenter|an electrician|a journalist|a pilot|a chemist|a violinist
        |a translator
        |a baker|a lifeguard|an architect|a judge|a zookeeper|a psychologist|a mechanic|an accountant""",
    "illness": """a cold|a headache|a sore throat|a fever|a cough|a toothache|a stiff neck|hay fever
        |an upset stomach""",
    "hobby": """gardening|chess|swimming|knitting|photography|hiking|pottery|judo|fishing|yoga|birdwatching
        |sailing
        |rowing|juggling|archery|cycling|calligraphy|beekeeping""",
    "vehicle": """the bus|the train|a taxi|the ferry|my bike|the subway|a plane|the night train|the tram
        |my sister's van""",
    "weather": """raining hard|snowing|getting dark|cloudy|freezing|very windy|boiling hot|foggy|drizzling
        |clearing up
        |thundering""",
    "place_to": """the airport|the beach|the bank|the dentist|the library|the museum|the office|the market
        |the gym
        |the post office|the theater|the zoo|the harbor|the mountains|the pharmacy|the courthouse
        |the bakery""",
    "gadget": """phone|laptop|printer|camera|heater|alarm clock|dishwasher|vacuum cleaner|microwave|headphones
        |washing machine|keyboard|flashlight|radio""",
    "fault": """makes a strange noise|won't turn on|keeps switching off|is completely dead|smells of smoke
        |needs a new battery|has stopped working|is frozen again|leaks""",
    "chore": """water the plants|feed the cat|take out the trash|wash the dishes|lock the back door
        |call the plumber
        |pick up the children|fold the laundry|charge the battery|pay the electricity bill|sweep the porch
        |shovel the snow|empty the fridge|walk the dog|change the light bulb|fix the fence""",
    "past_chore": """watered the plants|fed the cat|took out the trash|washed the dishes|locked the back door
        |called the plumber|picked up the children|folded the laundry|charged the battery|paid the bill
        |swept the porch|emptied the fridge|walked the dog|fixed the fence""",
    "subject_school": """biology|chemistry|geography|history|algebra|physics|music|French|geometry|philosophy
        |economics|astronomy""",
    "show": """the concert|the lecture|the exhibition|the match|the wedding|the meeting|the parade
        |the interview
        |the film|the circus|the auction|the rehearsal""",
    "mood": """wonderful|terrible|rather dull|surprisingly good|a complete disaster|worth every penny
        |far too long
        |unforgettable|quite a shock|better than I expected|absolutely hilarious""",
    "reason": """I missed the bus|my alarm didn't ring|the road was closed|I had to work late|nobody told me
        |I lost my keys|the children were ill|there was a power cut|I forgot the time|the bridge was up
        |I couldn't find a parking space|my boss needed the figures""",
    "relative": """my aunt|my uncle|my cousin|my grandmother|my younger brother|my older sister|my nephew
        |my niece
        |my father-in-law|my twin|my godmother|my neighbor""",
    "pet": "puppy|kitten|parrot|hamster|goldfish|pony|rabbit|tortoise|canary|guinea pig",
    "nature": """the river|the valley|the old oak|the cliffs|the meadow|the glacier|the lighthouse|the orchard
        |the desert|the waterfall|the volcano|the marsh|the canyon|the island""",
    "sight": """a heron was fishing|smoke rose from a chimney|the water shone like glass|two deer were grazing
        |children were flying kites|the ice began to crack|a boat drifted slowly by
        |the wheat was already golden
        |swallows circled overhead|the mist was lifting|wild garlic covered the ground|an owl hooted twice
        |the waves crashed on the rocks""",
    "exclaim": """wow|oh no|good heavens|goodness|hooray|ouch|oh dear|great|fantastic|bravo|careful|well done
        |shame on you""",
    "answer": """yes, of course|no, not yet|maybe later|I'm afraid not|I think so|I doubt it|absolutely
        |not at all
        |it depends|sure, why not|I'd rather not|certainly|I have no idea|you're right|probably|never mind""",
    "opinion": """I believe|I'm not sure|she always says|they told us|everybody knows|he swears|it turns out
        |the truth is|my guess is|we both agree""",
    "claim": """money isn't everything|the early train is cheaper|this house is haunted|honey never spoils
        |the moon looks bigger in autumn|nothing good happens after midnight|old tools are better than new
        ones
        |practice matters more than talent|cats choose their owners|the second try is always easier
        |a short nap helps more than coffee|you can't rush bread|the shortest road is not the quickest
        |silence is sometimes the best answer|rivers never run straight|wool keeps you warm even when it's wet
        |whales sing to each other across the ocean|the youngest child is the loudest""",
    "instruction": """press the red button|turn left at the church|stir the sauce for ten minutes
        |hold the rope with both hands|write your name at the top of the page|close the valve before you leave
        |mix the flour with the butter|keep the receipt in a safe place|unplug the charger first
        |follow the yellow signs|tighten the screws by hand|whisk the eggs until they are fluffy
        |measure twice and cut once|peel the potatoes and slice them thinly|read the label carefully
        |shake the bottle well|fold the paper along the dotted line|switch off the engine and pull out the
        key""",
    "sound_word": """quilt|zebra|jigsaw|thistle|vineyard|yacht|oyster|whiskers|treasure|measure|azure|genre
        |beige
        |hedgehog|cathedral|feather|ointment|avocado|xylophone|giraffe|marmalade|mosquito|rhubarb|squash
        |thermometer|vanilla|wreath|zipper|youth|leisure|choir|chaos|anchor|cello|fjord|ghost|knight|pneumonia
        |psalm|rhythm|subtle|sword|tongue|vague|wharf|boutique|colonel|debris|eulogy|facade""",
}  # fmt: skip

DIALOGUE = """
"Are you coming to {show}?" "{answer}."
"Would you like {dish}?" "Yes, please, and some {drink}, if you have any."
"Where is {name}?" "Still in the {room}, I think."
"What's the matter?" asked {name}. "I've got {illness}," said {name}.
"{exclaim}!" cried {name}. "The {gadget} {fault}!"
"Did you {chore}?" "{answer}."
"I {past_chore} this morning," said {name}, "so it's your turn to {chore}."
"Why are you so late?" "Because {reason}."
"Who told you that?" "{relative} did."
"How was {show}?" "It was {mood}."
"Excuse me, how do I get to {place_to}?" "Take {vehicle}, and get off at {surname} Street."
"Can I help you?" "Yes, I'm looking for {place_to}."
"What do you do for a living?" "I'm {job}, and so is {relative}."
"It's {weather}," said {relative}. "Then we'd better stay in the {room}."
"Shall we have {meal} together?" "{answer}!"
"{name}, could you {chore}, please?" "In a minute!"
"You look {feeling}." "I am, because {reason}."
"Is this seat taken?" "No, go ahead."
"Have you ever been to {country}?" "Only once, in {month}, when it was {weather}."
"Wait!" shouted {name}. "You forgot your {gadget}!"
"I don't like {subject_school}," he sighed. "Nobody does," she said, "but {claim}."
"Do you believe that {claim}?" "{answer}."
"When does {show} start?" "At {clock}, but come early."
"How much is the {gadget}?" "{money}, and worth every penny."
"Hello, is that {name}?" "Speaking. Who's calling?"
"Sorry, what did you say?" "I said that {claim}!"
"Good morning! Did you sleep well?" "{answer}. There was an owl outside."
"""
TALKING = """
{exclaim}, {name}, that was {mood}!
I would have called you, but {reason}.
Let's have {meal} in the {room}, shall we?
If it's still {weather} on {day}, we'll take {vehicle} to {place_to}.
{opinion} that {claim}.
{opinion}: {claim}.
We had {dish} for {meal}, and {drink} with it.
My {gadget} {fault}, and I need it for {show}.
Please {chore} before you go to {place_to}.
I've already {past_chore}, {past_chore}, and {past_chore}.
{relative} took up {hobby} last {season}, and now talks of nothing else.
{relative} wanted to be {job}, but ended up as {job}.
Don't forget to {chore}, {name}; it's {weather} outside.
Honestly, I'd rather {chore} than go to {show} again.
She has {illness}, so she can't come to {show} on {day}.
Thanks to {name}, we got to {place_to} just in time.
Oh, it's you! I thought you were in {town}.
Well, to be honest, {show} was {mood}.
Look, {name}, there's a {pet} in the {room}!
I'm sorry, {name}. {reason}, and nobody could help me.
No, no, no! First {instruction}, and then {instruction}.
First, {instruction}. Then {instruction}. Finally, {instruction}.
To begin, {instruction}; if nothing happens, {instruction}.
Be careful: {instruction}, or the {gadget} will break.
Keep calm, {instruction}, and wait for {name}.
Come in, sit down, and have some {drink}.
Happy birthday, {name}! You're {small} today!
Ladies and gentlemen, welcome to {show}.
Good evening, this is {name} {surname} from {town}.
I speak {language}, a little {language}, and no {language} at all.
You're not going to believe this, but {relative} has bought a {pet}.
Believe it or not, {claim}.
As {relative} used to say, {claim}.
Sometimes I wonder whether {claim}.
There's nothing like {drink} after {hobby}.
"""
STORIES = """
Near {nature}, {sight}.
When we reached {nature}, {sight}.
Beyond {nature}, {sight}, and nobody spoke.
It was {weather} in {town}, and {sight}.
Early on {day}, before the shops were open, {sight}.
For {small} years {relative} lived beside {nature} with a {pet} called {name}.
{name} walked along {nature} until {sight}.
At {clock} the doors opened, and {name} {surname} stepped into the {room}.
The {pet} slept in the {room} while {relative} read the paper.
Long ago, in a village near {town}, there lived a {person} who loved {hobby}.
Nobody in {town} remembered the {person}, but everybody remembered the {pet}.
They followed {nature} for {small} miles and found nothing but stones.
The letter from {country} arrived in {month}, {small} days too late.
Her {pet}, which had been asleep all day, ran into the {room} and jumped on the table.
He looked at the {gadget}, shook his head, and said that it was {mood}.
In {month}, {nature} is quiet; in {month}, it is full of visitors.
"""
ASKING = """
Did you know that {claim}?
Why does the {gadget} always break when it's {weather}?
Could you {chore} while I {chore}?
Where did {relative} learn {hobby}?
What would you like for {meal}: {dish}, or {dish}?
Have you finished your {subject_school} homework, {name}?
How often do you go to {place_to}?
Who left the {gadget} in the {room}?
Shouldn't we take {vehicle} instead?
What if {reason}?
Is it true that {relative} is {job}?
Do you prefer {hobby} or {hobby}?
When was the last time you {past_chore}?
Are there any tickets left for {show}?
You {past_chore}, didn't you?
It isn't {weather} again, is it?
Which way is {place_to}, please?
Would it be all right if I brought {relative} to {show}?
Can you hear me, {name}?
Isn't {nature} beautiful in {season}?
Really? In {town}? On {day}?
How far is it from {town} to {town}?
What's {number} divided by {small}?
"""
COUNTING = """
The flight to {town} leaves at {clock} from gate {small}.
Your room is number {small} on the {ordinal} floor.
My number is {phone}; call me after {clock}.
That'll be {money}, please.
Chapter {small}, page {number}.
In {year}, {number} people lived in {town}; today there are {number}.
Mix {small} grams of sugar with {small} grams of flour.
The score was {digit} to {digit} after {small} minutes.
It's {clock}, and it's {weather} in {town}.
{name} was born in {town} on {date}, {year}.
Turn to page {number}, and read the {ordinal} line.
The lake is {number} feet deep and {small} miles wide.
We sold {number} tickets on {day} and {number} on {day}.
Take {digit} tablets {digit} times a day, after {meal}.
Room {number}, building {digit}, second entrance on the left.
{small} percent of the people we asked had never been to {place_to}.
He ran the marathon in {small} minutes less than in {year}.
The temperature fell from {small} degrees to minus {digit}.
Only {small} of the {number} seats were taken.
Dial {phone}, and ask for {name} {surname}.
"""
SPELLING = """
The next word is {sound_word}.
How do you spell {sound_word}?
{sound_word}, {sound_word}, and {sound_word}.
I can never remember the word {sound_word}.
Can you say {sound_word} ten times?
She wrote {sound_word} where she meant {sound_word}.
The word of the day is {word}.
What is the difference between {word} and {word}?
What does {word} mean in {language}?
She looked up {word}, {word}, and {word}.
{word}, {word}, {word}, and {word}.
"{word}" comes before "{word}" in the dictionary.
"{word}" was the answer, not "{word}".
Don't say {word}; say {word}!
Did he say {word}, or {word}?
The headline had only two words: {word} {word}.
{name} crossed out {word} and wrote {word} above it.
There are three words on the board: {word}, {word} and {word}.
How would you use {word} and {word} in a sentence?
"""
SHORT = """
{exclaim}!
{answer}.
{name}?
{name}!
{drink}, please.
{place_to}.
Not {name}!
On {day}.
In {month}?
It's {weather}.
Is it {weather}?
{relative}, perhaps.
Two {food}s, please.
Over there.
Who's there?
What on earth is that?
Me too.
So what?
Don't move!
See you at {clock}.
"""
PATTERNS = {
    kind: tuple(block.strip().splitlines())
    for kind, block in {
        "dialogue": DIALOGUE, "talking": TALKING, "stories": STORIES, "asking": ASKING, "counting": COUNTING,
        "spelling": SPELLING, "short": SHORT,
    }.items()
}  # fmt: skip
LISTS["language"] = "French|Spanish|Japanese|Arabic|Greek|Dutch|Polish|Swedish|Welsh|Turkish|Hindi|Korean"
WORDS = {kind: tuple(" ".join(item.split()) for item in block.split("|")) for kind, block in LISTS.items()}
