// `--format` of the verbs that print one object: `json` or a template over its fields.
import { dockerFunctions, parseTemplate } from "../../base/index.js";
import { formatError } from "../format.js";

export function renderOne(format: string, data: unknown, json: () => string): string {
  if (format === "json") return `${json()}\n`;
  try {
    return `${parseTemplate(format, { functions: dockerFunctions, missingKey: "error" }).execute(data)}\n`;
  } catch (error) {
    throw formatError(error);
  }
}
