"""A page of a panel in a real kernel, without a browser."""

from __future__ import annotations

import time


class Page:
    """What a page does for a panel: it keeps a trait and answers, and sends intents.

    Args:
        client: Of the kernel.
        cell: What opens the panel.
        trait: The name of the trait.
    """

    def __init__(self, client, cell: str, trait: str):
        self.client = client
        self.trait = trait
        self.comm = ""
        self.told: dict | None = None
        self.answers = {}
        client.execute_interactive(
            f"%load_ext mlmagic\n{cell}", timeout=120, output_hook=self._notice
        )

    def send(self, identity: str, kind: str, **args: object) -> None:
        content = {"id": identity, "kind": kind, "args": args}
        data = {"method": "custom", "content": content}
        request = self.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        self.client.shell_channel.send(request)

    def answer(self, identity: str) -> dict:
        self.wait(lambda: identity in self.answers)
        return self.answers[identity]

    def wait(self, came) -> None:
        """Take messages until something is so."""
        end = time.monotonic() + 120
        while not came():
            assert time.monotonic() < end, (self.told, self.answers)
            self._notice(self.client.get_iopub_msg(timeout=120))

    def _notice(self, message: dict) -> None:
        content = message["content"]
        if message["msg_type"] == "comm_open" and "_esm" in content["data"]["state"]:
            self.comm = content["comm_id"]
        if message["msg_type"] != "comm_msg" or content["comm_id"] != self.comm:
            return
        data = content["data"]
        self.told = data.get("state", {}).get(self.trait, self.told)
        if data["method"] == "custom":
            self.answers[data["content"]["id"]] = data["content"]
