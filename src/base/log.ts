/** Fields of a log line. Never a secret, never a stack. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One line, one event: constant text, then fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line carries `fields` too. */
  with(fields: LogFields): Log;
}

/** Says nothing: for tests and for parts that are used before a log exists. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
};
