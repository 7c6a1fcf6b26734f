// Help pages in docker's layout: usage, aliases, options wrapped to the terminal.
import type { Flag, FlagTable } from "./flags/flag.js";

export interface HelpPage {
  /** `skep service create` */
  readonly path: string;
  /** `[OPTIONS] IMAGE [COMMAND] [ARG...]` */
  readonly use: string;
  readonly about: string;
  /** Whole commands, this one included. */
  readonly aliases?: readonly string[];
  readonly flags?: FlagTable;
}

export function usageLine(page: Pick<HelpPage, "path" | "use">): string {
  return `Usage:  ${[page.path, page.use].filter((part) => part !== "").join(" ")}`;
}

export function helpPage(page: HelpPage, columns: number): string {
  const parts = [usageLine(page), page.about];
  if (page.aliases !== undefined && page.aliases.length > 0) {
    parts.push(`Aliases:\n  ${page.aliases.join(", ")}`);
  }
  const options = optionLines(page.flags ?? {}, columns);
  if (options !== "") parts.push(`Options:\n${options}`);
  return `${parts.join("\n\n")}\n`;
}

export interface CommandLine {
  readonly name: string;
  readonly about: string;
}

export function commandsPage(
  page: Pick<HelpPage, "path" | "about">,
  groups: readonly { readonly title: string; readonly commands: readonly CommandLine[] }[],
  flags: FlagTable = {},
  columns = 80,
): string {
  const parts = [
    usageLine({ path: page.path, use: `${Object.keys(flags).length > 0 ? "[OPTIONS] " : ""}COMMAND` }),
    page.about,
  ];
  for (const { title, commands } of groups) parts.push(`${title}:\n${commandLines(commands)}`);
  const options = optionLines(flags, columns);
  if (options !== "") parts.push(`Global Options:\n${options}`);
  parts.push(`Run '${page.path} COMMAND --help' for more information on a command.`);
  return `${parts.join("\n\n")}\n`;
}

function commandLines(commands: readonly CommandLine[]): string {
  const width = Math.max(10, ...commands.map(({ name }) => name.length));
  return [...commands]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`)
    .join("\n");
}

/** No narrower than this beside the flag's name; below it the text goes under the flag. */
const usageWidthMin = 24;

export function optionLines(flags: FlagTable, columns: number): string {
  const rows = Object.entries(flags)
    .filter(([, { hidden }]) => hidden !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => ({ left: leftSide(name, flag), right: rightSide(flag) }));
  const indent = Math.max(0, ...rows.map(({ left }) => left.length)) + 3;
  return rows.map(({ left, right }) => left.padEnd(indent) + wrap(right, indent, columns)).join("\n");
}

function leftSide(name: string, { short, type }: Flag<unknown>): string {
  const dashes = short === undefined ? `      --${name}` : `  -${short}, --${name}`;
  return type.label === "" ? dashes : `${dashes} ${type.label}`;
}

function rightSide({ usage, shown }: Flag<unknown>): string {
  return shown === undefined ? usage : `${usage} (default ${shown})`;
}

/** pflag's rule: break at the last blank that fits; a rest that is only a little longer than the line may stick out. */
function wrap(text: string, indent: number, columns: number): string {
  const slack = 5;
  const width = columns - 1 - indent;
  const lines = width < usageWidthMin ? [text] : linesOf(text, width - slack, slack);
  return lines.join("\n").replaceAll("\n", `\n${" ".repeat(indent)}`);
}

function linesOf(text: string, width: number, slack: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length >= width + slack) {
    const at = breakBefore(rest, width);
    if (at === undefined) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  if (rest !== "") lines.push(rest);
  return lines;
}

/** A line break of the text's own goes before a blank. */
function breakBefore(text: string, width: number): number | undefined {
  const within = text.slice(0, width);
  const newline = within.lastIndexOf("\n");
  if (newline > 0) return newline;
  const blank = within.search(/[ \t\n][^ \t\n]*$/);
  return blank > 0 ? blank : undefined;
}
