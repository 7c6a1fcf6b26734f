/** After what runs now, before anything else of this process. */
export function atOnce(fn: () => void): void {
  queueMicrotask(fn);
}

/** After everything that can run now, I/O callbacks at hand included: one flush of the log a turn. */
export function nextTurn(fn: () => void): void {
  setImmediate(fn);
}
