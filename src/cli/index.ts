/**
 * The `skep` command: Docker's grammar, tables and words over a daemon's socket.
 * Must stay true: it imports only `base` and the types of `api`, so that it starts as fast as Node allows; what reaches
 * the outside comes in as a World (world.ts, the real one in host/); a command never prints a stack trace.
 * Start at run.ts (from argv to a verb), then commands/ (one folder per noun, one file per verb).
 */
export { main } from "./main.js";
export { runCli } from "./run.js";
export type { Address, HttpRequest, HttpResponse, Input, Output, Transport, World } from "./world.js";
