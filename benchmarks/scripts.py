"""What the processes of the speed benchmark run. Each gets paths as its arguments, and ends by telling its own peak."""

from __future__ import annotations

#: What a parent can see of its child's peak is inherited, so that the child looks itself.
PEAK = """
import json as _json
_peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(_json.dumps({"peak": _peak / 1e6}))
"""

#: A command of the command line, as people give it.
OURS = """
import sys
from topics.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert ended.code == 0
"""

_GIVEN = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
texts = list(pd.read_csv(sys.argv[1], dtype=str, keep_default_na=False)["text"])
vectors = np.load(sys.argv[2])
"""

_WRITTEN = """
model.get_topic_info().to_csv(f"{sys.argv[3]}/theirs-topics.csv")
model.get_document_info(texts).to_csv(f"{sys.argv[3]}/theirs-documents.csv")
"""

BERTOPIC = (
    _GIVEN
    + """
from bertopic import BERTopic
model = BERTopic()
model.fit_transform(texts, vectors)
"""
    + _WRITTEN
)

#: With the encoder it takes by default, which is ours as well.
BERTOPIC_ENCODING = (
    """
import sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
texts = list(pd.read_csv(sys.argv[1], dtype=str, keep_default_na=False)["text"])
from sentence_transformers import SentenceTransformer
from bertopic import BERTopic
model = BERTopic(embedding_model=SentenceTransformer(sys.argv[2], device="cpu", local_files_only=True))
model.fit_transform(texts)
"""
    + _WRITTEN
)

#: Others, by name: the package they need, and what they run.
OTHERS = {
    "NMF": (
        "sklearn",
        _GIVEN
        + """
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import TfidfVectorizer
vectorizer = TfidfVectorizer(stop_words="english", max_df=0.95, min_df=2)
weights = NMF(20, random_state=0).fit_transform(vectorizer.fit_transform(texts))
pd.DataFrame({"topic": weights.argmax(axis=1)}).to_csv(f"{sys.argv[3]}/theirs-documents.csv")
""",
    ),
    "KeyNMF": (
        "turftopic",
        _GIVEN
        + """
import turftopic
from benchmarks.measuring import Encoder
model = turftopic.KeyNMF(20, encoder=Encoder(), random_state=0)
weights = model.fit_transform(texts, embeddings=vectors)
pd.DataFrame({"topic": weights.argmax(axis=1)}).to_csv(f"{sys.argv[3]}/theirs-documents.csv")
""",
    ),
    "EVoC": (
        "evoc",
        _GIVEN
        + """
import evoc
labels = evoc.EVoC().fit_predict(vectors)
pd.DataFrame({"topic": labels}).to_csv(f"{sys.argv[3]}/theirs-documents.csv")
""",
    ),
}

_MANY = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
n, k = 50_000, 600
random = np.random.default_rng(0)
labels = random.permutation(np.arange(n) % k).astype(np.int32)
words = np.array([f"{letter}word{number}" for number in range(500) for letter in "abcdefghij"])
texts = [" ".join(words[np.minimum(random.zipf(1.5, 12) - 1 + label % 300, len(words) - 1)]) for label in labels]
dates = pd.Series(pd.Timestamp("2023-01-15") + pd.to_timedelta(random.integers(0, 590, n), unit="D"))
"""

#: Topics over time of 50,000 documents in 600 topics, counts of the terms being there; tells its own seconds.
OUR_TIME = (
    _MANY
    + """
from topics.data import Topics
from topics.corpus import read
from topics.words.terms import count_terms
from topics.labels import members
from topics.timeline import over_time
from topics.words.wording import class_tfidf
corpus = read(texts).corpus
counts = count_terms(corpus.texts)
of = np.zeros(len(corpus.texts), dtype=np.int32)
of[corpus.rows] = labels
weights = class_tfidf((members(of, k) @ counts.counts).tocsr())
described = Topics((), np.ones(k), (), (), (), weights, counts.vocabulary)
began, used = time.perf_counter(), time.process_time()
found = over_time(corpus.rows, labels, dates, counts, described, "month", 10)
print(time.perf_counter() - began, time.process_time() - used, len(found.topics))
"""
)

THEIR_TIME = (
    _MANY
    + """
from bertopic import BERTopic
from bertopic.cluster import BaseCluster
from bertopic.dimensionality import BaseDimensionalityReduction
from bertopic.backend import BaseEmbedder
model = BERTopic(
    embedding_model=BaseEmbedder(), umap_model=BaseDimensionalityReduction(), hdbscan_model=BaseCluster()
)
model.fit(texts, embeddings=np.ones((n, 2), dtype=np.float32), y=labels)
began, used = time.perf_counter(), time.process_time()
found = model.topics_over_time(texts, list(dates), nr_bins=20)
print(time.perf_counter() - began, time.process_time() - used, len(found))
"""
)
