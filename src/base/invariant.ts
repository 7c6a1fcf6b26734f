/** A bug: something the code relies on is not true. Never caught to go on; the owner of the process dies with it. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Says what must be true, and crashes when it is not; kept on in production. `fields` go into the message. */
export function invariant(
  condition: unknown,
  what: string,
  fields: Readonly<Record<string, unknown>> = {},
): asserts condition {
  if (!condition) throw new InvariantError(`invariant broken: ${what} ${JSON.stringify(fields)}`);
}
