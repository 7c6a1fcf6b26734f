/** After everything that can run now, I/O callbacks at hand included: one flush of the log a turn. */
export function nextTurn(fn: () => void): void {
  setImmediate(fn);
}
