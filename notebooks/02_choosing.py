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
# # Choosing an encoder and settings
#
# There is no right number of topics, only one that suits a question. This notebook shows how to look for it without
# guessing: try settings side by side, see which topics come again, and choose how many documents should have one.
#
# Since the letters are made up we know their subjects, and can say how well topics agree with them. With documents of
# your own, any column of classes will do, and everything else here works without.

# %%
import altair as alt
import pandas as pd
from letters import letters

import topics
from topics.figures import offline

offline()
docs = letters()
how = {"text": "text", "id": "id", "class_": "subject", "keep_text": True}

# %% [markdown]
# ## Which encoder
#
# An encoder turns a text into a vector; what it cannot tell apart no setting brings back. `topics.encoders()` lists
# those on this machine, `topics.try_encoders` tries them on a sample: how fast, how much of the texts they read, and
# how often the ten nearest letters of a letter are of its class. `baseline` is what naming the largest class would
# give.

# %%
tried = topics.try_encoders(docs, "all-MiniLM-L6-v2", text="text", class_="subject", sample=200)
tried[["name", "dimension", "max_length", "too_long", "agreement", "baseline"]].round(3)

# %% [markdown]
# Any scikit-learn transformer is an encoder as well: here the words themselves, squeezed into a hundred numbers.

# %%
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

words_alone = make_pipeline(TfidfVectorizer(stop_words="english"), TruncatedSVD(100, random_state=0))
runs = {
    "all-MiniLM-L6-v2": topics.fit(docs, resolution=0.3, **how),
    "words alone": topics.fit(docs, resolution=0.3, encoder=words_alone, **how),
}


def told(run):
    """The numbers to compare runs by."""
    names = ("topics", "coverage", "stability", "npmi", "diversity", "ami")
    return {name: round(run.metrics[name], 3) for name in names}


pd.DataFrame({name: told(run) for name, run in runs.items()}).T

# %% [markdown]
# `ami` is the agreement with the subjects, 1 if topics and subjects are the same and 0 for chance. Words alone do as
# well here, since letters about one subject are put together from the same sentences. On texts that people write they
# do not: see `benchmarks/results/quality.md`.
#
# ## How fine
#
# `resolution` moves everything at once: more gives more and smaller topics. Vectors and neighbours are in the store
# by now, so that a sweep computes only what changes.

# %%
swept = {value: topics.fit(docs, resolution=value, **how) for value in (0.1, 0.3, 1.0, 3.0)}
sweep = pd.DataFrame({value: told(run) for value, run in swept.items()}).T.rename_axis("resolution")
sweep

# %%
lines = sweep.reset_index().melt("resolution", ["stability", "npmi", "ami"])
across, colour = alt.X("resolution", scale=alt.Scale(type="log")), alt.Color("variable", title=None)
chart = alt.Chart(lines, width=420, height=220).mark_line(point=True)
chart.encode(across, alt.Y("value", title=None), colour)

# %% [markdown]
# Ask for a number if you need one: `topics=10` gives exactly ten. There is no need to fit for every number, though.
# The topics of one run are a hierarchy, and `run.reduce(10)` cuts it anywhere.

# %%
run = swept[1.0]
run.hierarchy()

# %% [markdown]
# ## Which topics come again
#
# Fit again with other seeds, and on nine tenths of the letters: a topic that is there comes back. Of *recurrence*
# over 0.85 one can be sure, below 0.6 a topic is an accident.

# %%
evaluation = topics.evaluate(run, seeds=2, resamples=2)
measured = ("seed_ami", "seed_recurrence", "resample_ami", "resample_recurrence")
pd.Series({name: evaluation.overall[name] for name in measured}).round(3)

# %%
again = evaluation.topics.merge(run.topics[["topic_id", "size", "name"]]).sort_values("resample_recurrence")
again[["topic_id", "name", "size", "seed_recurrence", "resample_recurrence"]].round(2)

# %% [markdown]
# Those at the top come back least: where a subject is cut into pieces, chance may say where the cuts run. If that
# matters, ask for fewer topics, or reduce them along the hierarchy.
#
# ## How many letters should have a topic
#
# Some letters belong nowhere, and forcing them in blurs the topics. The coverage dial says what each choice gives:
# *agreement* is the share of the placed letters that are expected in the same topic when all are grouped again.

# %%
run.curve.round(3)

# %%
strict = topics.fit(docs, coverage=0.97, resolution=0.3, **how)
left = strict.documents[strict.documents["topic"] < 0]
odd = (left["class"] == "something else").sum()
print(f"{len(left)} letters have no topic; {odd} of the 20 odd ones are among them")
left.sort_values("strength")[["text", "nearest_id", "reason", "confidence"]].head(6)

# %% [markdown]
# ## What next
#
# - `03_reading_and_editing.py`: settings get you near, people do the rest.
# - `docs/options.md` lists every setting; `docs/encoders.md` every kind of encoder, from word vectors to services.
# - A table of many encoders and settings at once: `topics encoders --try letters.csv` on the command line.
