/** Whether one of the texts, or another, has each of the words; capitals do not matter. */
export function hasWords(texts: string[], words: string): boolean {
  const all = texts.join("\n").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** What a fault is told as. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
