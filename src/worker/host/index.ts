/** The node's memory on a real disk. */
export { LevelState } from "./level.js";
