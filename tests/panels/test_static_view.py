"""The card of HTML and the lines of text that stand for a service without a kernel."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from fake_service import KEY, TRACEBACK, URI, FakeService

from mlmagic.presentation import Facts
from mlmagic.services.static_view import SERVICE_MIME_TYPE, mime_bundle, render_html, render_text


class Tags(HTMLParser):
    """Collects the tags of a page and checks that they nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.open.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def service() -> FakeService:
    return FakeService()


def test_healthy_text_tells_where_it_answers(service):
    service.be_healthy()
    text = render_text(service.snapshot())
    first, *rest = text.splitlines()
    assert first.startswith("diabetes-svc  Healthy  It answers")
    assert f"    scoring URI  {URI}" in rest
    assert "    replicas     1 of 1 ready" in rest
    assert "internal URI" not in text
    assert rest[-1] == "      %ml service delete diabetes-svc"


def test_failed_text_and_card_hold_traceback_and_next_step(service):
    service.fail()
    text, page = render_text(service.snapshot()), render_html(service.snapshot())
    for line in TRACEBACK.splitlines():
        assert line in text
    assert "In [4], line 7, in init()" in page
    assert "Mend the script" in text
    assert "Mend the script" in page
    assert "InitFailed" in page


def test_card_is_sound_html_without_script(service):
    service.be_healthy()
    tags = Tags(render_html(service.snapshot()))
    assert tags.open == []
    assert "table" in tags.seen
    assert not tags.seen & {"script", "iframe", "style", "img", "link"}


def test_card_escapes_what_users_wrote(service):
    service.become(
        message="<script>alert(1)</script>",
        traceback="<b>x</b>",
        models=["a<i>:1"],
        commands=["<u>"],
        scoringUri="http://x/<score>",
    )
    assert not Tags(render_html(service.snapshot())).seen & {"script", "b", "i", "u", "score"}


def test_stopped_is_called_stopped(service):
    service.become(state="Unhealthy", reason="Stopped", message="The service is stopped.")
    assert "diabetes-svc  Stopped  The" in render_text(service.snapshot())
    assert ">Stopped<" in render_html(service.snapshot())


def test_bundle_has_json_for_programs_and_no_key(service):
    bundle = mime_bundle(service.snapshot())
    assert bundle[SERVICE_MIME_TYPE] == service.snapshot()
    assert set(bundle) == {"text/plain", "text/html", SERVICE_MIME_TYPE}
    assert KEY not in str(bundle)


def test_colours_are_vs_codes_first_as_ipywidgets_brings_jupyters_light_ones_there(service):
    service.become(state="Failed", traceback="ValueError: no weights")
    html = render_html(service.snapshot()) + Facts([("file", "missing")]).html()
    assert "--vscode-" in html
    assert not re.findall(r"(?<!, )var\(--jp-[^)]*", html)
