// What every `inspect` verb does: fetch each, print all as JSON or one by one through a template; the errors come last.
import { dockerFunctions, goJson, parseTemplate, type TemplateObject } from "../../base/index.js";
import { CliError } from "../errors.js";
import { formatError } from "../format.js";
import type { Output } from "../world.js";

export interface InspectOptions<T> {
  readonly names: readonly string[];
  readonly format: string | undefined;
  fetch(name: string): Promise<T>;
  /** The object with Go's manners, for templates. */
  typed(item: T): TemplateObject;
}

export async function inspectEach<T>(options: InspectOptions<T>, stdout: Output): Promise<void> {
  const { format = "" } = options;
  const template = format === "" || format === "json" ? undefined : parseInspect(format);
  const items: T[] = [];
  const failures: string[] = [];
  for (const name of options.names) {
    try {
      const item = await options.fetch(name);
      if (template === undefined) items.push(item);
      else stdout.write(`${executeInspect(template, options.typed(item))}\n`);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      failures.push(error.message);
      if (error instanceof FormatFailure) break;
    }
  }
  if (template === undefined) stdout.write(`${jsonList(items, format)}\n`);
  else if (failures.length === options.names.length) stdout.write("\n");
  if (failures.length > 0) throw new CliError(failures.join("\n"));
}

class FormatFailure extends CliError {}

function parseInspect(format: string): ReturnType<typeof parseTemplate> {
  try {
    return parseTemplate(format, { functions: dockerFunctions });
  } catch (error) {
    throw formatError(error);
  }
}

function executeInspect(template: ReturnType<typeof parseTemplate>, data: TemplateObject): string {
  try {
    return template.execute(data);
  } catch (error) {
    const shown = formatError(error);
    throw shown instanceof CliError ? new FormatFailure(shown.message) : shown;
  }
}

function jsonList(items: readonly unknown[], format: string): string {
  return goJson(items, { escapeHtml: true, ...(format === "json" ? {} : { indent: "    " }) });
}
