// Text to tokens: the text between actions, and what stands inside `{{ }}`.
import { TemplateError } from "./ast.js";

export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "space"
  | "field"
  | "dot"
  | "variable"
  | "identifier"
  | "keyword"
  | "number"
  | "char"
  | "string"
  | "rawString"
  | "pipe"
  | "comma"
  | "declare"
  | "assign"
  | "leftParen"
  | "rightParen"
  | "eof";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly pos: number;
}

const keywords = new Set(["if", "else", "end", "range", "with", "break", "continue", "define", "block", "template"]);

/** Tried in this order at each place inside an action. */
const rules: readonly (readonly [TokenKind, RegExp])[] = [
  ["space", /[ \t\r\n]+/y],
  ["declare", /:=/y],
  ["assign", /=/y],
  ["pipe", /\|/y],
  ["comma", /,/y],
  ["leftParen", /\(/y],
  ["rightParen", /\)/y],
  ["string", /"(?:[^"\\\n]|\\[^\n])*"/y],
  ["rawString", /`[^`]*`/y],
  ["char", /'(?:[^'\\\n]|\\[^\n])+'/y],
  ["number", /[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)/y],
  ["field", /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["dot", /\./y],
  ["variable", /\$[\p{L}\p{Nd}_]*/uy],
  ["identifier", /[\p{L}_][\p{L}\p{Nd}_]*/uy],
];

const openDelimiter = /\{\{(?:-[ \t\r\n])?/g;
const comment = /\/\*[\s\S]*?\*\//y;
const closing = /(?:[ \t\r\n]-)?\}\}/y;

export function lex(text: string, name: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  while (at < text.length) {
    openDelimiter.lastIndex = at;
    const open = openDelimiter.exec(text);
    const end = open?.index ?? text.length;
    pushText(tokens, text, at, end, { left: trimNext, right: (open?.[0].length ?? 0) > 2 });
    if (open === null) break;
    const action = lexAction(text, open.index, open.index + open[0].length, name);
    tokens.push(...action.tokens);
    at = action.end;
    trimNext = action.trims;
  }
  tokens.push({ kind: "eof", text: "", pos: text.length });
  return tokens;
}

function pushText(
  tokens: Token[],
  text: string,
  from: number,
  to: number,
  trim: { readonly left: boolean; readonly right: boolean },
): void {
  let piece = text.slice(from, to);
  if (trim.right) piece = piece.replace(/[ \t\r\n]+$/, "");
  if (trim.left) piece = piece.replace(/^[ \t\r\n]+/, "");
  if (piece !== "") tokens.push({ kind: "text", text: piece, pos: from });
}

interface LexedAction {
  readonly tokens: readonly Token[];
  readonly end: number;
  readonly trims: boolean;
}

function lexAction(text: string, open: number, from: number, name: string): LexedAction {
  const skipped = matchAt(comment, text, from);
  if (skipped !== undefined) return endComment(text, from + skipped.length, name);
  const tokens: Token[] = [{ kind: "open", text: "{{", pos: open }];
  for (let at = from; ; ) {
    const close = matchAt(closing, text, at);
    if (close !== undefined) {
      tokens.push({ kind: "close", text: "}}", pos: at });
      return { tokens, end: at + close.length, trims: close.length > 2 };
    }
    const token = nextToken(text, at, name);
    tokens.push(token);
    at += token.text.length;
  }
}

function endComment(text: string, at: number, name: string): LexedAction {
  const close = matchAt(closing, text, at);
  if (close === undefined) throw fail(text, at, name, "comment ends before closing delimiter");
  return { tokens: [], end: at + close.length, trims: close.length > 2 };
}

function nextToken(text: string, at: number, name: string): Token {
  for (const [kind, rule] of rules) {
    const matched = matchAt(rule, text, at);
    if (matched === undefined) continue;
    if (kind === "identifier" && keywords.has(matched)) return { kind: "keyword", text: matched, pos: at };
    return { kind, text: matched, pos: at };
  }
  throw fail(text, at, name, whyNoToken(text, at));
}

function whyNoToken(text: string, at: number): string {
  const character = text[at];
  if (text.startsWith("/*", at)) return "unclosed comment";
  if (character === undefined) return "unclosed action";
  if (character === '"') return "unterminated quoted string";
  if (character === "`") return "unterminated raw quoted string";
  if (character === "'") return "unterminated character constant";
  if (character === ":") return "expected :=";
  const code = character.codePointAt(0) ?? 0;
  return `unrecognized character in action: U+${code.toString(16).toUpperCase().padStart(4, "0")} '${character}'`;
}

function matchAt(rule: RegExp, text: string, at: number): string | undefined {
  rule.lastIndex = at;
  return rule.exec(text)?.[0];
}

function fail(text: string, at: number, name: string, why: string): TemplateError {
  return new TemplateError(`template: ${name}:${lineAt(text, at)}: ${why}`);
}

/** 1-based. */
export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}
