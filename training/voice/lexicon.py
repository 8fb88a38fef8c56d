"""Our own word lists by part of speech, for the sentence patterns of `grammar.py`. Names sort the slots."""

from __future__ import annotations

_LISTS = {
    "person": """mother father brother sister doctor teacher neighbor farmer lawyer driver captain
        baker singer painter student engineer nurse judge soldier waiter writer manager
        grandmother uncle cousin stranger policeman secretary visitor customer child boy girl
        woman man friend scientist reporter sailor tailor carpenter mayor guest thief actor
        poet king queen prince minister librarian gardener plumber pilot""",
    "animal": """dog cat horse cow sheep rabbit bird mouse lion wolf fox bear goat duck pig fish owl
        snake tiger monkey elephant spider bee frog turtle eagle chicken donkey squirrel whale""",
    "thing": """table chair book letter key box lamp clock coat hat bag bottle knife spoon plate
        picture ring mirror blanket candle basket ladder wheel hammer rope bucket camera phone
        computer radio newspaper umbrella ticket map pencil paper glass shirt shoe pocket
        window door bell coin flag wallet drawer bicycle engine machine guitar piano drum
        needle button pillow towel carpet brush kettle oven shovel""",
    "food": """bread butter cheese soup rice milk coffee tea sugar salt honey fruit salad cake pie
        chocolate meat fish chicken pasta potatoes tomatoes onions carrots apples oranges
        grapes lemons beans pepper eggs wine beer juice water cream sauce breakfast lunch
        dinner dessert""",
    "place": """house garden kitchen school church market station bridge river forest mountain beach
        village city town street park hospital library office factory farm harbor island
        valley hotel restaurant museum theater airport castle field lake road square shop bank
        prison university cellar roof attic desert coast border capital square tower hill cave
        port camp""",
    "adjective": """small large old new young warm cold bright dark heavy light quiet loud clean dirty
        strong weak sweet bitter sharp smooth rough narrow wide deep empty full broken
        beautiful ugly expensive cheap strange common famous gentle angry happy sad hungry
        thirsty tired busy lazy clever foolish brave shy honest proud calm nervous careful
        simple difficult perfect ancient modern wooden golden silver yellow green blue red
        black white brown gray orange purple round square dry wet fresh sour useful dangerous""",
    "adverb": """slowly quickly quietly suddenly carefully often always never sometimes usually rarely
        early late again together alone outside upstairs yesterday today tomorrow tonight soon
        finally gladly gently loudly badly easily hardly almost exactly probably certainly
        immediately everywhere""",
    "transitive": """found lost bought sold carried dropped opened closed cleaned painted moved broke fixed
        hid wanted needed liked loved hated took brought kept followed watched saw heard
        remembered forgot described copied borrowed returned stole threw caught pushed pulled
        lifted counted measured showed chose examined ordered washed burned touched held""",
    "intransitive": """laughed cried slept smiled waited arrived left returned walked ran jumped fell sat
        stood listened looked worked rested died shouted whispered sang danced played traveled
        agreed disagreed hesitated stopped started stayed disappeared nodded swam answered
        apologized complained""",
    "infinitive": """find lose buy sell carry open close clean paint move break fix hide want need take
        bring keep follow watch see hear remember forget describe borrow return choose examine
        measure build understand explain improve change finish begin avoid protect share
        replace discuss""",
    "abstract": """time money love truth freedom justice peace music history science nature language
        health power trade art hope fear anger luck patience courage knowledge education
        religion politics weather silence memory beauty danger pleasure trouble energy speed
        success failure growth research law evidence pressure attention experience interest
        influence opinion""",
    "group": """government company committee council union army police court parliament senate
        ministry team commission agency board party bank airline industry association hospital
        university family crowd jury club orchestra navy department foundation""",
    "event": """election meeting storm fire strike trial war festival game race accident earthquake
        flood concert wedding conference exhibition debate crisis drought attack ceremony
        election vote match investigation discovery scandal campaign reform agreement
        negotiation explosion""",
    "said": """said announced explained reported claimed warned admitted promised confirmed suggested
        denied insisted predicted concluded declared""",
    "day": "monday tuesday wednesday thursday friday saturday sunday",
    "season": "spring summer autumn winter",
    "name": """john mary james susan michael linda robert david william richard joseph thomas charles
        daniel matthew emma olivia sophia isabella mia alice bob carol peter paul anna laura
        kate tom jack george henry edward frank helen ruth sarah jane martin simon lucy rachel
        hannah oliver benjamin samuel victoria margaret elizabeth christopher andrew kevin
        brian steven patricia barbara jennifer""",
    "surname": """smith johnson brown taylor miller wilson anderson jackson white harris martin thompson
        garcia robinson clark lewis walker young allen king wright baker hill adams nelson
        carter mitchell roberts turner phillips campbell parker evans edwards collins stewart
        morris murphy cook rogers peterson""",
    "country": """france germany italy spain china japan india brazil canada mexico russia egypt greece
        norway sweden poland turkey england ireland scotland australia argentina chile peru
        kenya nigeria israel denmark finland holland belgium portugal hungary austria
        switzerland vietnam korea""",
    "town": """london paris berlin rome madrid vienna moscow tokyo boston chicago denver dallas
        houston seattle atlanta detroit phoenix washington philadelphia oxford cambridge
        dublin glasgow sydney melbourne toronto montreal cairo athens prague lisbon geneva
        amsterdam""",
    "preposition": "near behind under above beside inside outside across beyond around through past",
    "unit": "miles kilometers pounds feet inches gallons hours minutes days weeks years degrees percent",
    "feeling": """happy sad angry afraid surprised tired proud ashamed nervous curious bored worried glad
        sorry""",
}

LEXICON: dict[str, tuple[str, ...]] = {
    kind: tuple(dict.fromkeys(words.split())) for kind, words in _LISTS.items()
}
