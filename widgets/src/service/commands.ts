import { copyButton } from "../lib/clipboard";
import { fill, h, setText, show } from "../lib/dom";
import { COMMANDS } from "../lib/texts";
import type { Context, Section } from "./section";

/** What to run next, ready to copy. */
export function commands(context: Context): Section {
  const list = h("ul", { "aria-label": COMMANDS.label });
  const element = h(
    "section",
    { class: "mlm-commands" },
    h("span", { class: "mlm-title" }, COMMANDS.title),
    list,
  );

  function item(): HTMLLIElement {
    const code = h("code");
    return h(
      "li",
      {},
      code,
      copyButton(COMMANDS.copy, () => code.textContent ?? "", context.say),
    );
  }

  return {
    element,
    update(snapshot) {
      fill(list, snapshot.commands.length, item).forEach((line, index) => {
        setText(line.firstElementChild as Element, snapshot.commands[index] ?? "");
      });
      show(element, snapshot.commands.length > 0);
    },
  };
}
