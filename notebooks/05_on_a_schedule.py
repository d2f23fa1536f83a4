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
# # On a schedule, with Prefect
#
# Letters come every day; topics should follow by themselves. A [Prefect](https://www.prefect.io) flow reads what is
# new, updates the topics, publishes the run, and says so when something happened. Here it runs three times in a row
# by hand; at the end stands how to let it run every night.
#
# This needs the extra `flows`. Without a server, Prefect starts one of its own for as long as this notebook runs.

# %%
import os
from pathlib import Path

os.environ.setdefault("PREFECT_HOME", str(Path("outputs/.prefect").absolute()))
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

import shutil

from letters import letters

import topics
from flows.update import UpdateConfig, update_topics_flow

# %% [markdown]
# ## An inbox
#
# Somebody drops a file into a folder. It may as well be a database (`sql=`, `query=`), a bucket or a URL.

# %%
docs = letters().drop(columns="subject")
inbox = Path("outputs/inbox")
shutil.rmtree(inbox, ignore_errors=True)
shutil.rmtree("outputs/models/letters", ignore_errors=True)
inbox.mkdir(parents=True)
docs[docs["date"] < "2024-09-01"].to_csv(inbox / "until-august.csv", index=False)

config = UpdateConfig(
    model="letters",
    input=str(inbox),
    text="text",
    id="id",
    date="date",
    class_="class",
    resolution=0.3,
    title="Letters to the city",
)

# %% [markdown]
# ## The first run
#
# There is no model yet, so the flow fits one. Every stage is a task of its own, and what it computes lies in the
# store, so that a run that was killed goes on where it stopped.

# %%
update_topics_flow(config)

# %% [markdown]
# ## Nothing new
#
# The flow notices, ends in the state `Cached`, and publishes nothing.

# %%
state = update_topics_flow(config, return_state=True)
print(state.name, "-", state.message)

# %% [markdown]
# ## The letters of the autumn

# %%
docs[docs["date"] >= "2024-09-01"].to_csv(inbox / "autumn.csv", index=False)
update_topics_flow(config)

# %% [markdown]
# ## What was published
#
# A model is a folder of runs with two pointers, `latest` and `previous`, that move in one step: whoever reads
# `latest` sees a whole run, the old or the new one. `restore()` goes back.

# %%
registry = topics.Registry("outputs/models/letters")
run = topics.load(registry.find("latest"))
print([path.name for path in registry.runs])
run

# %%
print(run.updated["decision"], "-", run.updated["reason"])
run.lineage.query("event != 'continued'")[["event", "topic_id", "previous_id", "size"]]

# %% [markdown]
# ## Every night
#
# One machine needs no more than a process that stays up:
#
# ```python
# told = config.model_dump(mode="json", exclude_unset=True)
# update_topics_flow.serve(name="letters", cron="0 3 * * *", parameters={"config": told})
# ```
#
# `webhooks=("$TEAM_CHANNEL",)` in the configuration tells a channel when a topic is born or the flow fails; the
# variable is read when it is needed, and its value is in no run folder. The settings are a form in Prefect's own
# pages, so that a run can be started there with others.
#
# ## What next
#
# - `docs/scheduling.md`: databases, buckets, work pools, retries, alerts, several machines.
# - `06_from_bertopic.py`, if that is where you come from.
# - Without Prefect the same is `topics update`, from cron or anything else.
