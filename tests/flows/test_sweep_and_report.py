from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError
from surfaces_fakes import command, digests

from flows.report import ReportConfig, report_topics_flow
from flows.sweep import SweepConfig, sweep_topics_flow
from topics.config import Config
from topics.corpus import Source
from topics.sweeping import Plan, sweep

GRID = {"min_samples": [5, 15]}


def test_the_forms_are_described_and_refuse_what_makes_no_sense():
    schema = SweepConfig.model_json_schema()["properties"]
    assert list(schema)[:4] == ["input", "text", "id", "grid"]
    for form in (schema, ReportConfig.model_json_schema()["properties"]):
        assert all(field["title"] and field["description"] for field in form.values())
    assert schema["grid"]["type"] == "object"
    formats = ReportConfig.model_json_schema()["properties"]["formats"]
    assert formats["items"]["enum"] == ["html", "md", "pdf"]
    with pytest.raises(ValidationError, match="'colour' is no setting"):
        SweepConfig(input="a.csv", grid={"colour": ["red"]})
    with pytest.raises(ValidationError, match="ngrams=9"):
        SweepConfig(input="a.csv", grid={"ngrams": [9]})
    with pytest.raises(ValidationError, match="'html', 'md' or 'pdf'"):
        ReportConfig(run="a", formats=("docx",))


def test_what_the_form_says_is_the_plan():
    config = SweepConfig(input="a.csv", grid=GRID, ngrams=2, draws=1, draw_seed=3, seeds=2)
    assert config.plan == Plan(GRID, {"ngrams": 2}, 1, 3, 2)
    assert str(config.folder) == "outputs/a-sweep"


@pytest.mark.parametrize("module", ["flows.sweep", "flows.report"])
def test_help_explains_itself(module):
    code, out, err = command("--help", module=module)
    assert (code, err) == (0, "")
    assert "does the same without Prefect" in " ".join(out.split())


def _artifacts(flow_run: Any) -> dict[str, Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]))
    with get_client(sync_client=True) as client:
        return {artifact.key: artifact for artifact in client.read_artifacts(artifact_filter=wanted)}


@pytest.mark.slow
def test_a_sweep_in_a_flow_finds_what_the_library_finds(prefect_home, world, tmp_path):
    given = {"input": str(world.csv), "text": "text", "id": "id", "encoder": world.model, "grid": GRID}
    config = SweepConfig(**given, store=str(world.store("flow sweep").root), output=str(tmp_path / "sweep"))
    state = sweep_topics_flow(config, return_state=True)
    found = pd.read_csv(f"{state.result()}/sweep.csv").drop(columns=["seconds", "problem"])
    plan = Plan(GRID, {"encoder": world.model})
    workshop = Config.of().workshop(world.store("library sweep"))
    by_the_library = sweep(Source(str(world.csv), "text", "id"), plan, workshop).drop(columns=["seconds", "problem"])
    pd.testing.assert_frame_equal(found, by_the_library, check_dtype=False, rtol=1e-5)
    artifacts = _artifacts(state.state_details.flow_run_id)
    assert {"topics-sweep", "topics-sweep-best"} <= set(artifacts)
    assert artifacts["topics-sweep"].data == (tmp_path / "sweep" / "sweep.md").read_text()
    assert len(json.loads(artifacts["topics-sweep-best"].data)) == found["best"].sum()


@pytest.mark.slow
def test_the_report_of_a_run_is_written_again_and_shown(prefect_home, world, tmp_path):
    folder = world.fit().save(tmp_path / "run")
    before = digests(folder)
    (folder / "report.html").unlink()
    state = report_topics_flow(ReportConfig(run=str(folder)), return_state=True)
    assert state.result() == [str(folder / "report.html"), str(folder / "report.md")]
    assert digests(folder) == before
    assert {"topics-report", "topics-table"} <= set(_artifacts(state.state_details.flow_run_id))
