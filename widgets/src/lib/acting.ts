import { h, setText, show } from "./dom";
import { duration } from "./format";
import { wordsOf } from "./words";

const LONG = 2; // seconds

/**
 * Buttons that have Python do something: busy and closed to a second click until it is done, with
 * the time where that is long. Faults are told in `trouble`, or by `tell` where there is a better
 * place.
 */
export function acting(say: (words: string) => void, tell?: (words: string) => void) {
  const trouble = h("p", { class: "mlm-trouble", role: "alert" });
  show(trouble, false);

  function fail(words: string): void {
    setText(trouble, words);
    show(trouble, words !== "");
  }

  async function act(
    button: HTMLButtonElement,
    action: () => Promise<unknown>,
    done: string,
  ): Promise<boolean> {
    // Not `disabled`: that would take the focus away from whoever uses the keyboard.
    if (button.ariaBusy === "true") return false;
    button.ariaBusy = "true";
    fail("");
    const since = Date.now();
    const clock = setInterval(() => {
      const seconds = Math.floor((Date.now() - since) / 1000);
      if (seconds >= LONG) button.dataset.spent = duration(seconds);
    }, 1000);
    try {
      await action();
      if (done) say(done);
      return true;
    } catch (error) {
      (tell ?? fail)(wordsOf(error));
      return false;
    } finally {
      clearInterval(clock);
      delete button.dataset.spent;
      button.ariaBusy = null;
    }
  }

  return { trouble, act, fail };
}
