// Reads a source tree as text: which file imports what. TypeScript 7 has no JavaScript API, so this is a scan of import
// statements; `importsSeen` and `fromsSeen` let the test prove that the scan missed none.

import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";

export interface Import {
  /** A path below the root with `.ts` for what is ours, else the package or `node:` name as written. */
  readonly target: string;
  readonly isOurs: boolean;
  readonly isTypeOnly: boolean;
}

export interface SourceFile {
  /** Path below the root, with `/`. */
  readonly path: string;
  readonly lines: number;
  /** The text with comments and the inside of strings blanked out. */
  readonly code: string;
  readonly opensWithComment: boolean;
  readonly imports: readonly Import[];
}

/** All `.ts` files below `root`. */
export function readSources(root: string): SourceFile[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((path) => path.split(sep).join("/"))
    .filter((path) => path.endsWith(".ts"))
    .sort()
    .map((path) => sourceFile(path, readFileSync(join(root, path), "utf8")));
}

export function sourceFile(path: string, text: string): SourceFile {
  const withoutComments = blankComments(text);
  return {
    path,
    lines: text.split("\n").length - (text.endsWith("\n") ? 1 : 0),
    code: blankStrings(withoutComments),
    opensWithComment: /^\s*(\/\*\*|\/\/)/.test(text),
    imports: importsOf(path, withoutComments),
  };
}

/** How many `from "…"`, `import "…"` and `import("…")` a dumb search finds: what `imports` must add up to. */
export function fromsSeen(text: string): number {
  const code = blankComments(text);
  return [...code.matchAll(/(?:\bfrom\s*|^\s*import\s*|\bimport\(\s*)["'][^"'\n]+["']/gm)].length;
}

const STATEMENT = /^[ \t]*(import|export)(\s+type)?\b([^;"'`]*?)\bfrom\s*["']([^"'\n]+)["']/gm;
const SIDE_EFFECT = /^[ \t]*import\s*["']([^"'\n]+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"'\n]+)["']\s*\)/g;

function importsOf(path: string, code: string): Import[] {
  return [
    ...[...code.matchAll(STATEMENT)].map(([, , type, names = "", target = ""]) =>
      importOf(path, target, type !== undefined || areAllTypes(names)),
    ),
    ...[...code.matchAll(SIDE_EFFECT)].map(([, target = ""]) => importOf(path, target, false)),
    // `import("x").Y` in a type position cannot be told from a call by this scan; it counts as a real import.
    ...[...code.matchAll(DYNAMIC)].map(([, target = ""]) => importOf(path, target, false)),
  ];
}

/** `{ type A, type B }` */
function areAllTypes(names: string): boolean {
  const inner = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1];
  const parts =
    inner
      ?.split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "") ?? [];
  return parts.length > 0 && parts.every((name) => name.startsWith("type "));
}

function importOf(path: string, target: string, isTypeOnly: boolean): Import {
  if (!target.startsWith(".")) return { target, isOurs: false, isTypeOnly };
  const resolved = posix.normalize(posix.join(posix.dirname(path), target)).replace(/\.js$/, ".ts");
  return { target: resolved, isOurs: true, isTypeOnly };
}

/** Comments become spaces; strings and templates stay, so that `"//"` in one is no comment. */
function blankComments(text: string): string {
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (match, string: string | undefined) => string ?? match.replace(/[^\n]/g, " "),
  );
}

function blankStrings(code: string): string {
  return code.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/g, (match) =>
    match.replace(/[^\n]/g, " "),
  );
}
