# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # First topics in five minutes
#
# A city gets a thousand letters in two years. What are they about? Nobody has time to read them all, so let us ask.
#
# The letters are made up (see `letters.py`), so that this notebook needs no download and always shows the same. With
# documents of your own, a file does: `topics.fit("letters.csv", text="text")`.

# %%
from letters import letters

import topics
from topics.figures import offline

offline()  # figures without a network, in JupyterLab and VS Code

docs = letters().drop(columns="subject")
docs.head(3)

# %% [markdown]
# ## One line
#
# Documents become vectors, near vectors become topics, and topics get words. The first time this takes some seconds;
# the second time next to nothing, since every step is kept in a store.

# %%
columns = {"text": "text", "id": "id", "date": "date", "class_": "class"}
run = topics.fit(docs, resolution=0.3, keep_text=True, title="Letters to the city", **columns)
run

# %% [markdown]
# The card above says how many topics there are and how far to trust them. *Coverage* is the share of letters that
# have a topic, *stability* how far the topics come again when the grouping is repeated, *npmi* whether the words of a
# topic go together. `resolution=0.3` asks for fewer and larger topics than there would be by default;
# `02_choosing.py` is about that. Texts are no part of a run unless `keep_text` asks for them.
#
# ## The map
#
# Every letter is a point, and letters that mean the like lie together. Hover to see which is which, click to single
# out a topic, scroll to come nearer.

# %%
run.map()

# %% [markdown]
# ## The words

# %%
run.barchart(most=8)

# %% [markdown]
# ## One topic, and the letters that show it best

# %%
largest = run.topic(0)
print(largest["topic_id"], largest["name"], f"{largest['size']} letters")
for text in run.representatives.query("topic == 0")["text"]:
    print("-", text)

# %% [markdown]
# ## Questions in words of your own
#
# A search compares meanings, not letters of words: none of these texts has the word "basement".

# %%
found = run.search("my basement is full of water", limit=3)
found.topics

# %%
found.documents[["similarity", "topic_id", "text"]]

# %% [markdown]
# ## New letters
#
# A letter gets the topic its neighbours speak for, and a confidence: how often it would land there if all were
# grouped again. *Novelty* is the share of the old letters that are less strange than this one; what is stranger than
# all but a few has no topic, and the reason says so.

# %%
run.assign(
    [
        "The eight o'clock bus never came and I was late for work.",
        "There is a deep hole in the road in front of our school.",
        "I would like to marry in the town hall. Whom do I ask?",
        "Ein Brief in einer anderen Sprache.",
    ]
)[["topic_id", "name", "confidence", "novelty", "reason"]].round(2)

# %% [markdown]
# ## A report to send round
#
# A run is saved as a folder of plain files. Its `report.html` is one file that works offline.

# %%
folder = run.save("outputs/letters")
sorted(path.name for path in folder.iterdir())

# %% [markdown]
# ## What next
#
# - `02_choosing.py`: is this the right number of topics, and the right encoder?
# - `03_reading_and_editing.py`: give topics names, merge two, take one apart.
# - On the command line the same is `topics fit letters.csv --text text --date date --resolution 0.3`.
