import type { Revision, Snapshot } from "../contract";
import { acting } from "../lib/acting";
import { changeList } from "../lib/changes";
import { confirmation } from "../lib/confirm";
import { button, h, icon, setText, show } from "../lib/dom";
import { age } from "../lib/format";
import { type Line, lines } from "../lib/lines";
import { REVISIONS } from "../lib/texts";
import { wordsOf } from "../lib/words";
import { type Context, foldable, type Section } from "./section";

/** What the service was asked to run, the newest first; any of them can come back. */
export function revisions(context: Context): Section {
  const question = confirmation();
  const { act, trouble } = acting(context.say);
  const list = h("ul", { class: "mlm-revisions-list" });
  let shown: Revision[] = [];
  let now = Date.now();
  const { element, remark } = foldable(
    context,
    "revisions",
    REVISIONS.title,
    question.element,
    trouble,
    list,
  );

  function lineOf(): Line<Revision> {
    let generation = 0;
    const title = h("strong");
    const made = h("span", { class: "mlm-detail" });
    const back = button(REVISIONS.back);
    const changes = h("div");
    const what = h(
      "details",
      { class: "mlm-calls" },
      h("summary", {}, icon("chevron"), REVISIONS.changes),
      changes,
    );

    async function look(): Promise<void> {
      if (!what.open) return;
      try {
        changes.replaceChildren(changeList(await context.python.ask("changes", { generation })));
      } catch (error) {
        changes.replaceChildren(wordsOf(error));
      }
    }

    async function rollBack(): Promise<void> {
      const wanted = generation;
      if (!(await question.ask(REVISIONS.question(wanted), REVISIONS.yes))) return;
      const ask = () => context.python.ask("rollback", { generation: wanted }, 120);
      await act(back, ask, REVISIONS.comesBack(wanted));
    }

    what.addEventListener("toggle", () => void look());
    back.addEventListener("click", () => void rollBack());
    return {
      element: h("li", {}, h("div", { class: "mlm-row" }, title, made, back), what),
      draw(revision) {
        generation = revision.generation;
        setText(title, REVISIONS.name(generation));
        const words = [REVISIONS.age(age(revision.createdAt, now))];
        if (revision.note) words.push(revision.note);
        if (revision.current) words.unshift(REVISIONS.current);
        setText(made, words.join(" · "));
        back.setAttribute("aria-label", REVISIONS.backTo(generation));
        show(back, !revision.current);
      },
    };
  }

  const drawLines = lines<Revision>(list, ({ generation }) => `${generation}`, lineOf);

  function draw(time: number): void {
    now = time;
    drawLines(shown);
  }

  return {
    element,
    update(snapshot: Snapshot) {
      shown = [...snapshot.revisions].sort((one, other) => other.generation - one.generation);
      setText(remark, REVISIONS.count(shown.length));
      show(element, shown.length > 0 && snapshot.state !== "Deleted");
      draw(Date.now());
    },
    tick: draw,
  };
}
