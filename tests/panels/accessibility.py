"""What everybody can use: axe-core's rules, narrow pages, the keyboard alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from conftest import ROOT

if TYPE_CHECKING:
    from conftest import LabPage
    from playwright.sync_api import Locator, Page

AXE = ROOT / "widgets" / "node_modules" / "axe-core" / "axe.min.js"
NARROW = {"width": 480, "height": 900}
WIDE = {"width": 1180, "height": 1100}
_RUN = """
async (root) => {
  const { violations } = await window.axe.run(root, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, any, all }) => {
      const why = [...any, ...all].map((check) => check.message).join("; ");
      return `${id}: ${help}\\n    ${html.slice(0, 300)}\\n    ${why}`;
    }),
  );
}
"""
# Parts that can be scrolled sideways, or that stand out at the right.
_TOO_WIDE = """
(root) => [root, ...root.querySelectorAll("*")]
  .filter((element) => element.clientWidth > 1 && element.checkVisibility())
  .filter((element) => !element.matches("input, select"))
  .filter((element) => {
    const { overflowX, textOverflow } = getComputedStyle(element);
    if (overflowX === "visible" || textOverflow === "ellipsis") return false;
    return element.scrollWidth > element.clientWidth;
  })
  .map((element) => `${element.tagName} ${element.className} ${element.scrollWidth}`)
"""
_NAME = """
() => {
  const element = document.activeElement;
  return element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? element.innerText;
}
"""
# What keeps a user of the keyboard from seeing where they are; empty where nothing does.
_LOST = """
() => {
  const element = document.activeElement;
  if (!element || element === document.body) return "nothing has the focus";
  if (!element.closest(".mlm-panel")) return "";
  const what = element.outerHTML.slice(0, 200);
  const [box] = element.getClientRects();
  if (!box) return `what has the focus is not drawn: ${what}`;
  const middle = (from, to, size) => (Math.max(from, 0) + Math.min(to, size)) / 2;
  const seen = document.elementFromPoint(
    middle(box.left, box.right, innerWidth),
    middle(box.top, box.bottom, innerHeight),
  );
  if (!element.contains(seen)) return `what has the focus is out of sight or covered: ${what}`;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const isMarked = element.matches(":focus-visible") && outlineStyle !== "none";
  return isMarked && parseFloat(outlineWidth) >= 2 ? "" : `the focus is not marked: ${what}`;
}
"""


def check_accessible(lab: LabPage, panel: Locator) -> None:
    """Hold a panel against axe-core's rules, in light colours and in dark ones."""
    if not AXE.exists():
        reason = "axe-core is not installed: cd widgets && npm ci"
        if "browser" in os.environ.get("MLMAGIC_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    if not lab.page.evaluate("() => 'axe' in window"):
        lab.page.evaluate(AXE.read_text())
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        lab.choose_theme(theme)
        violations = panel.evaluate(_RUN)
        assert not violations, f"{theme}:\n" + "\n".join(violations)


def check_narrow(lab: LabPage, panel: Locator, name: str) -> None:
    """See that nothing of a panel scrolls sideways on a page of 480 pixels; a picture is kept."""
    lab.page.set_viewport_size(NARROW)
    lab.show_side_bar(shown=False)
    panel.wait_for()
    too_wide = panel.evaluate(_TOO_WIDE)
    lab.screenshot(name, panel)
    lab.page.set_viewport_size(WIDE)
    lab.show_side_bar(shown=True)
    assert too_wide == []


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press Tab until the control of this name has the focus, which is seen all the way."""
    for _ in range(80):
        page.keyboard.press(key)
        check_focus(page)
        if focused(page) == name:
            return
    pytest.fail(f"{key} does not lead to '{name}'.")


def focused(page: Page) -> str:
    """Return the name of the control that has the focus."""
    return (page.evaluate(_NAME) or "").strip()


def check_focus(page: Page) -> None:
    """See that something has the focus; in a panel, that it lies in sight and is marked."""
    for _ in range(50):  # JupyterLab scrolls, and panels draw, after the key
        lost = page.evaluate(_LOST)
        if not lost:
            return
        page.wait_for_timeout(100)
    pytest.fail(lost)
