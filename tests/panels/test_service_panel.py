"""The Python half of the service panel: the real widget, its traits and its commands."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from fake_service import KEY, FakeService

from mlmagic.panels.service import KEPT_LINES, ServicePanel, panel_of


class Sent:
    """The answers of a panel, waited for."""

    def __init__(self, panel: ServicePanel) -> None:
        self.panel = panel
        self.replies: list[dict] = []
        self.came = threading.Event()
        panel.send = self.take

    def take(self, content, buffers=None):
        self.replies.append(content)
        self.came.set()

    def ask(self, kind, **args):
        self.came.clear()
        self.send(str(uuid4()), kind, args)
        assert self.came.wait(20)
        return self.replies[-1]

    def send(self, identity, kind, args):
        self.panel._handle_custom_msg({"id": identity, "kind": kind, "args": args}, [])


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def panel(service):
    panel = ServicePanel(service, watch=service.watch)
    yield panel
    panel.close()


def test_follows_the_watcher_from_another_thread(service, panel):
    assert panel.snapshot["state"] == "Transitioning"
    thread = threading.Thread(target=service.come_up)
    thread.start()
    thread.join()
    panel._send_newest()
    assert panel.snapshot == service.snapshot()
    assert panel.tail["lines"][-1].endswith("ready on http://127.0.0.1:41873")


def test_a_change_of_state_goes_out_at_once_and_chatter_in_batches(service, panel):
    updates = []
    panel.observe(updates.append, "tail")
    service.go("init", "Initialising", "init() runs.", "first")
    assert panel.snapshot["stage"] == "init"
    for number in range(200):
        service.say(f"line {number}")
    assert len(updates) < 50
    panel._send_newest()
    assert panel.tail["lines"][-1] == "line 199"


def test_log_is_bounded_and_counts_what_it_dropped(service, panel):
    service.say(*(f"old {number}" for number in range(400)))
    service.say(*(f"new {number}" for number in range(450)))
    panel._send_newest()
    lines = panel.tail["lines"]
    assert len(lines) == KEPT_LINES
    assert (lines[0], lines[-1]) == ("new 150", "new 449")
    assert panel.tail["dropped"] == 550


def test_log_lines_lose_colours_and_are_cut(service, panel):
    service.become("\x1b[31mred\x1b[0m\r\n", "x" * 5_000, state="Failed")
    red, long = panel.tail["lines"]
    assert red == "red"
    assert len(long) < 2_010


def test_try_answers_from_a_worker(service, panel):
    reply = Sent(panel).ask("try", body='{"data": []}', mediaType="application/json")
    assert reply["ok"]
    assert reply["value"]["body"] == "[189.8, 82.5]"
    assert reply["value"]["status"] == 200
    assert reply["value"]["milliseconds"] > 0
    assert reply["value"]["headers"] == [["x-ms-run-duration", "2"]]
    assert service.threads[0].startswith("mlmagic-panel")


def test_try_shows_an_error_of_the_service_as_its_answer(panel):
    value = Sent(panel).ask("try", body="bad", mediaType="application/json")["value"]
    assert (value["status"], value["body"]) == (400, '{"message": "no"}')


def test_try_tells_why_the_service_cannot_answer(panel):
    reply = Sent(panel).ask("try", body="gone", mediaType="application/json")
    assert not reply["ok"]
    assert reply["error"] == "Service 'diabetes-svc' is Failed."


def test_keys_come_as_an_answer_and_never_as_state(panel):
    reply = Sent(panel).ask("keys")
    assert reply["value"]["primary"] == KEY
    assert KEY not in str(panel.get_state())


def test_code_of_a_call_holds_no_key(service, panel):
    service.be_healthy()
    asked = {"language": "curl", "body": "[1]", "mediaType": "application/json"}
    code = Sent(panel).ask("call", **asked)["value"]["code"]
    assert "$SERVICE_KEY" in code
    assert KEY not in code


def test_a_delete_needs_the_name(panel):
    reply = Sent(panel).ask("delete", name="another")
    assert reply["error"].startswith("'another' is not the name of the service.")


def test_what_was_done_is_told_to_callbacks(panel):
    told = []
    panel.on_done(lambda *event: told.append(event))
    Sent(panel).ask("keys")
    Sent(panel).ask("destroy")
    assert [event[0] for event in told] == ["keys"]


def test_shows_itself_as_html(service, panel):
    service.fail()
    assert "KeyError" in panel.to_html()


@pytest.mark.parametrize(
    ("kind", "words"), [("destroy", "no command 'destroy'"), ("try", "KeyError")]
)
def test_what_it_does_not_understand_is_answered(panel, kind, words):
    reply = Sent(panel).ask(kind)
    assert not reply["ok"]
    assert words in reply["error"]


def test_closing_ends_the_watching(service):
    panel = ServicePanel(service, watch=service.watch)
    panel.close()
    assert service.unwatched == 1
    service.come_up()
    assert panel.snapshot["state"] == "Transitioning"


def test_one_panel_per_service(service):
    panel = panel_of(service, watch=service.watch)
    assert panel_of(service, watch=service.watch) is panel
    panel.close()
    other = panel_of(service, watch=service.watch)
    assert other is not panel
    other.close()


def test_a_deleted_service_is_watched_no_longer(service):
    panel = panel_of(service, watch=service.watch)
    service.become(state="Deleted", reason="Stopped", message="It was deleted.")
    assert panel.snapshot["state"] == "Deleted"
    assert service.unwatched == 1
    panel.close()


def test_what_the_page_sends_again_is_done_once(panel, service):
    sent = Sent(panel)
    for _ in range(3):
        sent.send("b-1", "delete", {"name": service.name})
    assert sent.came.wait(20)
    panel._workers.shutdown(wait=True)
    assert [reply["id"] for reply in sent.replies] == ["b-1"]
