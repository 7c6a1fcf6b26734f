/** The real clock and the real chance. The real disk, log and metrics stand beside them. */
export { systemClock } from "./clock.js";
export { openDisk } from "./disk.js";
export { type LogFormat, type LogLevel, openLog } from "./log.js";
export { type MetricsRegistry, openMetrics } from "./metrics.js";
export { systemRandom } from "./random.js";
