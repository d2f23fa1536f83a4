"""Post-processing: what the papers say, row by row, the same at fit and ever after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from fakes import HashingEncoder, themed_corpus
from safetensors.numpy import load_file
from surfaces_fakes import convert, digests, documents
from test_isotropy import cone

import topics
from topics import NO_STORE, Config, Corpus, InvalidConfig, InvalidInput
from topics import isotropy as moments_of
from topics import postprocessing as module
from topics.api import vectors_of
from topics.isotropy import isotropy
from topics.postprocessing import fit_postprocessing, parse_steps, postprocess, spell_steps
from topics.updates.refits import Refits
from topics.verification import verify
from topics.workshop import Workshop

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = (
    "center",
    "remove-top-components",
    "remove-top-components=3",
    "whiten",
    "whiten=5",
    "center,remove-top-components=2",
    "remove-top-components=2,whiten",
    "center,remove-top-components=1,whiten=4",
)
PARTS = ("mean", "removed", "axes", "scales")
QUICK = {"n_epochs": 30, "consensus": 2, "n_neighbors": 10, "store": NO_STORE}


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def slowly(vectors: NDArray[np.float32], steps: str) -> NDArray[np.float64]:
    """The papers' formulas, a step after the other, on nothing but the rows."""
    from sklearn.covariance import ledoit_wolf

    rows = vectors.astype(np.float64)
    for name, number in parse_steps(steps).items():
        rows = rows - rows.mean(axis=0)
        lengths, directions = np.linalg.svd(rows, full_matrices=False)[1:]
        if name == "remove-top-components":
            for direction in directions[: number or max(vectors.shape[1] // 100, 1)]:
                rows = rows - np.outer(rows @ direction, direction)
        if name == "whiten":
            rows = rows @ directions[lengths > 1e-6].T  # where there is nothing left, there is no dimension
            covariance, _ = ledoit_wolf(rows, assume_centered=True)
            variances, axes = np.linalg.eigh(covariance)
            rows = (rows @ axes / np.sqrt(variances))[:, ::-1][:, :number]
    return unit(rows)


def bits(fitted) -> list[bytes]:
    return [getattr(fitted, part).tobytes() for part in PARTS]


# --- what is allowed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("none", "none"),
        (" None ", "none"),
        ("center", "center"),
        ("CENTER + whiten= 064", "center,whiten=64"),
        ("remove-top-components=3,whiten", "remove-top-components=3,whiten"),
    ],
)
def test_steps_have_one_spelling(text, spelled):
    assert spell_steps(parse_steps(text)) == spelled
    assert Config.of(postprocess=text).postprocess == spelled


@pytest.mark.parametrize(
    "text",
    [
        *("", "whitening", "center,,whiten", "none,center", "center=1", "center="),
        *("whiten=0", "whiten=1", "whiten=-2", "whiten=2.5", "whiten=", "whiten=x", "whiten=²", "whiten=2=3"),
        *("remove-top-components=0", "center,center", "whiten,remove-top-components", "whiten,center"),
    ],
)
def test_what_is_not_allowed_is_told_with_what_is(text):
    with pytest.raises(
        InvalidConfig, match=r"^postprocess='[^:]*: '[^:]* allowed: none, or center, .* in this order; [^.]*\.$"
    ):
        Config.of(postprocess=text)


def test_vectors_with_too_few_dimensions_are_refused():
    vectors = cone(50, 12)
    with pytest.raises(InvalidConfig, match=r"postprocess='remove-top-components=12': the vectors have 12 dimensions"):
        fit_postprocessing(vectors, "remove-top-components=12")
    with pytest.raises(InvalidConfig, match="of 12 dimensions, 13 cannot be kept"):
        fit_postprocessing(vectors, "whiten=13")
    with pytest.raises(InvalidConfig, match="of 12 dimensions less 4, 9 cannot be kept; keep fewer"):
        fit_postprocessing(vectors, "remove-top-components=4,whiten=9")
    with pytest.raises(InvalidInput, match="rows of 11 numbers; the post-processing was fitted on rows of 12"):
        postprocess(vectors[:, 1:], fit_postprocessing(vectors, "center"))


# --- the papers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("vectors", [cone(400), cone(400, 250, seed=2)], ids=["12", "250"])
def test_cosines_are_those_of_the_formulas(steps, vectors):
    got, want = postprocess(vectors, fit_postprocessing(vectors, steps)).astype(np.float64), slowly(vectors, steps)
    assert got.shape == want.shape
    np.testing.assert_allclose(got @ got.T, want @ want.T, atol=2e-3 if "whiten" in steps else 2e-5)


def test_mu_and_viswanath_take_a_hundredth_of_the_dimensions_and_centre_themselves():
    vectors = cone(500, 300)
    by_default = fit_postprocessing(vectors, "remove-top-components")
    assert bits(by_default) == bits(fit_postprocessing(vectors, "center,remove-top-components=3"))
    assert len(fit_postprocessing(cone(), "remove-top-components").removed) == 1


def test_every_step_spreads_the_vectors_and_whitening_uses_all_dimensions_alike():
    vectors = cone(3000, 20)
    before = isotropy(vectors)
    found = {steps: isotropy(postprocess(vectors, fit_postprocessing(vectors, steps))) for steps in STEPS}
    assert before.mean_cosine > 0.5
    assert all(abs(after.mean_cosine) < 0.01 for after in found.values())
    assert found["remove-top-components=3"].effective_dimension > before.effective_dimension
    assert found["whiten"].effective_dimension > 19
    assert found["whiten=5"].effective_dimension == pytest.approx(5, abs=0.1)


def test_with_few_texts_whitening_keeps_near_what_was_near(monkeypatch):
    """Without shrinkage, whitening makes a simplex of any u <= d rows: all of them equally far apart."""
    random = np.random.default_rng(3)
    about = np.arange(60) % 15
    falling = np.geomspace(1, 0.03, 200)  # as the variances of real vectors
    rows = random.normal(size=(15, 200))[about] * falling + 0.4 * random.normal(size=(60, 200)) * falling
    vectors = unit(rows).astype(np.float32)

    def found() -> tuple[float, float]:
        """Share of texts whose nearest other is of their theme, and how far apart cosines are."""
        white = postprocess(vectors, fit_postprocessing(vectors, "whiten"))
        cosines = white @ white.T
        np.fill_diagonal(cosines, -1)
        return float((about[cosines.argmax(axis=1)] == about).mean()), float(np.ptp(cosines[cosines > -1]))

    right, spread = found()
    assert right == 1
    assert spread > 0.3
    monkeypatch.setattr(module, "_shrunk", lambda variances, *_: variances)
    right, spread = found()
    assert right < 0.1
    assert spread < 1e-3


def test_more_dimensions_than_the_texts_differ_in_are_not_made_up(caplog):
    vectors = cone(6, 40)
    fitted = fit_postprocessing(vectors, "whiten=20")
    assert len(fitted.axes) == 5
    assert "whiten=20: the texts differ in 5 directions only" in caplog.text
    flat = np.pad(cone(300, 7), ((0, 0), (0, 5)))  # five dimensions that are always 0
    assert len(fit_postprocessing(flat, "whiten").axes) == 7


# --- nothing but the row and what was fitted ------------------------------------------------------


@pytest.mark.parametrize("steps", STEPS)
def test_a_row_alone_is_what_it_is_among_ten_thousand(steps):
    vectors = cone(10_000, 75)
    fitted = fit_postprocessing(vectors[:2000], steps)
    every = postprocess(vectors, fitted)
    for row in (*range(40), 511, 512, 1023, 1024, 9_999):
        assert postprocess(vectors[row : row + 1], fitted).tobytes() == every[row].tobytes()
    order = np.random.default_rng(0).permutation(10_000)
    for some, threads in ((order, 1), (order[:777], 3), (order[:2], 2)):
        assert postprocess(vectors[some], fitted, threads).tobytes() == every[some].tobytes()
    assert postprocess(vectors[:0], fitted).shape == (0, fitted.dimension)


@pytest.mark.parametrize("steps", STEPS)
def test_threads_and_files_change_no_bit_of_what_is_fitted(steps, monkeypatch, tmp_path):
    monkeypatch.setattr(moments_of, "_BLOCK", 64)
    monkeypatch.setattr(module, "_BLOCK", 16)
    monkeypatch.setattr(module, "_MANY", 64)
    vectors = cone(700)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    want = fit_postprocessing(vectors, steps)
    assert bits(fit_postprocessing(vectors, steps, 3)) == bits(fit_postprocessing(mapped, steps, 2)) == bits(want)
    assert postprocess(mapped, want, 2).tobytes() == postprocess(vectors, want).tobytes()


def test_directions_have_length_one_and_their_strongest_entry_above_zero():
    fitted = fit_postprocessing(cone(), "remove-top-components=2,whiten")
    for rows in (fitted.removed, fitted.axes):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-12)
        assert (np.take_along_axis(rows, np.abs(rows).argmax(axis=1, keepdims=True), axis=1) > 0).all()
    assert fitted.scales[0] == 1
    assert (np.diff(fitted.scales) >= 0).all()


def test_the_last_bits_of_the_vectors_do_not_reach_what_is_fitted():
    """What another machine's product would change: the grid takes it away."""
    vectors = cone(400).astype(np.float64)
    noise = np.random.default_rng(1).uniform(-1e-13, 1e-13, vectors.shape)
    for steps in STEPS:
        one, other = (fit_postprocessing(rows, steps) for rows in (vectors, vectors + noise))
        assert bits(one) == bits(other)


@pytest.mark.parametrize("steps", STEPS)
def test_what_is_given_stays_as_it_is(steps):
    vectors = cone()
    vectors.flags.writeable = False
    postprocess(vectors, fit_postprocessing(vectors, steps))


# --- rows of which nothing is left ----------------------------------------------------------------


@pytest.mark.parametrize("steps", STEPS)
def test_rows_of_zeros_stay_and_do_not_count(steps):
    vectors = cone(300)
    with_zeros = np.concatenate([vectors, np.zeros((40, 12), np.float32)])
    fitted = fit_postprocessing(with_zeros, steps)
    for part in PARTS:
        np.testing.assert_allclose(getattr(fitted, part), getattr(fit_postprocessing(vectors, steps), part), atol=2e-6)
    got = postprocess(with_zeros, fitted)
    assert not got[300:].any()
    np.testing.assert_allclose(np.linalg.norm(got[:300], axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("u", [1, 2, 50])
def test_copies_of_one_row_become_zeros_not_noise(steps, u):
    vectors = np.tile(cone(1), (u, 1))
    assert not postprocess(vectors, fit_postprocessing(vectors, steps)).any()


@pytest.mark.parametrize("steps", STEPS)
def test_a_row_that_is_the_mean_or_lies_in_what_is_removed_becomes_zeros(steps):
    vectors = cone(300)
    fitted = fit_postprocessing(vectors, steps)
    lost = [fitted.mean, *(fitted.mean + 0.7 * direction for direction in fitted.removed)]
    assert not postprocess(np.array(lost, dtype=np.float32), fitted).any()


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("u", [1, 2, 3, 5, 9])
def test_a_handful_of_texts_has_finite_vectors(steps, u):
    got = postprocess(cone(u), fit_postprocessing(cone(u), steps))
    assert np.isfinite(got).all()
    lengths = np.linalg.norm(got.astype(np.float64), axis=1)
    assert np.minimum(lengths, abs(lengths - 1)).max() < 1e-6


# --- in a run ------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["center", "remove-top-components=2", "remove-top-components,whiten=10"])
def run(request, world):
    return world.fit(postprocess=request.param)


@pytest.fixture(scope="module")
def plain(world):
    return world.fit()


def test_the_vectors_of_a_run_are_those_of_the_encoder_post_processed(run, plain):
    given, steps = plain.model.vectors, run.config.postprocess
    assert run.model.vectors.tobytes() == postprocess(given, fit_postprocessing(given, steps)).tobytes()
    assert run.model.fingerprint == plain.model.fingerprint
    found = run.metrics
    assert found["effective_dimension_before"] == plain.metrics["effective_dimension"]
    assert found["mean_cosine_before"] == plain.metrics["mean_cosine"]
    after = isotropy(run.model.vectors)
    assert (found["effective_dimension"], found["mean_cosine"]) == (after.effective_dimension, after.mean_cosine)


def test_a_run_without_it_knows_nothing_of_it(plain, tmp_path):
    assert plain.model.postprocessing is None
    names = [stage.name for stage in plain.stages]
    assert not {"postprocessing", "postprocessed", "isotropy after"} & set(names)
    folder = plain.save(tmp_path / "run")
    assert 'postprocess = "none"\n' in (folder / "config.toml").read_text("utf-8")
    assert not [name for name in load_file(folder / "model" / "model.safetensors") if "postprocess" in name]
    assert {"effective_dimension", "mean_cosine"} <= set(plain.metrics)
    assert not [name for name in plain.metrics if name.endswith("_before")]


def test_steps_before_it_are_shared_and_those_after_it_are_not(world, tmp_path):
    store = world.store(tmp_path.name)
    before = {stage.name: stage.key for stage in world.fit(store=store).stages}
    stages = world.fit(store=store, postprocess="center").stages
    shared = {stage.name for stage in stages if stage.key == before.get(stage.name)}
    assert shared == {"intake", "encoder", "embeddings", "lengths", "isotropy", "terms"}
    assert {stage.name for stage in stages if stage.cached} == shared
    assert len({stage.name for stage in stages}) == len(stages)


def test_a_saved_run_comes_back_with_it(run, tmp_path):
    again = topics.load(run.save(tmp_path / "run"))
    assert again == run
    assert bits(again.model.postprocessing) == bits(run.model.postprocessing)
    assert digests(again.save(tmp_path / "again")) == digests(tmp_path / "run")


def test_a_text_has_the_same_vector_at_fit_and_ever_after(run, world, tmp_path):
    corpus = topics.read(str(world.csv)).corpus
    again = topics.load(run.save(tmp_path / "run"))
    for some in (run, again):
        got = vectors_of(some, corpus.texts, world.store(tmp_path.name))
        assert got.tobytes() == run.model.vectors.tobytes()


def test_new_texts_are_placed_alike_by_a_run_and_by_what_was_saved_of_it(run, world, tmp_path):
    new = documents(60)["text"].str.upper().add(" again").tolist()
    first = run.assign(new, store=world.store("shared"))
    assert not first["known"].any()
    again = topics.load(run.save(tmp_path / "run")).assign(new, store=world.store("shared"))
    assert again.equals(first)
    known = run.assign(str(world.csv), store=world.store("shared"))
    assert known["topic"].tolist() == run.documents["topic"].tolist()
    themed = first["topic"][first["topic"] >= 0]
    assert themed.nunique() > 1


def test_a_search_looks_in_the_same_space(run, world):
    text = documents()["text"][0]
    found = run.search(text, store=world.store("shared"), limit=3).documents
    assert found["id"][0] in ("d0000", "d0008", "d0020")
    assert found["similarity"][0] == pytest.approx(1, abs=1e-6)


def test_rows_and_workers_change_no_digest(run, world, tmp_path):
    first = run.save(tmp_path / "run")
    table = documents().sample(frac=1, random_state=3)
    table.to_csv(tmp_path / "shuffled.csv", index=False)
    store = world.store(tmp_path.name)
    columns = {"text": "text", "id": "id", "date": "date", "class_": "class"}
    again = world.fit(
        tmp_path / "shuffled.csv", store, **columns, postprocess=run.config.postprocess, workers=3, batch_size=5
    )
    want = digests(first)
    assert digests(again.save(tmp_path / "again")) == want
    assert again.provenance["run"] == run.provenance["run"]


def test_a_run_with_it_can_be_verified(world, tmp_path, monkeypatch):
    monkeypatch.setattr("topics.embedding.convert", convert)
    folder = world.fit(postprocess="whiten=8", text="text").save(tmp_path / "run")
    assert verify(folder, world.store(tmp_path.name)).documents == 160


def test_further_fits_start_from_these_vectors_and_leave_what_is_kept_of_others_alone(world, plain, tmp_path):
    store = world.store(tmp_path.name)
    run = world.fit(store=store, postprocess="whiten=8")
    refits = Refits(run, Workshop(store))
    assert refits.with_seed(run.config.seed).labels.tolist() == run.model.labels.tolist()
    other = world.fit(store=world.store("shared"), postprocess="whiten=8", seed=5)
    assert refits.with_seed(5).labels.tolist() == other.model.labels.tolist()
    assert world.fit(store=store) == plain


def test_given_vectors_are_post_processed_at_fit_and_at_assign(tmp_path):
    texts = themed_corpus(150)[0]
    vectors = HashingEncoder().encode(texts)
    run = topics.fit(texts[:120], embeddings=vectors[:120], postprocess="whiten=9", **QUICK)
    again = topics.load(run.save(tmp_path / "run"))
    assert run.model.vectors.shape == (120, 9)
    by_encoder = topics.fit(texts[:120], encoder=HashingEncoder(), postprocess="whiten=9", **QUICK)
    first = run.assign(texts[100:], embeddings=vectors[100:])
    assert again.assign(texts[100:], embeddings=vectors[100:]).equals(first)
    assert by_encoder.assign(texts[100:], store=NO_STORE).equals(first)
    assert first["known"].tolist() == [True] * 20 + [False] * 30
    with pytest.raises(InvalidInput, match="embeddings: rows of 9 numbers, those of the fit have 32"):
        run.assign(texts[100:], embeddings=vectors[100:, :9])
    with pytest.raises(InvalidInput, match="not the one this run was fitted with"):
        run.assign(texts[100:], encoder=HashingEncoder(9), store=NO_STORE)


def test_texts_of_which_nothing_is_left_are_told_of(caplog):
    texts = themed_corpus(40)[0]
    run = topics.fit(texts, embeddings=np.ones((40, 3)), postprocess="center", **QUICK)
    assert "Nothing is left of the vectors of 40 of 40 texts" in caplog.text
    assert not run.model.vectors.any()
    assert np.isfinite(run.documents[["x", "y", "strength"]]).all(axis=None)


@pytest.mark.parametrize("texts", [[], [None, ""], ["one"], ["one", "two"]])
def test_few_documents_or_none_are_what_they_are_without(texts):
    def outcome(**settings):
        try:
            run = topics.fit(Corpus.from_texts(texts), encoder=HashingEncoder(), **QUICK, **settings)
        except InvalidInput as error:
            return str(error)
        return run.documents["topic"].tolist()

    want = outcome()
    for steps in ("whiten=2", "remove-top-components") if len(texts) != 1 else ("center",):
        assert outcome(postprocess=steps) == want
