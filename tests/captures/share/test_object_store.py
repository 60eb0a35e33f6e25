"""A bucket of S3, as moto serves it on loopback, is a store like a folder."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from captures.console.errors import InputError, RunError
from captures.share.pulling import pull
from captures.share.pushing import PushRequest, push
from tests.captures.share.carried import mangled

BUCKET = "captures"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint, monkeypatch):
    """An empty bucket, which the environment leads to as it does for every program of AWS."""
    for name, value in (
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_CONFIG_FILE", os.devnull),
    ):
        monkeypatch.setenv(name, value)
    resource = boto3.resource("s3")
    made = resource.create_bucket(Bucket=BUCKET)
    yield made
    made.objects.all().delete()
    made.delete()


def test_a_bucket_is_a_store(large_capture, bucket, tmp_path):
    request = PushRequest(large_capture, f"s3://{BUCKET}/tuesday", licence="internal")
    done = push(request)
    assert (done.manifest, done.moved_blocks) == (f"s3://{BUCKET}/tuesday/large.rcap.json", 4)
    names = sorted(each.key for each in bucket.objects.all())
    assert len([name for name in names if name.startswith("tuesday/blocks/")]) == 4
    assert names[-2:] == ["tuesday/large.rcap.json", "tuesday/large.rcap.sha256"]
    assert push(request).moved_blocks == 0
    pulled = pull(done.manifest, tmp_path / "out.rcap")
    assert (pulled.moved_blocks, pulled.manifest.licence) == (4, "internal")
    assert (tmp_path / "out.rcap").read_bytes() == large_capture.read_bytes()


def test_what_is_missing_or_wrong_in_a_bucket_is_found(large_capture, bucket, tmp_path):
    request = PushRequest(large_capture, f"s3://{BUCKET}")
    url = push(request).manifest
    digest = json.loads(bucket.Object("large.rcap.json").get()["Body"].read())["blocks"][1]["digest"]
    block = bucket.Object(f"blocks/{digest[:2]}/{digest}.zst")
    data = block.get()["Body"].read()
    block.put(Body=mangled(data, 1_000_000))
    with pytest.raises(InputError, match="is not the block it is named after"):
        pull(url, tmp_path / "out.rcap")
    block.delete()
    with pytest.raises(InputError, match="this block of the capture is missing"):
        pull(url, tmp_path / "out.rcap")
    assert push(request).moved_blocks == 1
    assert pull(url, tmp_path / "out.rcap").kept_blocks >= 1
    assert (tmp_path / "out.rcap").read_bytes() == large_capture.read_bytes()


def test_a_bucket_that_is_not_there_ends_in_a_line(capture, bucket, tmp_path):
    assert bucket.name == BUCKET
    with pytest.raises(RunError, match="s3://nowhere/lab"):
        push(PushRequest(capture, "s3://nowhere/lab"))
    with pytest.raises(InputError, match="there is no such manifest"):
        pull(f"s3://{BUCKET}/none.rcap.json", Path(tmp_path / "out.rcap"))
