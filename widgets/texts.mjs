// Finds what goes past the catalogue, src/lib/texts.ts: words of the panels that stand elsewhere, and
// entries that no panel says. Strings are told from words by where they stand and by their type.
// TypeScript 7 has its compiler's interface under this name; package.json holds the version fixed.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { SyntaxKind } from "typescript/unstable/ast";
import { API, TypeFlags } from "typescript/unstable/sync";

const HERE = import.meta.dirname;
const CATALOGUE = join(HERE, "src/lib/texts.ts");

/** Attributes that nobody reads or hears (styles show data-empty); any other is taken for words. */
const MUTE_ATTRIBUTE =
  /^(class|data-(?!empty$).+|d|for|href|id|list|name|preserveAspectRatio|rel|role|rows|scope|spellcheck|tabindex|target|type|value|viewBox|aria-(busy|controls|current|describedby|expanded|hidden|invalid|live|pressed|selected))$/;
const MUTE_PROPERTY = /^(ariaBusy|inputMode)$/;
/** Functions whose first argument is code: names of events, selectors. */
const MUTE_CALL =
  /^(addEventListener|closest|execCommand|getAttribute|matches|querySelector|querySelectorAll|replace|toggleAttribute)$/;
/** Strings that are code where the place does not tell: classes, types of media, addresses, icons. */
const CODE =
  /^(true|false|mlm-[\w -]+|(application|text)\/[\w.+-]+|[a-z]+:\S*|M-?\d[-\d\s.,a-zA-Z]*)$/;

const LITERALS = new Set([
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateExpression,
]);
/** What a string may stand in without another part having to say what it is for. */
const AROUND = new Set([
  SyntaxKind.ArrayLiteralExpression,
  SyntaxKind.AsExpression,
  SyntaxKind.ConditionalExpression,
  SyntaxKind.ParenthesizedExpression,
]);
const CHOOSING = new Set([
  SyntaxKind.AmpersandAmpersandToken,
  SyntaxKind.BarBarToken,
  SyntaxKind.PlusToken,
  SyntaxKind.QuestionQuestionToken,
]);
const COMPARING = new Set([
  SyntaxKind.EqualsEqualsEqualsToken,
  SyntaxKind.ExclamationEqualsEqualsToken,
  SyntaxKind.InKeyword,
]);
const MUTE_PLACES = new Set([
  SyntaxKind.CaseClause,
  SyntaxKind.ElementAccessExpression,
  SyntaxKind.ExportDeclaration,
  SyntaxKind.ImportDeclaration,
  SyntaxKind.LiteralType,
]);

/** Words in the sources of a folder, as `FILE:LINE: TEXT`. */
export function strayTexts(folder) {
  return withProject(({ program, checker }) => {
    const inScripts = sources(program, folder).flatMap((name) => {
      const file = program.getSourceFile(name);
      return [...nodes(file)]
        .filter((node) => LITERALS.has(node.kind) && isWords(node, checker))
        .map((node) => place(name, file.text, node.getStart(file), textOf(node)));
    });
    return [...inScripts, ...inStyles(join(HERE, folder))];
  });
}

function sources(program, folder) {
  const isSource = (name) => name.startsWith(`${join(HERE, folder)}/`) && name !== CATALOGUE;
  return program.getSourceFileNames().filter(isSource);
}

/** Entries of the catalogue that nothing says, as `CONSTANT.entry`. */
export function unusedTexts() {
  return withProject(({ program }) => {
    const said = new Set();
    for (const name of sources(program, "src"))
      for (const node of nodes(program.getSourceFile(name)))
        if (node.kind === SyntaxKind.PropertyAccessExpression)
          said.add(`${node.expression.text}.${node.name.text}`);
    const entries = [...nodes(program.getSourceFile(CATALOGUE))]
      .filter((node) => node.kind === SyntaxKind.VariableDeclaration)
      .flatMap(({ name, initializer }) =>
        (initializer.expression?.properties ?? []).map(
          (entry) => `${name.text}.${entry.name.text}`,
        ),
      );
    return entries.filter((entry) => !said.has(entry));
  });
}

function withProject(look) {
  const api = new API({ cwd: HERE });
  try {
    const tsconfig = join(HERE, "tsconfig.json");
    return look(api.updateSnapshot({ openProjects: [tsconfig] }).getProject(tsconfig));
  } finally {
    api.close();
  }
}

function* nodes(node) {
  const children = [];
  node.forEachChild((child) => void children.push(child));
  for (const child of children) {
    yield child;
    yield* nodes(child);
  }
}

function place(name, source, at, text) {
  return `${relative(HERE, name)}:${source.slice(0, at).split("\n").length}: ${text}`;
}

/** The text of a literal, each value in it a 0. */
function textOf(node) {
  if (node.kind !== SyntaxKind.TemplateExpression) return node.text;
  return [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join("0");
}

function isWords(node, checker) {
  const text = textOf(node);
  if (!/\p{L}/u.test(text)) return false;
  let inner = node;
  while (isAround(inner.parent, inner)) inner = inner.parent;
  const isShown = shown(inner);
  if (isShown !== undefined) return isShown;
  if (CODE.test(text)) return false;
  return /\s/.test(text) || isAnyText(checker.getContextualType(node));
}

function isAround(parent, inner) {
  if (parent.kind === SyntaxKind.BinaryExpression) return CHOOSING.has(parent.operatorToken.kind);
  return AROUND.has(parent.kind) && parent.condition !== inner;
}

/** Whether somebody reads or hears what stands there, if the place tells. */
function shown(node) {
  const { parent } = node;
  if (MUTE_PLACES.has(parent.kind) || parent.name === node) return false;
  if (parent.kind === SyntaxKind.BinaryExpression) {
    if (COMPARING.has(parent.operatorToken.kind)) return false;
    const { left } = parent;
    if (left.expression?.name?.text === "dataset" || MUTE_PROPERTY.test(left.name?.text))
      return false;
  }
  if (parent.kind === SyntaxKind.PropertyAssignment) {
    const call = parent.parent.parent;
    if (calleeOf(call) === "h") return !MUTE_ATTRIBUTE.test(parent.name.text);
  }
  const callee = calleeOf(parent);
  const index = parent.arguments?.indexOf(node);
  if (callee === "h") return index > 1;
  if (callee === "setText") return true;
  if (callee === "setAttribute")
    return index === 1 && !MUTE_ATTRIBUTE.test(parent.arguments[0].text);
  return index === 0 && MUTE_CALL.test(callee) ? false : undefined;
}

function calleeOf(node) {
  if (node.kind !== SyntaxKind.CallExpression) return undefined;
  return (node.expression.name ?? node.expression).text;
}

/** Whether a place takes any string; otherwise it takes some of a list, which are code. */
function isAnyText(type) {
  if (type === undefined) return true;
  if (type.flags & TypeFlags.Union) return type.getTypes().some(isAnyText);
  return (type.flags & (TypeFlags.String | TypeFlags.Any | TypeFlags.Unknown)) !== 0;
}

function inStyles(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".css"))
    .flatMap((name) => {
      const source = readFileSync(join(folder, name), "utf8");
      return [...source.matchAll(/\bcontent:[^;]*;/g)]
        .filter(([value]) => /(["'])[^"']*\p{L}[^"']*\1/u.test(value))
        .map((found) => place(join(folder, name), source, found.index, found[0]));
    });
}
