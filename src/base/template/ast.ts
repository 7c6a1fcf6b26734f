// The tree of a parsed template, and how its nodes read in an error text.

/** A mistake in a template or in its use; the text is Go's. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

interface Positioned {
  /** Offset in the template's text. */
  readonly pos: number;
}

export type Operand = Positioned &
  (
    | { readonly kind: "dot" }
    | { readonly kind: "nil" }
    | { readonly kind: "bool"; readonly value: boolean }
    | { readonly kind: "number"; readonly value: number; readonly text: string }
    | { readonly kind: "string"; readonly value: string; readonly text: string }
    | { readonly kind: "field"; readonly path: readonly string[] }
    | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
    | { readonly kind: "function"; readonly name: string }
    | { readonly kind: "chain"; readonly base: Pipeline; readonly path: readonly string[] }
    | { readonly kind: "pipeline"; readonly pipeline: Pipeline }
  );

export interface Command extends Positioned {
  readonly operands: readonly Operand[];
}

export interface Pipeline extends Positioned {
  readonly variables: readonly string[];
  /** `=` rather than `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

export interface Branch extends Positioned {
  readonly pipeline: Pipeline;
  readonly body: readonly TemplateNode[];
  readonly otherwise: readonly TemplateNode[];
}

export type TemplateNode =
  | (Positioned & { readonly kind: "text"; readonly text: string })
  | (Positioned & { readonly kind: "action"; readonly pipeline: Pipeline })
  | (Branch & { readonly kind: "if" | "with" | "range" })
  | (Positioned & { readonly kind: "break" | "continue" });

export function showOperand(operand: Operand): string {
  switch (operand.kind) {
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "bool":
      return String(operand.value);
    case "number":
    case "string":
      return operand.text;
    case "field":
      return showPath(operand.path);
    case "variable":
      return operand.name + showPath(operand.path);
    case "function":
      return operand.name;
    case "chain":
      return `(${showPipeline(operand.base)})${showPath(operand.path)}`;
    case "pipeline":
      return `(${showPipeline(operand.pipeline)})`;
    default:
      return operand satisfies never;
  }
}

export function showCommand(command: Command): string {
  return command.operands.map(showOperand).join(" ");
}

export function showPipeline(pipeline: Pipeline): string {
  const declared =
    pipeline.variables.length === 0 ? "" : `${pipeline.variables.join(", ")} ${pipeline.assigns ? "=" : ":="} `;
  return declared + pipeline.commands.map(showCommand).join(" | ");
}

function showPath(path: readonly string[]): string {
  return path.map((name) => `.${name}`).join("");
}
