"""Documents on S3, from a real server on this machine: `pip install s3fs 'moto[server]'`, which few have."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from flows.sources import Place, gather
from topics import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("s3fs")
moto = pytest.importorskip("moto.server")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

COLUMNS = {"text": "text", "id": "id"}


class Bucket:
    """A bucket of its own for a test."""

    def __init__(self, url: str, name: str) -> None:
        import boto3

        self.name, self.client = name, boto3.client("s3", endpoint_url=url)
        self.client.create_bucket(Bucket=name)

    def put(self, name: str, *ids: str) -> None:
        body = "".join(f"{each},text\n" for each in ("id", *ids))
        self.client.put_object(Bucket=self.name, Key=name, Body=body.encode())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        told = {"ENDPOINT_URL": f"http://{host}:{port}", "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y"}
        for name, value in {**told, "DEFAULT_REGION": "us-east-1"}.items():
            patch.setenv(f"AWS_{name}", value)
        yield told["ENDPOINT_URL"]
    server.stop()


@pytest.fixture
def bucket(url: str) -> Bucket:
    return Bucket(url, f"inbox-{uuid.uuid4().hex}")


@pytest.mark.parametrize("where", ["in", "in/", "in/*.csv", "in/**/*.csv"])
def test_only_objects_that_are_new_or_changed_are_read(bucket: Bucket, where: str) -> None:
    place = Place(f"s3://{bucket.name}/{where}", columns=COLUMNS)
    bucket.put("in/a.csv", "a1")
    bucket.put("in/readme.pdf", "p1")
    first = gather(place)
    assert first.reading is not None
    assert list(first.reading.corpus.ids) == ["a1"]
    assert gather(place, first.seen).reading is None
    bucket.put("in/b.csv", "b1")
    second = gather(place, first.seen)
    assert second.reading is not None
    assert list(second.reading.corpus.ids) == ["b1"]
    bucket.put("in/a.csv", "a1", "a2")
    third = gather(place, second.seen)
    assert third.reading is not None
    assert list(third.reading.corpus.ids) == ["a1", "a2"]


def test_one_object_and_what_is_not_there(bucket: Bucket) -> None:
    bucket.put("a.csv", "a1")
    found = gather(Place(f"s3://{bucket.name}/a.csv", columns=COLUMNS))
    assert found.reading is not None
    assert list(found.reading.corpus.ids) == ["a1"]
    for name in (f"{bucket.name}/none.csv", "nobody/a.csv"):
        with pytest.raises(InvalidInput, match=r"there is no such file"):
            gather(Place(f"s3://{name}"))
    for name in (f"{bucket.name}/none/*.csv", "nobody/in/*.csv", f"{bucket.name}/none/"):
        with pytest.raises(InvalidInput, match=r"there is nothing to read"):
            gather(Place(f"s3://{name}"))
