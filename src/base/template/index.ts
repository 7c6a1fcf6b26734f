/**
 * Go's text/template, as far as Docker's users write it: `--format` of the CLI, templates in service specs.
 * Must stay true: parsing and executing are pure (no clock, no I/O); error texts are Go's, because Docker prints them.
 * Not here: nested definitions (`define`, `block`, `template`), complex numbers. Start at template.ts.
 */
export { TemplateError } from "./ast.js";
export { dockerFunctions, dockerHeaderFunctions } from "./docker-functions.js";
export { type FunctionTable, fn, type Parameter, type TemplateFunction } from "./functions.js";
export { goJson } from "./json.js";
export { formatGo } from "./printf.js";
export { parseTemplate, type Template, type TemplateOptions } from "./template.js";
export { noField, TemplateObject } from "./value.js";
