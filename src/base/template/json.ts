// JSON as Go's encoder writes it.

export interface JsonOptions {
  /** `<`, `>` and `&` as \u003c …, which is Go's default and which Docker's `json` function turns off. */
  readonly escapeHtml?: boolean;
  readonly indent?: string;
}

export function goJson(value: unknown, options: JsonOptions = {}): string {
  const text = JSON.stringify(value ?? null, undefined, options.indent) ?? "null";
  const separators = text.replace(/[\u2028\u2029]/g, escaped);
  return options.escapeHtml === true ? separators.replace(/[<>&]/g, escaped) : separators;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
