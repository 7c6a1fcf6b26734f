// The two steps of a template: parse once, execute many times.
import type { TemplateNode } from "./ast.js";
import { execute, type MissingKey } from "./exec.js";
import { builtins, type FunctionTable } from "./functions.js";
import { parse } from "./parse.js";

export interface TemplateOptions {
  /** Shown in error texts, as `template: NAME:1:2: …`. Docker's `--format` has the empty name. */
  readonly name?: string;
  /** Added to Go's own functions. */
  readonly functions?: FunctionTable;
  /** What a key that a map does not have gives: `<no value>` (default), the zero value, or an error. */
  readonly missingKey?: MissingKey;
}

export interface Template {
  readonly nodes: readonly TemplateNode[];
  /** @throws TemplateError in Go's words */
  execute(data: unknown, functions?: FunctionTable): string;
}

/** @throws TemplateError in Go's words */
export function parseTemplate(text: string, options: TemplateOptions = {}): Template {
  const name = options.name ?? "";
  const declared: FunctionTable = { ...builtins, ...options.functions };
  const nodes = parse(text, name, declared);
  return {
    nodes,
    execute: (data, functions) =>
      execute(nodes, data, {
        name,
        text,
        functions: functions === undefined ? declared : { ...declared, ...functions },
        missingKey: options.missingKey ?? "default",
      }),
  };
}
