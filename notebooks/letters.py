"""Letters to a city: made up, the same every time, small enough for a lesson.

Ten subjects, two years, three ways of writing in. Floods come in one autumn, snow in winter, and from September 2024 on
people write about rented scooters, which nobody had done before.
"""

from __future__ import annotations

import random

import pandas as pd

PLACES = (
    "Mill Lane,Station Road,Harbour Street,the old market,Linden Avenue,Castle Hill,the north gate,Bridge Street,"
    "Orchard Close,the town hall,Church Square,Riverside Walk"
).split(",")

#: Subject -> how often it comes up, when, and three parts that letters about it are put together from.
SUBJECTS: dict[str, tuple[int, str, list[str], list[str], list[str]]] = {
    "buses": (
        170,
        "always",
        [
            "The bus from {place} came twenty minutes late again.",
            "For the third time this week the evening bus did not stop at {place}.",
            "The new timetable leaves {place} without a bus after eight.",
            "Two full buses drove past the stop at {place} this morning.",
        ],
        [
            "People missed their trains, and the display at the stop said nothing.",
            "The driver told us that a colleague was ill and no replacement was sent.",
            "Pupils wait for an hour if they miss the connection.",
            "My season ticket costs more every year while the service gets worse.",
        ],
        [
            "Please put a larger bus on this line at rush hour.",
            "When will the timetable be mended?",
            "A shelter at the stop would help as well.",
        ],
    ),
    "potholes": (
        150,
        "always",
        [
            "There is a pothole the size of a bathtub in {place}.",
            "The road surface at {place} has been breaking up since the spring.",
            "My car lost a wheel trim in the hole outside {place}.",
            "The asphalt that was laid at {place} last year is cracked already.",
        ],
        [
            "Cyclists swerve into the traffic to avoid it.",
            "The patch that was put on it in May held for a week.",
            "Lorries crash through it all night and shake the houses.",
            "A garage charged me three hundred for a new tyre and suspension.",
        ],
        [
            "Please resurface the whole road and not only the worst spot.",
            "Who pays for the damage to my car?",
            "I have marked it with paint so that the road crew can find it.",
        ],
    ),
    "rubbish": (
        140,
        "always",
        [
            "The bins at {place} have not been emptied for two weeks.",
            "Somebody keeps leaving old mattresses and rubbish next to the containers at {place}.",
            "The recycling lorry skipped {place} without a word.",
            "Gulls tear the rubbish bags open at {place} every Monday.",
        ],
        [
            "It smells, and we have seen rats in the yard.",
            "The paper containers overflow and the wind does the rest.",
            "Neighbours put plastic into the organic waste because they are not told better.",
            "The collection calendar on the website is wrong.",
        ],
        [
            "Please send the collection round again.",
            "A second container for glass is needed.",
            "Could the bins have lids that close?",
        ],
    ),
    "noise": (
        120,
        "summer",
        [
            "The music from the bar at {place} goes on until three in the morning.",
            "Motorcycles race up and down {place} at night.",
            "Young people with loudspeakers gather at {place} every weekend.",
            "The ventilation of the restaurant at {place} hums all night long.",
        ],
        [
            "We cannot sleep with the windows open.",
            "The police came once, and the noise was back an hour later.",
            "My children are awake at midnight and tired at school.",
            "I have measured seventy decibels in my bedroom.",
        ],
        [
            "Please enforce the quiet hours.",
            "Is there a permit for live music at all?",
            "A limit on opening hours would let people sleep.",
        ],
    ),
    "playgrounds": (
        110,
        "summer",
        [
            "The slide on the playground at {place} has been closed off for months.",
            "There is broken glass in the sandpit at {place}.",
            "The swings at {place} are rusty and one chain has come off.",
            "The playground at {place} has nothing for children under three.",
        ],
        [
            "Parents walk to another part of town with their toddlers.",
            "My daughter cut her hand while playing.",
            "A fence towards the road is missing as well.",
            "There is no shade, and the metal gets too hot to touch.",
        ],
        [
            "Please repair the climbing frame before the holidays.",
            "We parents would help to paint it.",
            "New sand and a bench would be a start.",
        ],
    ),
    "library": (
        100,
        "always",
        [
            "I was glad to find the library at {place} open on Sunday.",
            "The library at {place} closes at five, when people with jobs come home.",
            "The reading room at {place} has been cold all week.",
            "The branch library at {place} is to lose its librarian.",
        ],
        [
            "My grandchildren borrow a bag of books every week.",
            "Students sit on the floor because there are too few desks.",
            "Newspapers and large print novels have been cut from the catalogue.",
            "The staff are patient with people who have never used a computer.",
        ],
        [
            "Please keep it open in the evening.",
            "Could readers renew their books online?",
            "Please thank the librarians from me.",
        ],
    ),
    "parking": (
        120,
        "always",
        [
            "I was fined for parking at {place} although I had a resident permit.",
            "Visitors to the shops take all the parking spaces at {place}.",
            "The ticket machine for parking at {place} swallows coins and prints nothing.",
            "Delivery vans park on the pavement at {place} all day.",
        ],
        [
            "Residents drive round the block for half an hour every evening.",
            "The fine is higher than a month of the permit.",
            "Wheelchair users have to go into the road.",
            "The app charges for a whole hour when ten minutes were needed.",
        ],
        [
            "Please cancel the penalty.",
            "Residents should have spaces of their own.",
            "When will the traffic wardens come by?",
        ],
    ),
    "floods": (
        110,
        "autumn 2023",
        [
            "After the storm the water stood knee deep in {place}.",
            "Our cellar in {place} was flooded for the second time within a month.",
            "The drains at {place} cannot take the rain any more.",
            "The river came over its bank at {place} during the night.",
        ],
        [
            "The fire brigade pumped until the morning and the furniture is lost.",
            "Nobody warned us before the flood barrier was closed.",
            "The insurance asks for a letter from the city about the water level.",
            "Sandbags came when the water was already inside the houses.",
        ],
        [
            "Please clean the gullies before the leaves fall.",
            "When will the flood wall be built?",
            "The pumps have to be ready before the next storm.",
        ],
    ),
    "snow": (
        80,
        "winter",
        [
            "The pavement at {place} has been a sheet of ice since Monday.",
            "The snow plough buried the crossing at {place}.",
            "Nobody has gritted the steps at {place} after the snow.",
            "The footpath to {place} has not been cleared of snow.",
        ],
        [
            "My mother slipped and broke her wrist.",
            "The grit bins are empty.",
            "The road is clear to the tarmac while people on foot slide.",
            "Old people have not left the house for days.",
        ],
        [
            "Please grit the pavements before the roads.",
            "Whose duty is the clearing?",
            "A handful of salt would have been enough.",
        ],
    ),
    "scooters": (
        110,
        "from September 2024",
        [
            "Rented electric scooters lie across the pavement at {place}.",
            "Three electric scooters blocked the ramp at {place} this morning.",
            "Two boys on one rented scooter nearly ran me over at {place}.",
            "Since the scooter company came to town, {place} is an obstacle course.",
        ],
        [
            "A blind neighbour fell over one that was left in the dark.",
            "Riders drop them wherever the rental ends.",
            "The hotline of the rental company does not answer.",
            "Some lie in the river, batteries and all.",
        ],
        [
            "Please give the scooters parking bays of their own.",
            "A licence for the rental company should have conditions.",
            "Other cities have banned scooters from the pavement.",
        ],
    ),
}
WAYS = ("web form", "e-mail", "paper")

#: What people say besides, whatever they write about.
ASIDES = (
    "I have lived here for thirty years.",
    "I write on behalf of my neighbours.",
    "My taxes pay for this.",
    "I hope you are the right person to write to.",
    "Last year was better.",
    "A photo is attached.",
    "Nobody answered my last letter.",
    "Excuse my handwriting.",
    "My wife says I should not complain so much.",
    "Sorry for the trouble, and thank you for your work.",
)
#: Letters that belong to no subject.
ODDITIES = (
    "I found a wedding ring by the fountain. Where is the lost property office?",
    "Our choir celebrates its hundredth birthday and would like to invite the mayor.",
    "A swarm of bees has settled in the letter box of the post office.",
    "The flowers on the roundabout are lovely this year, please tell the gardeners.",
    "Which form do I need to change my first name?",
    "The clock on the church tower shows half past four all day long.",
    "I am writing a book about the old tannery. May I see the archive?",
    "My neighbour keeps eleven cockerels. Is that allowed in a flat?",
    "The election leaflet came with the wrong polling station on it.",
    "Could the swimming pool be heated to more than twenty degrees?",
    "A film crew would like to shoot in the crypt for two nights.",
    "The new passport shows my daughter with somebody else's date of birth.",
    "Is there a tree nursery where one can buy the old kinds of apple?",
    "Somebody has painted a moustache on the statue of the founder.",
    "How much does it cost to be buried under a tree?",
    "The mobile phone has had no signal in our valley since the spring.",
    "Please send me the minutes of the council meeting about the wind turbines.",
    "My application for child benefit has been lying with you since January.",
    "A beaver has felled three willows in the park.",
    "The cinema asks whether it may show films in the open air.",
)


def letters(seed: int = 7) -> pd.DataFrame:
    """A thousand letters or so: id, text, date, class (how it was sent), in the order in which they came."""
    draw = random.Random(seed)
    rows = []
    for subject, (number, season, openings, details, wishes) in SUBJECTS.items():
        parts = [(o, d, w, p) for o in openings for d in details for w in wishes for p in PLACES]
        for opening, detail, wish, place in draw.sample(parts, number):
            chosen = [opening.format(place=place)]
            chosen += [part for part, odds in ((detail, 0.85), (wish, 0.7)) if draw.random() < odds]
            if draw.random() < 0.4:
                chosen.insert(draw.randrange(len(chosen) + 1), draw.choice(ASIDES))
            rows.append((subject, " ".join(chosen), _day(draw, season), draw.choices(WAYS, (6, 3, 1))[0]))
    rows += [("something else", text, _day(draw, "always"), draw.choices(WAYS, (6, 3, 1))[0]) for text in ODDITIES]
    table = pd.DataFrame(rows, columns=["subject", "text", "date", "class"])
    table = table.sort_values(["date", "text"], ignore_index=True)
    table["id"] = [f"L{number:04d}" for number in range(1, len(table) + 1)]
    return table[["id", "text", "date", "class", "subject"]]


def _day(draw: random.Random, season: str) -> str:
    start = pd.Timestamp("2023-01-01")
    while True:
        day = start + pd.Timedelta(days=draw.randrange(731))
        wanted = {
            "always": True,
            "summer": day.month in (5, 6, 7, 8, 9) or draw.random() < 0.15,
            "winter": day.month in (12, 1, 2),
            "autumn 2023": day.year == 2023 and day.month in (10, 11),
            "from September 2024": day >= pd.Timestamp("2024-09-01"),
        }[season]
        if wanted:
            return str(day.date())


if __name__ == "__main__":
    letters().drop(columns="subject").to_csv("letters.csv", index=False)
