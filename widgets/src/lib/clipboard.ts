import { h, iconButton, setIcon } from "./dom";
import { COPYING } from "./texts";
import { wordsOf } from "./words";

/** Put a text on the clipboard, also where the page has no secure context (plain http hubs). */
async function writeClipboard(text: string): Promise<void> {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = h("textarea", { class: "mlm-offscreen", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error(COPYING.refused);
}

/** A copy button: a tick for a moment, and a word to screen readers, say that it worked. */
export function copyButton(
  label: string,
  text: () => string | Promise<string>,
  say: (words: string) => void,
): HTMLButtonElement {
  let timer = 0;
  const button = iconButton("copy", label, async () => {
    try {
      await writeClipboard(await text());
    } catch (error) {
      say(wordsOf(error));
      return;
    }
    const svg = button.querySelector("svg");
    if (!svg) return;
    setIcon(svg, "check");
    button.classList.add("mlm-done");
    say(COPYING.done);
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      setIcon(svg, "copy");
      button.classList.remove("mlm-done");
    }, 1500);
  });
  return button;
}
