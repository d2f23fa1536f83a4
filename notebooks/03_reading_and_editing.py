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
# # Reading and editing topics
#
# A model is rarely right about everything. Here somebody who knows the city reads the topics and mends them. Every
# edit gives a new run and leaves the old one as it was.

# %%
from letters import letters

import topics
from topics.figures import offline

offline()
docs = letters()
columns = {"text": "text", "id": "id", "date": "date", "class_": "class"}
run = topics.fit(docs.drop(columns="subject"), resolution=0.3, title="Letters to the city", **columns)
run.topics[["topic_id", "size", "name"]]

# %% [markdown]
# Some of these belong together: look at buses, and at rubbish. The hierarchy shows which topics are nearest to one
# another.

# %%
run.hierarchy()

# %% [markdown]
# ## Merge
#
# `run.reduce(10)` merges along the hierarchy until ten are left. With `run.merge(["T0003", "T0007"])` you say
# yourself what belongs together. The largest topic keeps its permanent id; the ids of the others are never given
# again.

# %%
merged = run.reduce(10)
merged.topics[["topic_id", "size", "name", "npmi"]].round(2)

# %% [markdown]
# Words, sizes, confidences and numbers are told anew, as if a fit had found these topics. Since the letters are made
# up, we can look whether they are the subjects now:

# %%
import pandas as pd

pd.crosstab(merged.documents["topic_id"], docs["subject"])

# %% [markdown]
# ## Take apart
#
# Are all letters about rubbish alike? Group them as if they were all there is.

# %%
rubbish = merged.search("rubbish was not collected", limit=1).topics["topic_id"].iloc[0]
finer = merged.split(rubbish, into=3)
parts = set(finer.topics["topic_id"]) - set(merged.topics["topic_id"])
finer.barchart([rubbish, *sorted(parts)])

# %% [markdown]
# For the yearly report that is too fine; we stay with `merged`.
#
# ## Names
#
# Names given by people stay with their topics, whatever happens to them later.

# %%
named = merged.rename(
    {
        merged.search(words, limit=1).topics["topic_id"].iloc[0]: name
        for words, name in {
            "the bus did not come": "Buses that do not come",
            "a hole in the road": "Potholes",
            "snow and ice on the pavement": "Ice and snow",
            "rented scooters on the pavement": "Rented scooters",
        }.items()
    }
)
named

# %% [markdown]
# ## Drop
#
# The library is somebody else's business. Its letters have no topic from now on, nor have new ones like them.

# %%
library = named.search("books and reading", limit=1).topics["topic_id"].iloc[0]
mine = named.drop([library])
mine.assign(["The reading room is cold", "The bus was late again"])[["topic_id", "name", "reason"]]

# %%
mine.heatmap()

# %% [markdown]
# ## The record
#
# What was done is kept with the run, by permanent ids. `topics.editing.replay` makes the same edits on another run,
# and `topics verify` fits and edits again to prove that a run can be had again.

# %%
for edit in mine.provenance["edits"]:
    print(edit)

# %%
again = topics.editing.replay(run, mine.provenance["edits"])
print(again == mine)

# %% [markdown]
# ## What next
#
# - `04_over_time.py`: what happens to these topics when the next letters come.
# - `docs/editing.md` says exactly what an edit changes and what it leaves alone.
