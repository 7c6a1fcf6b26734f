// A script's words: quotes, and the operators that separate commands. As much of a shell as `sh -c` of a test needs.

export interface Command {
  readonly words: readonly string[];
  /** What stands before it: `&&` and `||` ask how the one before ended. */
  readonly after: ";" | "&&" | "||";
  readonly background: boolean;
}

const token = /[^\S\n]*(?:(&&|\|\||;|\n|&(?!\d))|((?:'[^']*'|"[^"]*"|>&\d|\\.|[^\s;&|'"\\])+))/y;

/** The commands of a script, in order; undefined when it uses more of the language than this. */
export function commandsOf(script: string): readonly Command[] | undefined {
  const commands: Command[] = [];
  let words: string[] = [];
  let after: Command["after"] = ";";
  const close = (background: boolean): void => {
    if (words.length > 0) commands.push({ words, after, background });
    words = [];
  };
  token.lastIndex = 0;
  const text = script.trim();
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) return undefined;
    const operator = match[1];
    if (operator === undefined) {
      words.push(unquoted(match[2] ?? ""));
    } else {
      close(operator === "&");
      after = operator === "&&" || operator === "||" ? operator : ";";
    }
  }
  close(false);
  return commands;
}

function unquoted(word: string): string {
  return word.replace(/'([^']*)'|"([^"]*)"|\\(.)/g, (_, single, double, escaped) => single ?? double ?? escaped ?? "");
}
