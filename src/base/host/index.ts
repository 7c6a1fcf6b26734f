/** The real clock and the real chance. The real disk, log and metrics stand beside them. */
export { systemClock } from "./clock.js";
export { systemRandom } from "./random.js";
