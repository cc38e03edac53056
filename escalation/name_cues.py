"""What stands around people's names, places and firms, as patterns for names.py."""

from __future__ import annotations

import re

# What a caller, or a form, says before a name.
BEFORE = re.compile(
    r"(?:\bname(?:'s| is|s are| was|:)?|\bnames?\s*:|\bnamed|\bcalled|\bunder(?: the name(?: of)?)?"
    r"|\bchange (?:it|that|this) to"
    r"|\b(?:this is|it's|i'm|i am|speaking (?:is|to|with)|speak (?:to|with)|talk(?:ing)? (?:to|with))"
    r"|\bdirected by|\bwritten by"
    r"|\b(?:hi|hello|hey|dear|thanks|regards|sincerely|user:|caller:|attn:?|beneficiary|payee|holder|spouse)|\bmeet"
    r"|\b(?:first|last|maiden|full|middle|partner's|wife's|husband's|mother's|father's|my|your|the"
    r"|account) name(?: is|:|\?)?"
    r"|\b(?:add|remove|contact|call|ask for|heard|know|with|to|by|about|follow up with|said|saw|met|instead of"
    r"|except|besides"
    r"|rather than|or|is)|\bname\?"
    r"|\bname on (?:the|my|your) \w+\?"
    r"|\b(?:player|actor|actress|singer|director|manager|husband|wife|son|daughter|brother|sister|mother"
    r"|father|friend|partner))"
    r"[\s:,\"“]*$",
    re.IGNORECASE,
)
STRONG_BEFORE = re.compile(
    r"(?:\b(?:(?:my|your|the|her|his|maiden|first|last|full|middle|family|partner's|wife's|husband's"
    r"|mother's) )?name(?:'s| is| was|:|\?)"
    r"|\bname on (?:the|my|your) \w+\?|\bnames?\s*:|\bunder(?: the name(?: of)?)?|\bchange (?:it|that"
    r"|this) to|\bdirected by|\bsurname(?: is|:)|\b(?:last|first|family|maiden) name,?"
    r"|\bpartner's name|\b(?:mr|mrs|ms|miss|dr|prof)\.?)[\s:\"“]*(?:(?:user|caller|client|mr|mrs|ms|dr)[.:]?\s*)*$",
    re.IGNORECASE,
)
TITLE_BEFORE = re.compile(r"\b(?:mr|mrs|ms|miss|dr|prof|professor|herr|frau)\.? $", re.IGNORECASE)
PERSON_BEFORE = re.compile(
    r"(?:\b(?:says?|said|asked|replied|told|shouted(?: at)?|answered|wrote|married(?: to)?|assistant to"
    r"|featur(?:es|ing)|played by"
    r"|sung by|influenced by|gender of|mother of|father of|wife of|husband of|friend of|named after"
    r"|on behalf of|add|had given"
    r"|heard|player|somebody named|someone named|(?:somebody|someone|was|is|be) called|named (?:our|my|his|her"
    r"|their) \w+"
    r"|surname(?: is| was)?|used to be|belongs? to|tell|the late|owned by|signed by|made out to|spell)|(?:^"
    r"|[.!?\n]\s?)(?:hi|hello|hey|dear|thanks,?|thank you,?)"
    r"|\b(?:account ?holder|card ?holder|signed|signature|from|to|attention|recipient|sender|payee"
    r"|contact(?: person)?|insured"
    r"|customer|owner|employee|tenant)\s?:"
    r"|\b(?:my|our|his|her|their|your|the) (?:late |new |old |ex-?)?(?:husband|wife|son|daughter|brother|sister"
    r"|mother|father"
    r"|mum|mom|dad|uncle|aunt|cousin|nephew|niece|boss|colleague|friend|partner|neighbou?r|client|patient|fianc[ée]e?"
    r"|grand(?:son|daughter|mother|father)|landlord|tenant|lawyer|accountant|secretary|assistant),?)\s$",
    re.IGNORECASE,
)
# What only people do.
PERSON_AFTER = re.compile(
    r"^(?:,? (?:said|says|shouted|asked|told|wrote|replied|answered|lives|lived|speaks?|thinks|spent"
    r"|had given|gave|call (?:me|us)|ring me|working today|will be (?:talking|speaking)"
    r"|was born|began|married|died|is a (?:very )?(?:\w+ )?(?:person|friend|man|woman)|has been under"
    r"|just has|as a beneficiary|spoke|signed|resigned|retired|passed away|works|worked|was (?:\w+ )?(?:elected"
    r"|married)"
    r"|is \d+|is (?:calling|speaking|working|coming)|told|thinks)\b"
    r"|['’]s (?:card|account|husband|wife|mother|father|son|daughter|brother|sister|boss|phone|number|birthday"
    r"|death|house|money"
    r"|salary|password|complaint|email|address|signature)\b"
    r"| \(born\b| ?<\w|, this is\b| here(?:,| from| calling| speaking)|, (?:the|an?|our|my) [\w ]{3,40}, (?:said"
    r"|says|told)\b"
    r"|, (?:can|could|may|would|will) (?:i|you|we)\b|:\s?[\"“])",
    re.IGNORECASE,
)
AFTER = re.compile(
    r"^(?:'s\b|’s\b|\s*:|,? (?:said|says|lives|lived|speak|speaks|shouted|asked|told|wrote|was born"
    r"|is (?:a|an|the|my|very|right|wrong|rude|nice|late|ill|sick|away|dead|retired)|will be"
    r"|opened|owns|paid|called|moved|wants|needs|sent|received|joined|did|does|will|would|may|can|has|had"
    r"|had given|given|spent|just|began|as (?:a|an|my) (?:beneficiary|\w+ holder)|of|in a couple"
    r"|speaking|here|calling|over)\b"
    r"|, (?:can|could|may|would|please|the|who|i|are|do)\b)",
    re.IGNORECASE,
)
PLACE_BEFORE = re.compile(
    r"(?:\d[\w/-]*\.?|\b(?:works? for|employed by|in|from|at|near|on|via|of|street|st|box|apt|suite|unit|the))[\s,]*$",
    re.IGNORECASE,
)
NUMBER_BEFORE = re.compile(r"\d[\w/-]*\.?\s*,?\s*$")
YEAR_BEFORE = re.compile(r"\b(?:in|since|until|till|by|before|after|during) (?:19|20)\d\d,? $", re.IGNORECASE)
# Words with which places are named: "South Aina", "Port Henderson".
PLACE_WORD_BEFORE = re.compile(
    r"\b(?:north|south|east|west|new|port|lake|saint|santa|san|são|fort|mount|mt\.?|usns|usnv|upper|lower|great"
    r"|los|las|bad|villa|nueva|novo"
    r"|nova|nové|stará|kota|city of|town of)\s$",
    re.IGNORECASE,
)
# Legal forms of firms, as they are written: not "Maria as a witness".
FIRM_AFTER = re.compile(
    r"^,?\s?(?:AG|SE|KG|OHG|B\.?V|N\.?V|S\.?A(?:\.?S|RL|\.?R\.?L)?|SpA|S\.?p\.?A|S\.?r\.?l|AB|AS|A/S|ApS|I/S|HB|KB"
    r"|Oyj?|Osk|Ky|Kft|Bt"
    r"|Zrt|Nyrt|Rt|Tbk|Ltda|S\.?L|d\.\s?d|d\.\s?o\.\s?o|s\.\s?r\.\s?o|a\.\s?s|k\.\s?s|s\.\s?p|z\.\s?s"
    r"|v\.\s?o\.\s?s|S\.Com|e\.\s?V|Pvt"
    r"|PLC|LLP|LP|Inc|Ltd|LLC|& Co| (?:and|&|e|y|und|et) (?:[Ss]ons|Söhne|Filhos|Hijos|Fils|Co|Partners|Zonen"
    r"|Brothers|Bros|Figli))(?![\w])"
)
FIRM_WORD = re.compile(
    r"AG|SE|KG|OHG|BV|NV|SA|SAS|SARL|SpA|Srl|AB|AS|ApS|HB|KB|Oyj?|Osk|Ky|Kft|Bt|Zrt|Nyrt|Rt|Tbk|Ltda|SL|PLC|LLP"
)
# "Gray, Williams and Sutton": three family names make a firm.
FIRM_LIST = re.compile(
    r"\b([^\W\d_]['’\w-]+), ([^\W\d_]['’\w-]+),? (?:and|&|und|y|et|og|och|e|i|en|ja|és) ([^\W\d_]['’\w-]+)\b"
)
# "Name: hyuuma", in a form.
LABEL_BEFORE = re.compile(r"\bname\s*:\s*$", re.IGNORECASE)
PARTICLES_BEFORE = re.compile(
    r"(?<![\w'-])(?:(?:van|von|der|den|de|la|di|da|dos|del|al|el|bin|ben|ten|ter) )+$", re.IGNORECASE
)
# "the account of Marta Kovač", not "the Bank of Marta".
OF_BEFORE = re.compile(r"(?<![\w-])[a-z]+ of $")
# "the Jensen file": what is called by its person's family name.
ATTRIBUTED = re.compile(
    r"^ (?:famil(?:y|ies)|account|case|file|complaint|claim|order|letter|matter|estate|contract|policy|appointment"
    r"|wedding|couple"
    r"|children|kids|boys?|girls?|brothers|sisters|twins|interview|trial|murder|scandal|affair|novel|book|film"
    r"|movie|song|story"
    r"|play|method|theorem|report|household|residence|will|loan|mortgage|payment)\b"
)
MANY_AFTER = re.compile(r" (?:are|were|have|share|live|want|agreed|came|said|called)\b")
# "Keshawn Amble, 9144 Balogun Groves": an address, and whose.
HOUSE_AFTER = re.compile(r"^, \d")
LED_BEFORE = re.compile(
    r"\b(?:ask(?:ed|ing)? for|surname is|spell|(?:last|first|family|maiden) name,?)\s$", re.IGNORECASE
)
# What comes from a person, not from a place.
SENT_BEFORE = re.compile(
    r"\b(?:payments?|calls?|letters?|e-?mails?|messages?|transfers?|money|gifts?|texts?|requests?|news|complaints?"
    r"|notes?"
    r"|cheques?|checks?|invoices?|heard?|got (?:it|this|that)) from\s$",
    re.IGNORECASE,
)
GOING_BEFORE = re.compile(
    r"\b(?:mov(?:e[sd]?|ing)|travel\w*|go|goes|going|went|fl(?:y|ies|ying|ew)|driv(?:e|ing)|get|trip|com(?:e|ing)|came"
    r"|relocat\w+|emigrat\w+)(?: back| over| from [\w ]{2,24})? to\s$",
    re.IGNORECASE,
)
# "No, Muayad."
CALLED_BEFORE = re.compile(
    r"(?:^|[.!?] )(?:no|yes|yeah|sorry|ok|okay|well|listen|look|please|thanks|bye|goodbye), $", re.IGNORECASE
)
# Who says who they are: "I'm Klemas, …", "this is Kadira calling".
SELF_BEFORE = re.compile(r"\b(?:i'm|i’m|i am|this is|it is|it's|my name)\s$", re.IGNORECASE)
SELF_AFTER = re.compile(r"^(?:,|\.|$| (?:calling|speaking|here|and i)\b)", re.IGNORECASE)
NATIONAL = re.compile(r".*(?:ish|ese|ican|nian|rian|sian|dian|lian|wedish|utch)")
# How family names end in many languages (folded): Umkhayev, Bergsveinsson, Kowalska, Filipović.
FAMILY_SHAPE = re.compile(
    r".{2,}(?:sson|dottir|ov|ev|ova|eva|ovic|evic|owicz|ewicz|[wndlrv]sk[iya]|enko|chuk|escu|opoulos|idis|akis"
    r"|oglu|ssen|nsen|rsen|lsen|[bdklmnrt]son|(?:[cfglmnrst]|ge)man"
    r"|nen|strom|qvist|quist|shvili|adze|ezs?|elli|etti|ucci|mann|berger|meier|huis|stra|veld)"
)
PLACE_AFTER = re.compile(
    r"^[ ,-]*(?:\d|(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|court|ct|place|pl|square|squares"
    r"|terrace|way|boulevard|blvd"
    r"|highway|parkway|circle|crescent|close|alley|plaza|park|bridge|hill|hills|heights|house|tower"
    r"|station|airport|island|islands"
    r"|ville|city|town|county|beach|lake|river|mount|mountain|port|forges|coves?|trail|bypass|flat|flats"
    r"|crossing|ridge|club|hotel|bar|restaurant|café"
    r"|school|college|university|hospital|church|museum|orchestra|band|team|union|inc|ltd|llc|plc|gmbh"
    r"|corp|corporation|company|co"
    r"|group|bank|partners|associates|holdings|sons|services|investments|springs|systems|solutions"
    r"|international|foundation|institute|agency|office"
    r"|card|account|fee|loan|pay|prime|app|online|utca|ut|gata|gatan|vej|gade|straße|strasse|weg|platz"
    r"|straat|ulica|katu|u)\b)",
    re.IGNORECASE,
)
NEVER = frozenset(
    """i i'm i'd i'll i've monday tuesday wednesday thursday friday saturday sunday january february march april may
    june july august september october november december english spanish french german italian american
    british european christmas easter visa mastercard paypal google apple amazon iban pin atm usa uk us eu
    london paris rome berlin york england france germany spain italy europe america canada mexico china japan
    india australia russia brazil ireland scotland wales poland portugal washington california texas florida
    chicago boston angeles san santa saint street road avenue north south east west united states kingdom new
    bank internet company city country world ok okay yes no hello hi hey thanks please sorry mom dad mum
    mother father user bot agent caller client operator africa asia springs credit debit apo fpo dpo ap aa ae
    mobile desk fax phone email address website personal info title hall hq ceo ok account holder cardholder
    uss hms usns usnv psc
    afghanistan albania algeria argentina austria belgium bolivia bulgaria cambodia cameroon chile colombia croatia cuba
    cyprus denmark ecuador egypt estonia ethiopia finland ghana greece hungary iceland indonesia iran iraq jamaica
    kazakhstan kenya kuwait laos latvia lebanon libya lithuania luxembourg malaysia malta moldova monaco morocco nepal
    netherlands nicaragua nigeria norway oman pakistan panama paraguay peru philippines qatar romania rwanda samoa
    serbia singapore slovakia slovenia somalia sudan sweden switzerland syria taiwan tanzania thailand tunisia turkey
    uganda ukraine uruguay venezuela vietnam yemen zambia zimbabwe korea azerbaijan armenia belarus bosnia macedonia
    montenegro kosovo bangladesh danish swedish norwegian finnish dutch polish portuguese greek turkish russian
    chinese japanese korean arabic hungarian czech""".split()
)
