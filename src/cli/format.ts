// `--format`: rows through a Go template, as a table with headers or one by one.
import {
  dockerFunctions,
  dockerHeaderFunctions,
  goJson,
  noField,
  parseTemplate,
  TemplateError,
  TemplateObject,
} from "../base/index.js";
import { CliError } from "./errors.js";
import { alignTable } from "./table.js";

/** A column's value, or how to get it once a template asks. */
export type Columns = Readonly<Record<string, () => unknown>>;

export interface Listing<T> {
  /** Docker's name of the row's type, which its error texts show. */
  readonly typeName: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The template of `table` alone. */
  readonly table: string;
  /** The template of `raw`. */
  readonly raw?: string;
  readonly quiet: string;
  columns(item: T): Columns;
}

export interface ListingOptions {
  /** What `--format` said; undefined means the table. */
  readonly format: string | undefined;
  readonly quiet: boolean;
}

export function renderListing<T>(listing: Listing<T>, items: readonly T[], options: ListingOptions): string {
  const { isTable, template } = templateOf(listing, options);
  const parsed = parseFormat(template);
  const lines = items.map((item) => executeFormat(parsed, new Row(listing.typeName, listing.columns(item))));
  if (!isTable) return lines.map((line) => `${line}\n`).join("");
  const header = executeFormat(parsed, listing.headers, true);
  return alignTable([header, ...lines].flatMap((line) => line.split("\n")));
}

function templateOf<T>(
  listing: Listing<T>,
  { format = "table", quiet }: ListingOptions,
): { isTable: boolean; template: string } {
  if (format === "json") return { isTable: false, template: "{{json .}}" };
  if (format === "raw" && listing.raw !== undefined)
    return { isTable: false, template: quiet ? rawQuiet(listing) : listing.raw };
  if (format === "table") return { isTable: !quiet, template: quiet ? listing.quiet : listing.table };
  if (format.startsWith("table")) return { isTable: true, template: unescaped(format.slice("table".length).trim()) };
  return { isTable: false, template: unescaped(format) };
}

function rawQuiet<T>(listing: Listing<T>): string {
  return `id: ${listing.quiet}`;
}

/** A shell passes `\t` as two characters. */
function unescaped(template: string): string {
  return template.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

function parseFormat(template: string): ReturnType<typeof parseTemplate> {
  try {
    return parseTemplate(template, { functions: dockerFunctions });
  } catch (error) {
    throw formatError(error);
  }
}

function executeFormat(template: ReturnType<typeof parseTemplate>, data: unknown, isHeader = false): string {
  try {
    return template.execute(data, isHeader ? dockerHeaderFunctions : undefined);
  } catch (error) {
    throw formatError(error);
  }
}

export function formatError(error: unknown): unknown {
  return error instanceof TemplateError ? new CliError(`template parsing error: ${error.message}`, 1, error) : error;
}

/** One row. As JSON: all columns by name, with Go's escapes for HTML. */
class Row extends TemplateObject {
  readonly typeName: string;
  private readonly columns: Columns;

  constructor(typeName: string, columns: Columns) {
    super();
    this.typeName = typeName;
    this.columns = columns;
  }

  field(name: string): unknown {
    return Object.hasOwn(this.columns, name) ? this.columns[name]?.() : noField;
  }

  toString(): string {
    return this.jsonText();
  }

  override jsonText(): string {
    return goJson(this.toJSON(), { escapeHtml: true });
  }

  toJSON(): unknown {
    const names = Object.keys(this.columns).sort();
    return Object.fromEntries(names.map((name) => [name, this.columns[name]?.()]));
  }
}
