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
# # Topics over time, and what changed
#
# Letters have dates, and go on coming. This notebook looks at the first twenty months, then takes in what came after,
# and asks what is new.

# %%
from letters import letters

import topics
from topics.figures import offline

offline()
docs = letters().drop(columns="subject")
columns = {"text": "text", "id": "id", "date": "date", "class_": "class"}
old, new = docs[docs["date"] < "2024-09-01"], docs[docs["date"] >= "2024-09-01"]
print(len(old), "letters until August 2024,", len(new), "since")

# %%
run = topics.fit(old, resolution=0.3, title="Letters to the city", **columns)
run.timeline(period="month")

# %% [markdown]
# One autumn stands out, and every winter. Which topic made the highest peak?

# %%
months = run.timeline(period="month").data
peak = months.loc[months["documents"].idxmax()]
print(peak["topic"], peak["period"].date(), peak["documents"], "letters")

# %% [markdown]
# `run.over_time()` is a table: documents, shares, and the words of each topic in each period.

# %%
run.over_time("month").query("topic_id == @peak.topic_id")[["start", "documents", "share", "terms"]]

# %% [markdown]
# Shares tell something else than numbers where more is written in some months than in others:

# %%
run.timeline(period="quarter", share=True, most=6)

# %% [markdown]
# ## The next letters
#
# `update` places new letters among the topics there are, and groups all of them again only for a reason, which it
# tells.

# %%
later = topics.update(run, new, **columns)
print(later.updated["decision"], "-", later.updated["reason"])
later

# %% [markdown]
# ## What changed
#
# Every topic of the new run is one of the old, by the letters both have, or it was born, or came out of a split. Ids
# stay with their topics, so that a chart of last month can be laid beside one of this month.

# %%
later.lineage[["event", "topic_id", "previous_id", "previous_size", "size", "similarity"]].round(2)

# %%
born = later.topics[later.topics["status"] == "born"]
for row in born.itertuples():
    print(row.topic_id, row.name, row.size, "letters")
later.representatives[later.representatives["topic"].isin(born["topic"])]["text"].tolist()[:2]

# %% [markdown]
# Nobody had written about scooters before September 2024, and the model knew no such topic; it does now.

# %%
later.timeline([*born["topic_id"], 0, 1], period="month")

# %% [markdown]
# ## What next
#
# - `05_on_a_schedule.py`: let this happen every night, and be told when a topic is born.
# - `topics.fit(docs, previous=run)` fits anew and keeps the ids, where you want every letter grouped again.
# - On the command line: `topics update RUN new.csv`.
