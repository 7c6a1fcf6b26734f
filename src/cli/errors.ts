// How a command ends badly: each kind knows what is printed and the exit code scripts expect.

/** Printed as it is to stderr; exit 1 unless said otherwise. */
export class CliError extends Error {
  override readonly name: string = "CliError";
  readonly exitCode: number;

  constructor(message: string, exitCode = 1, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

/** The daemon answered, and said no. */
export class DaemonError extends CliError {
  override readonly name = "DaemonError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(`Error response from daemon: ${message}`);
    this.status = status;
  }
}

/** A flag that cannot be read: exit 125 and the usage lines, as docker 28 does. */
export class FlagError extends CliError {
  override readonly name = "FlagError";

  constructor(message: string) {
    super(message, 125);
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof DaemonError && error.status === 404;
}

/**
 * Several arguments, each tried: what went wrong with the others does not stop one. The failures come last, together.
 */
export async function forEach(names: readonly string[], action: (name: string) => Promise<void>): Promise<void> {
  const failures: string[] = [];
  for (const name of names) {
    try {
      await action(name);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      failures.push(error.message);
    }
  }
  if (failures.length > 0) throw new CliError(failures.join("\n"));
}
