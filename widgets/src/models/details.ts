import type { ModelDetails, ModelsIntents, ModelsModel } from "../contract";
import { button, h, icon, show } from "../lib/dom";
import { factList } from "../lib/facts";
import { bytes, pretty } from "../lib/format";
import type { Python } from "../lib/python";
import { MODEL } from "../lib/texts";

interface Actions {
  remove(id: string, button: HTMLButtonElement): Promise<void>;
  deploy(id: string, button: HTMLButtonElement): Promise<void>;
}

/** Everything of one version: facts, files, sample, who uses it. */
export function details(python: Python<ModelsModel, ModelsIntents>, actions: Actions) {
  const element = h("section", { class: "mlm-model" });
  let shown = "";
  show(element, false);
  return {
    element,
    async show(id: string): Promise<void> {
      shown = id;
      show(element, id !== "");
      if (id === "") return;
      const model = await python.ask("details", { id }, 60);
      if (shown === id) draw(element, model, actions);
    },
  };
}

function draw(element: HTMLElement, model: ModelDetails, actions: Actions): void {
  const remove = h("button", { type: "button", class: "mlm-button mlm-danger" }, MODEL.delete);
  remove.addEventListener("click", () => void actions.remove(model.id, remove));
  const deploy = button(MODEL.deploy);
  deploy.addEventListener("click", () => void actions.deploy(model.id, deploy));
  const users = model.usedBy.join(", ");
  const more = model.fileCount - model.files.length;
  const name = model.id.replace(/:\d+$/, "");
  element.setAttribute("aria-label", model.id);
  element.replaceChildren(
    h(
      "div",
      { class: "mlm-row" },
      h("h3", {}, model.id),
      h("span", { class: "mlm-push" }),
      deploy,
      remove,
    ),
    factList([
      ...model.facts,
      [MODEL.usedBy, users || MODEL.usedByNone],
      [MODEL.versions, model.versions.map((version) => `${name}:${version}`).join(", ")],
    ]),
    h("h4", {}, MODEL.files(model.fileCount)),
    h(
      "ul",
      { class: "mlm-files" },
      ...model.files.map(([path, size, digest]) =>
        h(
          "li",
          {},
          h("code", {}, path),
          ` ${bytes(size)} `,
          h("code", { title: digest }, MODEL.digest(digest.slice(0, 12))),
        ),
      ),
      ...(more > 0 ? [h("li", {}, MODEL.moreFiles(more))] : []),
    ),
  );
  if (model.sample)
    element.append(
      h("h4", {}, MODEL.sample),
      h(
        "pre",
        { class: "mlm-code", role: "group", tabindex: "0", "aria-label": MODEL.sample },
        pretty(model.sample),
      ),
    );
  element.append(
    h(
      "details",
      { class: "mlm-calls" },
      h("summary", {}, icon("chevron"), MODEL.card),
      h(
        "pre",
        { class: "mlm-code", role: "group", tabindex: "0", "aria-label": MODEL.card },
        model.card,
      ),
    ),
  );
}
