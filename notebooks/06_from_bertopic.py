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
# # Coming from BERTopic
#
# [BERTopic](https://maartengr.github.io/BERTopic) made this kind of topic model popular: embed, reduce, cluster,
# weigh words. The idea is the same here. What is different: the same input gives the same topics, on every machine;
# results are values and not a model that changes; everything is kept, so that a second look costs nothing; new
# documents are placed one by one, by the rule that placed the old ones.
#
# ## What is called what
#
# | BERTopic | here |
# |---|---|
# | `BERTopic().fit_transform(docs)` | `run = topics.fit(docs)` |
# | `model.get_topic_info()` | `run.topics` |
# | `model.get_document_info(docs)` | `run.documents` |
# | `model.get_topic(3)` | `run.topic(3)` |
# | `model.get_representative_docs(3)` | `run.representatives` |
# | `model.transform(new)` | `run.assign(new)` |
# | `model.approximate_distribution(docs)` | `run.distribution`, `run.passages(docs)` |
# | `model.find_topics("words")` | `run.search("words")`, which finds documents as well |
# | `model.topics_over_time(docs, dates)` | `topics.fit(table, date="date")`: `run.over_time()`, `run.timeline()` |
# | `model.topics_per_class(docs, classes)` | `topics.fit(table, class_="class")`: `run.per_class()`, `run.heatmap()` |
# | `model.hierarchical_topics(docs)` | `run.layers`, `run.hierarchy()`, `run.cut(10)` |
# | `model.reduce_topics(docs, nr_topics=10)` | `run.reduce(10)` |
# | `model.merge_topics(docs, [3, 7])` | `run.merge([3, 7])` |
# | `model.delete_topics([5])` | `run.drop([5])` |
# | `model.set_topic_labels({3: "Name"})` | `run.rename({3: "Name"})` |
# | `model.reduce_outliers(docs, topics)` | `topics.fit(docs, coverage=1.0)`, or any share |
# | `model.partial_fit(docs)` | `topics.update(run, docs)` |
# | `BERTopic.merge_models([a, b])` | `topics.fit(docs, previous=run)` keeps the ids of a run |
# | `model.visualize_documents(docs)` | `run.map()` |
# | `model.visualize_barchart()` | `run.barchart()` |
# | `model.visualize_heatmap()` | `run.heatmap("similarity")` |
# | `model.save(...)`, `BERTopic.load(...)` | `run.save("folder")`, `topics.load("folder")` |
# | `min_topic_size`, `nr_topics`, `top_n_words` | `min_cluster_size`, `topics`, `n_terms` |
# | `embedding_model`, `hdbscan_model` | `encoder`, `clusterer`: names or objects, as there |
# | `representation_model=KeyBERTInspired()` | `aspects=("keybert",)`, beside the plain words |
#
# BERTopic names its parts in a constructor and fits; here settings are those of `topics.Config`, listed in
# `docs/options.md`. scikit-learn's way is there as well: `topics.TopicModel().fit_predict(docs)`.

# %%
import pandas as pd
from letters import letters

import topics
from topics.figures import offline

offline()
docs = letters()
run = topics.fit(docs, text="text", id="id", resolution=0.3)
run.topics[["topic_id", "size", "name"]].head()

# %% [markdown]
# ## A model you have
#
# `from_bertopic` makes a run of a fitted BERTopic model. Which document is in which topic stays exactly as it was;
# words, numbers, map, hierarchy and report are told of these topics, and the words of BERTopic are kept beside them.
# A model does not hold its documents, so they have to come along; with `embeddings=` nothing is encoded again.
#
# Where BERTopic is installed, this fits one. Where it is not, a stand-in with the same two attributes does: nothing
# but `topics_` and `get_topic` is looked at.

# %%
try:
    from bertopic import BERTopic
    from sklearn.cluster import KMeans

    embeddings = topics.embed(docs["text"].tolist()).vectors
    model = BERTopic(hdbscan_model=KMeans(10, random_state=0), embedding_model="none").fit(docs["text"], embeddings)
except ImportError:

    class Fitted:
        """Ten topics, the largest first, as a BERTopic model would have them."""

        order = docs["subject"].value_counts().index.tolist()
        topics_ = docs["subject"].map(order.index).tolist()

        def get_topic(self, topic):
            """The words of a topic with their weights."""
            return [(self.order[topic], 1.0)]

    model = Fitted()

theirs = topics.interop.from_bertopic(model, docs["text"].tolist())
theirs

# %%
theirs.topics[["topic_id", "size", "name", "aspect_bertopic"]]

# %% [markdown]
# From here on it is a run like any other: figures, edits, updates, reports.

# %%
theirs.map()

# %%
# Where do the two disagree?
pd.crosstab(theirs.documents["topic_id"], run.documents["topic_id"])

# %% [markdown]
# ## And back
#
# `save_as_bertopic` writes the folder that `BERTopic.load` reads, and needs no BERTopic for it; `to_bertopic` gives
# the model itself, for its plots and methods. One difference stays: such a model places new documents by the nearest
# topic vector, and `run.assign` by the neighbours.

# %%
import shutil

shutil.rmtree("outputs/letters-bertopic", ignore_errors=True)
folder = topics.interop.save_as_bertopic(run, "outputs/letters-bertopic")
sorted(path.name for path in folder.iterdir())

# %%
try:
    back = topics.interop.to_bertopic(run)
    print(back.get_topic_info()[["Topic", "Count", "Name"]].head())
except topics.InvalidConfig as error:
    print(error)

# %% [markdown]
# ## What next
#
# - `docs/comparison.md`: where this library is better, where others are, with the numbers.
# - `docs/topics.md`: how topics are found here, and what it costs.
# - `02_choosing.py`: settings, side by side.
