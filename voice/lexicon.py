"""Word classes that tell whether an English sentence can end here. Lower case, apostrophes removed ("id" is "I'd").

Closed classes are listed whole; of the open ones only the words that matter at the end of an utterance: verbs that
want an object, linking verbs, adjectives that stand before their noun. Function words after Quirk et al., *A
Comprehensive Grammar of the English Language* (1985), chapters 2-5 and 9; verb frames after Levin, *English
Verb Classes* (1993).
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DETERMINERS = _words("a an the my your our their its every each whose another")
"""A noun must follow. "his", "her", "this", "some" and "any" may stand alone and are not here."""
SUBJECTS = _words("i we they he she")
"""Pronouns that are subjects only."""
PRONOUNS = SUBJECTS | _words("you it this that these those there somebody someone anybody anyone everybody everyone")
CONJUNCTIONS = _words("""and or but nor because although if whether while whereas unless until since when whenever
    wherever than as plus versus""")
SUBORDINATORS = _words("""if whether because although while whereas unless until since when whenever as that how what
    which who where why before after once so and but or""")
"""A pronoun after one of these is the subject of a clause that has yet to come."""
PREPOSITIONS = _words("""of for with from into onto upon among between during without within toward towards against via
    per despite regarding concerning including except beyond behind beneath beside besides across at by to about
    under above below near like unlike through throughout past in on""")
PARTICLES: dict[str, frozenset[str]] = {
    "in": _words("log logged logging sign signed signing check come came put fill plug move moved dial call hand cash "
                 "turn lock drop bring send type sent go went get got locked walk opt live stay phone zoom it that "
                 "them"),
    "on": _words("turn turned go going hold hang carry move come keep switch switched put try early later so add from "
                 "turning it that them"),
    "by": _words("stop come go pass get stand drop"),
    "through": _words("go goes gone get gets got put come comes came went going it that"),
    "to": _words("want wanted used supposed able need like have going trying"),
    "like": _words("look looks sound sounds feel feels you i we they would id"),
    "about": _words("out come"),
    "past": _words("the"),
    "near": _words("anywhere somewhere"),
}  # fmt: skip
"""Prepositions that end a phrasal verb ("log in") after one of these words."""
MODALS = _words("can could will would shall should may might must cannot gonna wanna gotta")
BE = _words("is are was were am be been being")
DO_HAVE = _words("do does did have has had")
NEGATIVES = _words("""isnt arent wasnt werent dont doesnt didnt cant couldnt wont wouldnt shouldnt havent hasnt hadnt
    mustnt mightnt aint""")
AUXILIARIES = MODALS | BE | DO_HAVE | NEGATIVES
CONTRACTIONS = _words("""im ive id ill youre youve youd youll weve theyre theyve theyd theyll itll itd thats its whats
    theres heres wheres whos hows hes shes lets wheres thatll""")
"""A subject and its verb in one word: what it does is still to come."""
WH_OBJECTS = _words("what which who whom whats whos much many long often far")
WH_WORDS = _words("what which who whom whose where when why how whats whos wheres hows")
DEGREE = _words("""very quite really so too more most less least extremely highly rather pretty fairly incredibly
    particularly especially increasingly not completely totally fully absolutely just still already all how as""")
ADVERBS_BEFORE = _words("""very quite really just extremely highly rather fairly incredibly increasingly simply
    basically gonna also always almost nearly hardly barely recently currently probably actually essentially""")
"""Adverbs before a verb or an adjective. After a subject or a verb ("I really") more must come."""
HOURS = _words("one two three four five six seven eight nine ten eleven twelve thirty fifteen")
FILLERS = _words("um uh er erm hmm uhm umm ah well")
LINKING = BE | _words("""im its thats hes shes youre were theyre whats isnt arent wasnt werent seem seems seemed look
    looks looked looking feel feels felt feeling sound sounds become becomes became get gets got getting gone go goes
    turn stay stays remain remains keep keeps make makes made making find found feeling grow consider considered""")
"""An adjective near behind one of these is a predicate and may end the sentence."""
LINKING_OPEN = _words("remain remains remained become becomes became seem seems seemed constitute constitutes")
"""Linking verbs that nothing ends on."""
CLAUSAL = _words("""wondering hoping thinking suggest suggests suggested indicate indicates imply implies argue argues
    assume believe reveal reveals hope guess mean think suppose realize realized heard say says said""")
"""Verbs that a clause with "that" follows."""
WONDERING = _words("wondering hoping calling trying wanting looking asking planning")
"""What callers say they are doing, before they say what for."""

_TRANSITIVE_BASES = """accept accomplish achieve acquire address adopt affect allow apply assess avoid become bring
    build capture carry cause challenge combine comprise confirm consider constitute contain convey create cut define
    deliver demand demonstrate derive describe design determine develop discuss display drive earn employ enable
    encompass encourage enhance ensure establish examine exceed exhibit expand explore expose extend facilitate find
    foster fulfil fulfill generate get give govern guide handle have hold highlight identify illustrate implement
    impose improve include incorporate indicate induce influence integrate introduce investigate involve keep
    lack leverage like locate maintain make manage maximize mean mediate mention minimize modify need obtain offer
    outline own perform possess predict present preserve prevent process produce promote propose prove provide
    publish purchase pursue put raise reach receive recommend reconfigure reduce reflect regulate reinforce represent
    require resemble resolve retain reveal revolutionize say secure seek send set shape share show solve specify
    stimulate strengthen suggest supply support sustain tackle take tell test transform trigger undergo understand use
    utilize
    validate verify want yield"""
_NOUN_TOO = _words("""address challenge cause cut demand design display drive guide highlight influence lack like
    mean need offer present process purchase reach set shape share show supply support test trigger use yield
    outline process result want have carry experience""")
"""Nouns as well: verbs only behind a subject, a modal or "to"."""
_MAY_END = _words("""accept apply build carry challenge confirm cut develop drive earn expand explore get give
    improve keep manage mean offer own perform process produce purchase recommend resolve say send set share show
    support take test understand use verify deliver transform mention integrate""")
"""Often said without their object ("how do I apply", "it didn't send"): only "can you send" and the like wait."""
_ING = _words("leveraging providing including enabling requiring causing involving containing representing ensuring")
_IRREGULAR = {
    "bring": "brought", "build": "built", "get": "got", "give": "gave", "have": "had", "hold": "held", "keep": "kept",
    "make": "made", "mean": "meant", "put": "put", "say": "said", "send": "sent", "show": "showed", "take": "took",
    "tell": "told", "find": "found", "understand": "understood", "become": "became", "undergo": "underwent",
}  # fmt: skip


def _third(base: str) -> str:
    if base.endswith(("s", "x", "ch", "sh", "z")):
        return base + "es"
    return base[:-1] + "ies" if base.endswith("y") and base[-2] not in "aeiou" else base + "s"


def _past(base: str) -> str:
    if base in _IRREGULAR:
        return _IRREGULAR[base]
    if base.endswith("e"):
        return base + "d"
    return base[:-1] + "ied" if base.endswith("y") and base[-2] not in "aeiou" else base + "ed"


_ALL = _words(_TRANSITIVE_BASES)
TRANSITIVE = frozenset(_ALL - _NOUN_TOO - _MAY_END)
"""Base forms that nothing ends on without an object."""
TRANSITIVE_S = frozenset(_third(base) for base in _ALL - _NOUN_TOO - _MAY_END - _words("have"))
TRANSITIVE_PAST = frozenset(_past(base) for base in _ALL - _words("want need like process"))
TRANSITIVE_ING = _ING
NOUN_OR_VERB = _NOUN_TOO - _words("like")
ASKED_FOR = frozenset(_words("send tell give show get find bring have take make put explain provide give set"))
"""After "can you" and "I'd like to": what, is still to come."""

_ADJECTIVES = """own same certain various several different specific special particular additional further new
    previous current recent upcoming next main major minor general common personal private public human
    artificial digital natural national international local global social cultural political economic financial
    technical theoretical practical physical mental emotional environmental ethical moral legal medical biological
    chemical mathematical statistical historical traditional modern contemporary conventional classical
    essential crucial critical vital key significant substantial considerable remarkable profound novel unique
    complex complicated secure safe robust reliable effective efficient potential possible real true actual
    great good nice big large small little huge better best higher lower full whole entire
    both such few other average annual monthly weekly daily
    unprecedented cognitive quantum genetic neural strategic systematic dynamic specific"""
ADJECTIVES = _words(_ADJECTIVES)
ALONE = _words("""different same own other possible better best new real true good great nice full whole public private
    human local daily weekly monthly safe secure next general few social digital main potential novel natural key
    average effective current large small big little modern financial such common both""")
"""Of those, words that also end sentences as nouns or predicates; they wait only between a preposition or a determiner
and their noun."""
ADJECTIVE_ENDINGS = ("ous", "ical", "icial", "ible", "less")
WEAK_ADJECTIVE_ENDINGS = ("ic", "al", "ive", "able", "ful")
NOUNS_BY_ENDING = _words("""topic music clinic logic traffic public fabric mechanic plastic garlic critic magic panic
    electric comic picnic republic arithmetic academic mosaic statistic metric characteristic cosmetic pacific
    goal proposal hospital approval withdrawal manual total terminal renewal material journal arrival rental referral
    portal principal individual professional capital signal animal metal medal festival interval criminal tutorial
    official trial serial memorial editorial commercial potential general normal usual personal final deal meal
    removal disposal dismissal refusal survival appraisal removal credential essential mineral mutual federal postal
    perspective executive initiative alternative objective incentive representative detective native relative
    archive receive active archive drive motive adjective narrative olive forgive arrive survive collective
    table cable vegetable syllable variable available timetable payable receivable disable enable
    handful careful helpful useful successful grateful beautiful wonderful awful
    rates dates updates states estimates candidates certificates duplicates templates plates graduates delegates
    associates climates debates mates gates corporates affiliates certificate candidate estimate template climate
    private chocolate corporate duplicate graduate delegate associate affiliate immediate separate accurate
    appropriate adequate ultimate moderate prizes sizes prize update realize organize apologize cooperate operate
    communicate participate collaborate migrate relocate terminate activate deactivate authenticate""")
